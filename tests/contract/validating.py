"""A recording HTTP client between the SDK and Stripe, simulated or real: judges each request and each answer.

The suite's client is wrapped in it, so that no test can pass with a request that Stripe would refuse.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, get_args, get_origin
from urllib.parse import urlsplit

import stripe
from flask import Flask
from stripe import ListObject

from tests.contract.forms import coerced, nested
from tests.contract.stripe_types import evaluated, faults, fields, list_object, object_classes, operation, schema_of
from webapp.billing.gateway import build_gateway
from webapp.simulator.store import Store

# Sent by Stripe only in particular cases: when expanded, when deleted, with Connect, at creation.
# Stated here again, apart from the simulator's own table: the two must agree.
NOT_ALWAYS_SENT: dict[str, set[str]] = {
    "charge": {"refunds"},
    "checkout.session": {"line_items"},
    "coupon": {"applies_to", "currency_options", "deleted"},
    "customer": {
        "cash_balance", "deleted", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids",
    },
    "discount": {"deleted"},
    "event": {"account", "context"},
    "invoice": {"confirmation_secret", "deleted", "payments"},
    "item": {"discounts", "taxes"},
    "plan": {"deleted", "tiers"},
    "price": {"currency_options", "deleted", "tiers"},
    "product": {"deleted"},
    "subscription_item": {"deleted"},
    "webhook_endpoint": {"deleted", "secret"},
}  # fmt: skip
DELETED = {"id", "object", "deleted"}
ERROR_FIELDS = {"type", "code", "message", "param", "doc_url"}


class ContractViolation(AssertionError):
    """A request that Stripe would refuse, or an answer that it would never give."""


@cache
def request_faults(method: str, path: str, form: str) -> tuple[str, ...]:
    """What Stripe's types say against a request."""
    found = operation(method, path)
    if found is None:
        return (f"{method} {path}: no such operation in the SDK",)
    schema = schema_of(evaluated(found.params, found.module), found.module)
    return tuple(faults(coerced(nested(form), schema), schema))


def answer_faults(method: str, path: str, body: Any) -> list[str]:
    """What Stripe's types say against an answer of status 200."""
    found = operation(method, path)
    if found is None:
        return [f"{method} {path}: no such operation in the SDK"]
    answers = evaluated(found.answers, found.module)
    is_list = get_origin(answers) is ListObject
    kind = get_args(answers)[0] if is_list else answers
    items = body.get("data", []) if is_list else [body]
    wrong = [f"{item['object']} instead of {kind.OBJECT_NAME}" for item in items if item["object"] != kind.OBJECT_NAME]
    envelope = faults(body, list_object({})) if is_list else []
    return envelope + wrong + [fault for item in items for fault in object_faults(item)]


def object_faults(item: dict[str, Any]) -> list[str]:
    """What Stripe's types say against one object, for itself."""
    return list(_object_faults(json.dumps(item)))


@cache  # the same object is met in an answer, in the store and in an event
def _object_faults(text: str) -> tuple[str, ...]:
    item = json.loads(text)
    if item.get("deleted"):
        return () if item.keys() == DELETED else (f"a deleted object has {sorted(item)}",)
    kind = object_classes()[item["object"]]
    found = faults(item, {"$ref": f"sdk:{kind.__module__}:{kind.__qualname__}"})
    return (*found, *field_faults(item))


def field_faults(item: dict[str, Any]) -> list[str]:
    """The fields of its type that an object lacks: reading code must not lean on luck."""
    kind = item["object"]
    if kind == "payment_method":  # sends its own kind's details only
        wanted = {"billing_details", "card", "created", "customer", "id", "livemode", "metadata", "type"}
        wanted = wanted - {"card"} | {item["type"]}
    else:
        wanted = fields(object_classes()[kind]) - NOT_ALWAYS_SENT.get(kind, set())
    return [f"{item['id']} ({kind}) lacks {name}" for name in sorted(wanted - item.keys())]


def event_faults(event: dict[str, Any]) -> list[str]:
    """What Stripe's types say against an event and the object in it."""
    return object_faults(event) + object_faults(event["data"]["object"])


def store_faults(store: Store) -> tuple[int, list[str]]:
    """How many objects and events a simulated Stripe has, and everything that is wrong with them."""
    with store.reading() as state:
        objects = [json.loads(row["json"]) for row in list(state.rows("SELECT json FROM sim_object"))]
        events = [json.loads(row["body"]) for row in list(state.rows("SELECT body FROM sim_event"))]
    found = [fault for item in objects for fault in object_faults(item)]
    found += [fault for event in events for fault in event_faults(event)]
    return len(objects) + len(events), found


class ValidatingHTTPClient(stripe.HTTPClient):
    """Passes requests to `inner` if Stripe's types allow them, and its answers back if they allow those.

    `requests` has each request as (method, path, parameters); `violations` every fault, also when the code under
    test has swallowed the exception: a fixture ends with `assert not client.violations`.
    """

    name = "validating"

    def __init__(self, inner: stripe.HTTPClient) -> None:
        super().__init__()
        self.inner = inner
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.violations: list[str] = []

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, *, _usage: Any = None
    ) -> tuple[str, int, Mapping[str, str]]:
        verb, path = method.upper(), urlsplit(url).path
        form = (post_data or "") if verb == "POST" else urlsplit(url).query
        self.requests.append((verb, path, nested(form)))
        self._judge(f"request {verb} {path}", request_faults(verb, path, form))
        body, status, answered = self.inner.request(method, url, headers, post_data)
        self._judge(f"answer {verb} {path}", _body_faults(verb, path, status, json.loads(body)))
        return body, status, answered

    def close(self) -> None:
        self.inner.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)  # the simulator's own functions, for tests that hold only this client

    def _judge(self, what: str, found: Sequence[str]) -> None:
        if found:
            self.violations += [f"{what}: {fault}" for fault in found]
            raise ContractViolation("\n".join(self.violations))


def watch(app: Flask) -> ValidatingHTTPClient:
    """Put the check between an application's gateway and its simulated Stripe."""
    parts = app.extensions["refill"]
    watched = ValidatingHTTPClient(app.extensions["simulator"])
    app.extensions["refill"] = replace(parts, gateway=build_gateway(parts.settings, http_client=watched))
    return watched


def check(watched: ValidatingHTTPClient) -> None:
    """Fail for every request, answer, object and event that Stripe's types do not allow."""
    assert watched.violations == []
    assert store_faults(watched.inner.store)[1] == []


def _body_faults(method: str, path: str, status: int, body: Any) -> list[str]:
    if status == 200:
        return answer_faults(method, path, body)
    error = body.get("error", {})
    unknown = error.keys() - ERROR_FIELDS
    lacking = {"type", "message"} - error.keys()
    return [f"an error with {sorted(unknown)} and without {sorted(lacking)}"] if unknown or lacking else []
