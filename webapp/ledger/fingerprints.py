"""Fingerprints: what makes two requests with one key the same request."""

import datetime as dt
import hashlib
import json
from typing import Any


def fingerprint_of(operation: str, *facts: Any) -> str:
    """The fingerprint of a request whose caller has none: the same for the same facts, in this order."""
    written = json.dumps([operation, *facts], sort_keys=True, separators=(",", ":"), default=_instant)
    return hashlib.sha256(written.encode()).hexdigest()


def _instant(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    raise TypeError(f"{type(value).__name__} can't be part of a fingerprint.")
