"""`expand`: an id in an answer becomes the object itself. What can be expanded is read from the SDK's types.

https://docs.stripe.com/api/expanding_objects
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Any, ForwardRef, Union, get_args, get_origin

import stripe
from stripe.checkout import Session

from webapp.simulator.errors import NotSimulated, StripeRefusal
from webapp.simulator.lists import as_list
from webapp.simulator.sessions import lines_of, lines_url
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions.invoice_api import payments_of

DEEPEST = 4
CLASSES: dict[str, type] = {
    "balance_transaction": stripe.BalanceTransaction,
    "billing_portal.configuration": stripe.billing_portal.Configuration,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": Session,
    "coupon": stripe.Coupon,
    "customer": stripe.Customer,
    "discount": stripe.Discount,
    "dispute": stripe.Dispute,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
    "product": stripe.Product,
    "promotion_code": stripe.PromotionCode,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "subscription_schedule": stripe.SubscriptionSchedule,
}
FIRST_LINES = 10


def expand(state: State, answer: Json, paths: list[str]) -> Json:
    """The answer with every path in `paths` expanded; raises StripeRefusal for what has no object behind it."""
    for path in paths:
        parts = path.split(".")
        if len([part for part in parts if part != "data"]) > DEEPEST:
            raise StripeRefusal(f"You cannot expand more than {DEEPEST} levels of a property.", param="expand")
        answer = _expanded(Expanding(state, path), answer, None, parts)
    return answer


@dataclass(frozen=True)
class Expanding:
    """One path on its way through an answer."""

    state: State
    path: str

    def refusal(self) -> StripeRefusal:
        """There is no object behind the path."""
        return StripeRefusal(f"This property cannot be expanded ({self.path}).", param="expand")

    def load(self, object_id: str) -> Json:
        """The object with this id."""
        for kind in CLASSES:
            found = self.state.find(kind, object_id)
            if found is not None:
                return found
        raise NotSimulated(f"Expanding {self.path}")


def _expanded(expanding: Expanding, item: Json, kind: type | None, parts: list[str]) -> Json:
    """`item` with `parts` expanded. `kind` is the SDK's class of an item that is a part of an object."""
    name, *rest = parts
    if item.get("object") == "list":
        if name != "data" or not rest:
            raise expanding.refusal()
        return {**item, "data": [_expanded(expanding, entry, None, rest) for entry in item["data"]]}
    kind = CLASSES.get(item.get("object", ""), kind)
    inner = _inner(expanding, item, kind, name, is_last=not rest)
    if rest:
        inner = _deeper(expanding, inner, _part_class(kind, name), rest)
    return {**item, name: inner}


def _deeper(expanding: Expanding, inner: Any, kind: type | None, rest: list[str]) -> Any:
    """A part, or each part of a list, with what is further down expanded."""
    if isinstance(inner, list):
        return [_deeper(expanding, one, kind, rest) for one in inner]
    return _expanded(expanding, inner, kind, rest) if isinstance(inner, dict) else inner


def _inner(expanding: Expanding, item: Json, kind: type | None, name: str, *, is_last: bool) -> Any:
    hints = kind.__annotations__ if kind else {}
    if name not in hints:
        raise expanding.refusal()
    if (kind, name) in LISTS:
        return item.get(name) or LISTS[kind, name](expanding.state, item["id"])
    if name not in item:
        raise NotSimulated(f"Expanding {expanding.path}")
    held = item[name]
    if not _names_object(hints[name]):
        if _is_object(held) or (not is_last and _part_class(kind, name)):
            return held  # it is there already, like the price of an item, or what it names is further down
        raise expanding.refusal()
    if isinstance(held, list):
        return [expanding.load(one) if isinstance(one, str) else one for one in held]
    return expanding.load(held) if isinstance(held, str) else held  # expanded already, or null


def _is_object(held: Any) -> bool:
    return isinstance(held, dict) and "object" in held


def _first_lines(state: State, session_id: str) -> Json:
    lines = lines_of(state, session_id)
    return as_list(lines[:FIRST_LINES], lines_url(session_id), has_more=len(lines) > FIRST_LINES)


# Lists that Stripe sends only when they are expanded.
LISTS: dict[tuple[type | None, str], Callable[[State, str], Json]] = {
    (Session, "line_items"): _first_lines,
    (stripe.Invoice, "payments"): payments_of,
}


@functools.cache
def _part_class(kind: type | None, name: str) -> type | None:
    """The SDK's class of a part of an object, like `Session.AutomaticTax`; None for anything else."""
    hint = kind.__annotations__.get(name) if kind else None
    parts = get_args(hint)
    for candidate in (hint, *parts, *(one for part in parts for one in get_args(part))):  # `Optional[List[Part]]` too
        if isinstance(candidate, type) and issubclass(candidate, stripe.StripeObject):
            return candidate
    return None


def _names_object(hint: Any) -> bool:
    """Whether a field is an id that can become its object."""
    if isinstance(hint, ForwardRef):
        return True
    return get_origin(hint) in {Union, UnionType, list} and any(_names_object(part) for part in get_args(hint))
