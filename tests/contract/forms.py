"""Form bodies as nested values, coerced by schema: what Stripe reads from `a[b][0][c]=v`.

Shares no code with the simulator's own reading of them.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from tests.contract.stripe_types import Schema, faults, referenced

SCALARS: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("integer", r"-?[0-9]+", int),
    ("number", r"-?[0-9]+(\.[0-9]+)?", float),
    ("boolean", r"true|false", "true".__eq__),
)


def nested(form: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True, strict_parsing=bool(form)):
        *path, last = re.findall(r"[^\[\]]+", name)
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return tree


def coerced(value: Any, schema: Schema) -> Any:
    """The value as its schema wants it, where its text allows; else as it was, for the validator to refuse."""
    if "$ref" in schema:
        return coerced(value, referenced(schema["$ref"]))
    if "anyOf" in schema:
        tried = [coerced(value, branch) for branch in schema["anyOf"]]
        fitting = [one for one, branch in zip(tried, schema["anyOf"], strict=True) if not faults(one, branch)]
        return (fitting or [one for one in tried if one != value] or [value])[0]
    if isinstance(value, dict):
        return _container(value, schema)
    for kind, pattern, read in SCALARS:
        if schema.get("type") == kind and re.fullmatch(pattern, value):
            return read(value)
    return value


def _container(value: dict[str, Any], schema: Schema) -> Any:
    if schema.get("type") == "array" and [*value] == [str(position) for position in range(len(value))]:
        return [coerced(item, schema["items"]) for item in value.values()]
    known = schema.get("properties", {})
    other = schema.get("additionalProperties") or {}
    return {name: coerced(item, known.get(name, other)) for name, item in value.items()}
