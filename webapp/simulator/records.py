"""What the control room shows: the latest payments, events with every delivery attempt, objects. Read only."""

import datetime as dt
import json
from dataclasses import dataclass

from webapp.simulator.events import LOST
from webapp.simulator.intents import intent_of
from webapp.simulator.signing import Manner
from webapp.simulator.store import Json, State
from webapp.simulator.versions import OLD_VERSION
from webapp.simulator.waiting import DROPPED, IN_ORDER

SHOWN = 20
SHOWN_WAITING = 40

# What was done to a delivery, as the control room says it.
MANNER_WORDS: dict[Manner, str] = {
    "plain": "",
    "corrupt": "signature corrupted",
    "old_secret": "signed with the old secret",
    "two_secrets": "signed with the old and the new secret",
    "old_version": f"as API version {OLD_VERSION}",
}
DONE_WORDS = {
    "held": "held back",
    "reversed": "order reversed",
    "duplicate": "duplicate",
    "resent": "resent",
}
NEVER_SENT = {DROPPED: "dropped", LOST: "lost in the outage"}


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver an event. `state` is ok, bad, waiting, held or dropped; `text` says it in words."""

    number: int
    state: str
    text: str
    answer: str


@dataclass(frozen=True)
class EventLine:
    """One event of the control room."""

    id: str
    type: str
    object_id: str
    created: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class WaitingLine:
    """One delivery that has not been sent, in the order of sending."""

    id: int
    event_id: str
    event_type: str
    object_id: str
    attempt: Attempt


@dataclass(frozen=True)
class ObjectLine:
    """One object of the control room."""

    id: str
    type: str
    created: str


def events(state: State, event_id: str | None = None) -> list[EventLine]:
    """The latest events, or the one named, newest first."""
    where, values = ("WHERE id = ?", (event_id,)) if event_id else ("", ())
    rows = state.rows(f"SELECT * FROM sim_event {where} ORDER BY seq DESC LIMIT {SHOWN}", *values)  # noqa: S608 - our own text
    return [
        EventLine(row["id"], row["type"], row["object_id"], moment(row["created"]), _attempts(state, row["id"]))
        for row in list(rows)
    ]


def waiting(state: State) -> list[WaitingLine]:
    """The first deliveries that wait, in their order."""
    sql = (
        "SELECT sim_delivery.*, type, object_id FROM sim_delivery JOIN sim_event ON sim_event.id = event_id "  # noqa: S608 - our own text
        f"WHERE ended_at IS NULL {IN_ORDER} LIMIT {SHOWN_WAITING}"
    )
    return [
        WaitingLine(row["id"], row["event_id"], row["type"], row["object_id"], _attempt(dict(row)))
        for row in state.rows(sql)
    ]


def event_body(state: State, event_id: str) -> str | None:
    """The bytes of an event as they are sent, as text."""
    for row in state.rows("SELECT body FROM sim_event WHERE id = ?", event_id):
        return str(row["body"])
    return None


def objects(state: State) -> list[ObjectLine]:
    """The latest objects, newest first."""
    rows = state.rows(f"SELECT id, type, created FROM sim_object ORDER BY seq DESC LIMIT {SHOWN}")  # noqa: S608 - our own text
    return [ObjectLine(row["id"], row["type"], moment(row["created"])) for row in rows]


def any_object(state: State, object_id: str) -> Json | None:
    """The object with this id, of whatever kind."""
    for row in state.rows("SELECT json FROM sim_object WHERE id = ?", object_id):
        found: Json = json.loads(row["json"])
        return found
    return None


def sessions(state: State) -> list[tuple[Json, Json | None, Json | None]]:
    """The latest checkout sessions, newest first, each with its payment intent and its last charge."""
    sql = f"SELECT json FROM sim_object WHERE type = 'checkout.session' ORDER BY seq DESC LIMIT {SHOWN}"  # noqa: S608 - our own text
    found = [json.loads(row["json"]) for row in list(state.rows(sql))]
    intents = [intent_of(state, session) for session in found]
    charges = [intent and state.find("charge", intent["latest_charge"]) for intent in intents]
    return list(zip(found, intents, charges, strict=True))


def subscriptions(state: State) -> list[tuple[Json, str]]:
    """The latest subscriptions, newest first, each with the name of its plan."""
    sql = f"SELECT json FROM sim_object WHERE type = 'subscription' ORDER BY seq DESC LIMIT {SHOWN}"  # noqa: S608 - our own text
    found = [json.loads(row["json"]) for row in list(state.rows(sql))]
    products = [state.load("product", one["items"]["data"][0]["price"]["product"]) for one in found]
    return [(one, product["name"]) for one, product in zip(found, products, strict=True)]


def recurring_prices(state: State, currency: str) -> list[Json]:
    """The prices that may be subscribed to in a currency, oldest first."""
    sql = (
        "SELECT json FROM sim_object WHERE type = 'price' AND json_extract(json, '$.type') = 'recurring' "
        "AND json_extract(json, '$.active') AND json_extract(json, '$.currency') = ? ORDER BY seq"
    )
    return [json.loads(row["json"]) for row in state.rows(sql, currency)]


def moment(seconds: int) -> str:
    """A time for people who read logs: `2026-11-20 14:32:05 UTC`."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _attempts(state: State, event_id: str) -> tuple[Attempt, ...]:
    rows = state.rows("SELECT * FROM sim_delivery WHERE event_id = ? ORDER BY id", event_id)
    return tuple(_attempt(dict(row)) for row in rows)


def _attempt(row: Json) -> Attempt:
    said = [MANNER_WORDS[row["manner"]], *(DONE_WORDS[name] for name in dict.fromkeys(row["done"].split()))]
    what = ", ".join(word for word in said if word)
    if row["ended_at"] is None:
        return _waiting(row, what)
    when = moment(row["ended_at"])
    if row["status"] is None and row["answer"] in NEVER_SENT:
        return Attempt(row["attempt"], "dropped", _joined(NEVER_SENT[row["answer"]], what, when), "")
    state = "ok" if 200 <= (row["status"] or 0) < 300 else "bad"
    return Attempt(row["attempt"], state, _joined(str(row["status"] or "no answer"), what, when), row["answer"])


def _waiting(row: Json, what: str) -> Attempt:
    if row["is_held"]:
        return Attempt(row["attempt"], "held", what, "")
    planned = f"planned for {moment(row['due_at'])}"
    return Attempt(row["attempt"], "waiting", _joined(planned, what), "")


def _joined(*words: str) -> str:
    return ", ".join(word for word in words if word)
