"""Reading what a client sends: one JSON object, its fields, a query's parameters. Strict, and refused in sentences."""

import hashlib
import json
from typing import Any, NoReturn, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.ledger.checks import is_deeper
from webapp.web.refusals import IdempotencyKeyMissing, InvalidFields, InvalidIdempotencyKey, InvalidJson, NotJson

LONGEST_KEY = 200
MOST_LEVELS = 200  # Python would give up deeper down, and not at the same depth in each place that walks the body

Fields = TypeVar("Fields", bound=BaseModel)


def object_if_any() -> dict[str, Any]:
    """The body of this request; an empty object when there is none. Raises as `json_object` does."""
    return json_object() if _has_body() else {}


def json_object() -> dict[str, Any]:
    """The body of this request. Raises NotJson, InvalidJson, or RequestEntityTooLarge over 1 MiB."""
    if not _has_body():
        raise InvalidJson('Send a body: a JSON object, like {"pack": "small"}.')
    if not request.is_json:
        raise NotJson("Send the body as JSON, with Content-Type: application/json.")
    try:
        found = json.loads(_body(), parse_constant=_refuse_constant, object_pairs_hook=_without_twins)
        json.dumps(found, ensure_ascii=False).encode()  # "\ud800" reads as text that nothing can store
    except (ValueError, RecursionError) as error:  # ValueError: also bytes that are no text, and endless numbers
        raise InvalidJson("The body is not valid JSON.") from error
    if is_deeper(found, than=MOST_LEVELS):
        raise InvalidJson(f"The body can't be nested more than {MOST_LEVELS} levels deep.")
    if not isinstance(found, dict):
        raise InvalidJson('The body must be a JSON object, like {"pack": "small"}.')
    return found


def checked(fields: type[Fields], given: dict[str, Any]) -> Fields:
    """The fields, or InvalidFields with a sentence for each fault. What was given is not repeated in it."""
    try:
        return fields.model_validate(given)
    except ValidationError as error:
        faults = [_fault(found) for found in error.errors(include_url=False, include_input=False)]
    field, message = faults[0]["field"], faults[0]["message"]
    raise InvalidFields(f"{field}: {message}." if field else f"{message}.", fields=faults)


def idempotency_key() -> str | None:
    """The client's key, or None; raises InvalidIdempotencyKey."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey(f"Idempotency-Key must be 1 to {LONGEST_KEY} printable ASCII characters.")
    return key


def needed_key() -> str:
    """The client's key; raises IdempotencyKeyMissing or InvalidIdempotencyKey."""
    key = idempotency_key()
    if key is None:
        raise IdempotencyKeyMissing("Send an Idempotency-Key, so that this can be sent again without harm.")
    return key


def fingerprint(body: dict[str, Any]) -> str:
    """What a repeated key must have in common with its first use: method, path and the whole body, order aside."""
    return digest(f"{request.method}\n{request.path}", body)


def digest(where: str, body: dict[str, Any]) -> str:
    """A short text that is the same for the same body in the same place, whatever the order of its names."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{where}\n{canonical}".encode()).hexdigest()


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def _body() -> bytes:
    body = request.get_data()
    limit = request.max_content_length
    if request.content_length is None and limit is not None and len(body) >= limit:
        raise RequestEntityTooLarge  # Werkzeug cuts a body of untold length at the limit, and says nothing
    return body


def _fault(found: Any) -> dict[str, str]:
    message = str(found["msg"]).removeprefix("Value error, ").rstrip(".")
    return {"field": ".".join(str(part) for part in found["loc"]), "message": message}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python reads NaN and Infinity, the standard does not


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")  # readers differ in which one counts
    return found
