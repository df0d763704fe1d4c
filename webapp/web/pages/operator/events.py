"""Stripe's events: what came, what became of it, and one with its body, secrets masked."""

import json
import re
from typing import Any

from flask import abort

from webapp.billing.events import EVENT_ID
from webapp.billing.models import WebhookEvent
from webapp.extensions import db
from webapp.operators.events import SHOWN, event_called, events
from webapp.web.pages.operator.frame import console
from webapp.web.pages.reader import Reader

TABS = tuple((state, state.capitalize()) for state in SHOWN)
STATE_CHIPS = {
    "handled": ("ok", "check", "Handled"),
    "ignored": ("plain", "minus", "Ignored"),
    "failed": ("bad", "x", "Failed"),
    "parked": ("warn", "clock", "Parked"),
}
WAYS = {"webhook": "Told by webhook", "reconcile": "Found by a comparison", "replay": "Fetched by an operator"}
# What these fields hold opens something; so does whatever looks like a key of Stripe's.
SECRET_FIELDS = frozenset({"client_secret", "secret", "url", "hosted_invoice_url", "receipt_url", "fingerprint"})
SECRET = re.compile(r"\b(?:[sr]k_(?:test|live)|whsec|ek_test|ek_live)_\w+|\w+_secret_\w+")
MASK = "[masked]"
NOTHING = {
    "all": "No event has come yet",
    "handled": "No event was handled",
    "ignored": "No event was ignored",
    "failed": "No event failed",
    "parked": "No event is parked",
}


def events_page(reader: Reader, shown: str, text: str, after: str) -> dict[str, Any]:
    """`operator/events.html`."""
    return console(reader, "events") | op_events(reader, shown, text, after)


def op_events(reader: Reader, shown: str, text: str, after: str) -> dict[str, Any]:
    """`operator/_op_events.html`: one page of events."""
    shown, text = shown if shown in SHOWN else "all", text.strip()[:255]
    place = after if EVENT_ID.fullmatch(after) else None
    found = events(db.session(), shown, text, after=place)
    return {
        "reader": reader,
        "tabs": TABS,
        "shown": shown,
        "text": text,
        "found": found,
        "state_chips": STATE_CHIPS,
        "nothing": "No event is called that, or is about that" if text else NOTHING[shown],
        "is_continued": place is not None,
    }


def found_words(found: Any) -> str:
    """What is said of what came."""
    number = len(found.lines)
    return f"{number} {'event' if number == 1 else 'events'}{' and more' if found.next_after else ''}."


def event_page(reader: Reader, event_id: str) -> dict[str, Any]:
    """`operator/event.html`: one event. A missing one is a missing page."""
    event = event_called(db.session(), event_id)
    if event is None:
        abort(404)
    return console(reader, "events") | {
        "event": event,
        "chip": STATE_CHIPS[event.state],
        "way": WAYS[event.came_by],
        "body": masked_body(event),
    }


def masked_body(event: WebhookEvent) -> str:
    """The event's body, laid out, without what opens anything."""
    try:
        return json.dumps(_masked(json.loads(event.body)), indent=2, ensure_ascii=False)
    except ValueError:
        return SECRET.sub(MASK, event.body)


def _masked(value: Any, name: str = "") -> Any:
    if name in SECRET_FIELDS and isinstance(value, str):
        return MASK
    if isinstance(value, dict):
        return {key: _masked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return SECRET.sub(MASK, value) if isinstance(value, str) else value
