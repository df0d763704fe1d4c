"""Stripe's events before anybody believes them: the header's form and time, the body's shape. Knows no SDK.

The signature itself is checked in `gateway.verified_event`. What the SDK leaves open is closed here:
https://docs.stripe.com/webhooks#verify-events and the table in docs/stripe.md.
"""

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog

from webapp.billing.errors import InvalidWebhook

HEADER_BYTES = 4096
TOLERANCE_SECONDS = 300

EVENT_ID = re.compile(r"[A-Za-z0-9_]{1,255}")
EVENT_TYPE = re.compile(r"[a-z0-9_.]{1,100}")
OBJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
TIMESTAMP = re.compile(r"[0-9]{1,12}")
API_VERSION = re.compile(r"[A-Za-z0-9_.-]{1,40}")

log = structlog.get_logger("refill")


@dataclass(frozen=True, slots=True)
class Event:
    """A snapshot event that Stripe signed, or that it lists. A hint, never a source.

    `json` is the object as some API version had it. `came_by` is how it came to us.
    """

    id: str
    type: str
    created_at: dt.datetime
    livemode: bool
    api_version: str
    account: str | None
    object_id: str
    json: Mapping[str, Any]
    body: str
    came_by: str = "webhook"

    def hint(self, name: str) -> str:
        """A field of the object that looks like an id, else ''. `metadata.purchase_id` reaches into metadata."""
        found: Any = self.json
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return _plain(found, OBJECT_ID)


def check_header(header: str | None, *, now: dt.datetime) -> str:
    """The signature header, if its form and its time can be right; raises InvalidWebhook.

    The SDK raises TypeError for a header that is not ASCII, takes any length, and accepts times in the future.
    """
    if not header:
        raise InvalidWebhook("no_signature")
    if not header.isascii():
        raise InvalidWebhook("header_not_ascii")
    if len(header) > HEADER_BYTES:
        raise InvalidWebhook("header_too_long")
    times = [part.removeprefix("t=") for part in header.split(",") if part.startswith("t=")]
    if len(times) != 1 or not TIMESTAMP.fullmatch(times[0]):
        raise InvalidWebhook("no_timestamp")
    age_seconds = now.timestamp() - int(times[0])
    if age_seconds > TOLERANCE_SECONDS:
        raise InvalidWebhook("too_old")
    if age_seconds < -TOLERANCE_SECONDS:
        raise InvalidWebhook("in_the_future")
    return header


def decoded(body: bytes) -> str:
    """The body as text; raises InvalidWebhook if it is not UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidWebhook("not_utf8") from None


def read_event(text: str) -> Event:
    """The event in a body whose signature was right; raises InvalidWebhook for anything but a snapshot event."""
    fields = _read_json(text)
    if not isinstance(fields, dict):
        raise InvalidWebhook("not_an_object")
    if fields.get("object") == "v2.core.event":
        log.warning("thin event refused: this endpoint takes snapshot events, make it with `flask stripe sync`")
        raise InvalidWebhook("thin_event")
    data = fields.get("data")
    named = data.get("object") if isinstance(data, dict) else None
    event_id, kind = _plain(fields.get("id"), EVENT_ID), _plain(fields.get("type"), EVENT_TYPE)
    if fields.get("object") != "event" or not event_id or not kind or not isinstance(named, dict):
        raise InvalidWebhook("not_an_event")
    if not isinstance(fields.get("livemode"), bool):
        raise InvalidWebhook("not_an_event")
    return Event(
        id=event_id,
        type=kind,
        created_at=_moment(fields.get("created")),
        livemode=fields["livemode"],
        api_version=_plain(fields.get("api_version"), API_VERSION),
        account=None if fields.get("account") is None else str(fields["account"])[:255],
        object_id=_plain(named.get("id"), OBJECT_ID),
        json=named,
        body=text,
    )


def _read_json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_twins)
    except RecursionError:
        raise InvalidWebhook("nested_too_deep") from None
    except ValueError:
        raise InvalidWebhook("not_json") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return fields


def _moment(created: Any) -> dt.datetime:
    if isinstance(created, bool) or not isinstance(created, int) or not 0 <= created < 2**33:
        raise InvalidWebhook("not_an_event")
    return dt.datetime.fromtimestamp(created, dt.UTC)


def _plain(found: Any, form: re.Pattern[str]) -> str:
    return found if isinstance(found, str) and form.fullmatch(found) else ""
