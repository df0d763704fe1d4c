"""`expand`: an id in an answer becomes the object itself. What can be expanded is read from the SDK's types.

https://docs.stripe.com/api/expanding_objects
"""

import functools
from types import UnionType
from typing import Any, ForwardRef, Union, get_args, get_origin

import stripe
from stripe.checkout import Session

from webapp.simulator.errors import NotSimulated, StripeRefusal
from webapp.simulator.lists import as_list
from webapp.simulator.sessions import lines_of, lines_url
from webapp.simulator.store import Json, State

DEEPEST = 4
CLASSES: dict[str, type] = {
    "charge": stripe.Charge,
    "checkout.session": Session,
    "customer": stripe.Customer,
    "item": stripe.LineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
}
FIRST_LINES = 10


def expand(state: State, answer: Json, paths: list[str]) -> Json:
    """The answer with every path in `paths` expanded; raises StripeRefusal for what has no object behind it."""
    for path in paths:
        parts = path.split(".")
        if len([part for part in parts if part != "data"]) > DEEPEST:
            raise StripeRefusal(f"You cannot expand more than {DEEPEST} levels of a property.", param="expand")
        answer = _expanded(state, answer, parts, path)
    return answer


def _expanded(state: State, item: Json, parts: list[str], path: str) -> Json:
    name, *rest = parts
    if item.get("object") == "list":
        if name != "data" or not rest:
            raise _refusal(path)
        return {**item, "data": [_expanded(state, entry, rest, path) for entry in item["data"]]}
    inner = _inner(state, item, name, path)
    if rest and isinstance(inner, dict):
        inner = _expanded(state, inner, rest, path)
    return {**item, name: inner}


def _inner(state: State, item: Json, name: str, path: str) -> Any:
    kind = item.get("object", "")
    if (kind, name) == ("checkout.session", "line_items"):
        return item.get(name) or _first_lines(state, item)
    held = item.get(name)
    if isinstance(held, dict):
        return held  # expanded already, or an object in its own right
    if kind not in CLASSES or not _is_expandable(CLASSES[kind], name):
        raise _refusal(path)
    if held is None and name not in item:
        raise NotSimulated(f"Expanding {path}")
    return held and _load(state, held, path)


def _first_lines(state: State, session: Json) -> Json:
    lines = lines_of(state, session["id"])
    return as_list(lines[:FIRST_LINES], lines_url(session["id"]), has_more=len(lines) > FIRST_LINES)


def _load(state: State, object_id: str, path: str) -> Json:
    for kind in CLASSES:
        found = state.find(kind, object_id)
        if found is not None:
            return found
    raise NotSimulated(f"Expanding {path}")


@functools.cache
def _is_expandable(kind: type, name: str) -> bool:
    return _names_object(kind.__annotations__.get(name))


def _names_object(hint: Any) -> bool:
    if isinstance(hint, ForwardRef):
        return True
    return get_origin(hint) in {Union, UnionType, list} and any(_names_object(part) for part in get_args(hint))


def _refusal(path: str) -> StripeRefusal:
    return StripeRefusal(f"This property cannot be expanded ({path}).", param="expand")
