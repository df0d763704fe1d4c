"""Events: what happened, told to the app by webhook and listed by the API.

An event's body is rendered once, when it happens, and never changes; a delivery sends exactly those bytes.
https://docs.stripe.com/api/events
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import stripe

from webapp.simulator.calls import Call
from webapp.simulator.errors import NotFound, StripeRefusal
from webapp.simulator.lists import Listing, page
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.signing import Manner
from webapp.simulator.store import Json, State

LATE_SECONDS = 10
RETRY_SECONDS = (5, 30, 120)
HOLD = "hold"  # the switch that keeps back every delivery
OUTAGE = "outage"  # the switch that loses every delivery
LOST = "Lost in the outage."
MOST_TYPES = 20
KEPT_SECONDS = 30 * 24 * 3600

# Nobody listens to these: the catalogue is made by the app itself, and other events tell the same of customers, cards
# and invoices.
WITHOUT_LISTENER = (
    "product.created", "price.created", "customer.created", "customer.updated", "payment_method.", "invoice.created",
    "invoice.finalized", "invoice.marked_uncollectible", "invoice.payment_succeeded", "invoice_payment.",
    "promotion_code.",
)  # fmt: skip


@dataclass(frozen=True)
class Sending:
    """How the events of one payment reach the app: at once, ten seconds late or never, once or twice.

    `before` is at once, and the hosted page waits for the app's answer before it sends the buyer back.
    """

    webhook: Literal["normal", "before", "late", "never"] = "normal"
    is_twice: bool = False


NORMALLY = Sending()


def emit(
    state: State, kind: str, item: Json, *, now: int, sending: Sending = NORMALLY, previous: Json | None = None,
    call: Call | None = None,
) -> str:  # fmt: skip
    """Write an event about `item` as it is now and plan its deliveries; the event's id.

    `previous` are the earlier values of what an update changed, `call` is the API call that caused it.
    """
    is_heard = not kind.startswith(WITHOUT_LISTENER)
    cause = blank(stripe.Event.Request, id=call and call.request_id, idempotency_key=call and call.idempotency_key)
    data: Json = {"object": item}
    event = blank(
        stripe.Event,
        id=new_id("evt"),
        object="event",
        type=kind,
        api_version=stripe.api_version,
        created=now,
        data=data if previous is None else {**data, "previous_attributes": previous},
        livemode=False,
        pending_webhooks=int(is_heard),
        request=cause,
    )
    state.rows(
        "INSERT INTO sim_event (id, type, created, object_id, body, is_delivered) VALUES (?, ?, ?, ?, ?, ?)",
        event["id"], kind, now, item["id"], json.dumps(event, indent=2), not is_heard,
    )  # fmt: skip
    if is_heard:
        _plan_deliveries(state, event["id"], sending, now=now)
    return str(event["id"])


@dataclass(frozen=True)
class Happening:
    """What changes objects: its transaction and time, how its events are sent, the API call that caused it."""

    state: State
    now: int
    sending: Sending = NORMALLY
    call: Call | None = None

    def emit(self, kind: str, item: Json, previous: Json | None = None) -> None:
        """Write an event about `item` as it is now."""
        emit(self.state, kind, item, now=self.now, sending=self.sending, previous=previous, call=self.call)


def emit_for(call: Call, kind: str, item: Json, previous: Json | None = None) -> str:
    """Write an event that an API call caused."""
    return emit(call.state, kind, item, now=call.now, previous=previous, call=call)


def _plan_deliveries(state: State, event_id: str, sending: Sending, *, now: int) -> None:
    if sending.webhook == "never":
        return
    due_at = now + (LATE_SECONDS if sending.webhook == "late" else 0)
    plan_delivery(state, event_id, due_at=due_at)
    if sending.is_twice:
        plan_delivery(state, event_id, due_at=due_at, done="duplicate")


def plan_delivery(
    state: State, event_id: str, *, due_at: int, attempt: int = 1, retries_left: int = len(RETRY_SECONDS),
    manner: Manner = "plain", done: str = "",
) -> int:  # fmt: skip
    """Plan one attempt to deliver an event, held while everything is; the attempt's id. `done` says why it is made.

    In an outage it is lost at once.
    """
    is_held, is_lost = is_on(state, HOLD), is_on(state, OUTAGE)
    done = f"{done} held" if is_held else done
    sql = (
        "INSERT INTO sim_delivery "
        "(event_id, attempt, retries_left, due_at, manner, done, is_held, ended_at, answer, turn) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) + 1 FROM sim_delivery)) RETURNING id"
    )
    end = (due_at, LOST) if is_lost else (None, "")
    (row,) = state.rows(sql, event_id, attempt, retries_left, due_at, manner, done, is_held, *end)
    return int(row["id"])


def is_on(state: State, switch: str) -> bool:
    """Whether a switch of the control room is on."""
    return bool(list(state.rows("SELECT 1 FROM sim_switch WHERE name = ?", switch)))


def retrieve(call: Call, event_id: str) -> Json:
    """One event of the last 30 days, with the number of webhooks still waiting for it as it is now."""
    sql = "SELECT body, is_delivered FROM sim_event WHERE id = ? AND created > ?"
    for row in call.state.rows(sql, event_id, call.now - KEPT_SECONDS):
        return _as_now(row["body"], is_delivered=row["is_delivered"])
    raise NotFound(f"No such event: '{event_id}'", code="resource_missing", param="id")


def list_all(call: Call) -> Json:
    """Events of the last 30 days, newest first: of one `type` (`charge.*` is a group), or of up to 20 `types`.

    `delivery_success=false` has those whose webhook failed, waits or was never sent.
    https://docs.stripe.com/api/events/list
    """
    params = call.params
    kinds = _kinds(params)
    success = params.get("delivery_success")

    def fits(event: Json) -> bool:
        is_kept = event["created"] > call.now - KEPT_SECONDS
        in_kinds = not kinds or any(_matches(event["type"], kind) for kind in kinds)
        return is_kept and in_kinds and success in {None, event["pending_webhooks"] == 0}

    return page(call, Listing("event", "sim_event", "/v1/events", _read), fits)


def _kinds(params: Json) -> list[str]:
    if {"type", "types"} <= params.keys():
        raise StripeRefusal("You may pass either `type` or `types`, but not both.", param="types")
    kinds: list[str] = params.get("types", [params["type"]] if "type" in params else [])
    if len(kinds) > MOST_TYPES:
        raise StripeRefusal(f"You can specify up to {MOST_TYPES} types.", param="types")
    if "types" in params and any("*" in kind for kind in kinds):
        raise StripeRefusal("`types` takes the names of events; a group with * goes into `type`.", param="types")
    return kinds


def _matches(event_type: str, pattern: str) -> bool:
    return event_type == pattern or (pattern.endswith("*") and event_type.startswith(pattern.removesuffix("*")))


def _read(state: State, sql_tail: str, *values: object) -> Iterator[tuple[int, Json]]:
    for row in state.rows(f"SELECT seq, body, is_delivered FROM sim_event WHERE {sql_tail}", *values):  # noqa: S608 - our own text
        yield row["seq"], _as_now(row["body"], is_delivered=row["is_delivered"])


def _as_now(body: str, *, is_delivered: bool) -> Json:
    event: Json = json.loads(body)
    event["pending_webhooks"] = int(not is_delivered)
    return event
