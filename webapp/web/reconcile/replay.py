"""Taking one event in again, by its id: as it is stored, else as Stripe still has it."""

from dataclasses import replace

from webapp.billing.errors import StripeRefused, UnknownEvent
from webapp.billing.events import EVENT_ID, Event, read_event
from webapp.billing.gateway import Gateway
from webapp.billing.inbox import Outcome
from webapp.billing.models import WebhookEvent
from webapp.extensions import db, end_reading
from webapp.web.inbox import take
from webapp.web.prices import gateway_or_refusal


def replay(event_id: str) -> Outcome:
    """Take an event in again; one that was handled changes nothing. Ends the request's read session.

    Raises UnknownEvent, PaymentsOff, and what the event raises: then it is stored as failed.
    """
    gateway = gateway_or_refusal()
    return take(_stored(event_id) or _kept(gateway, event_id), gateway)


def _stored(event_id: str) -> Event | None:
    stored = db.session().get(WebhookEvent, event_id)
    end_reading()
    return None if stored is None else replace(read_event(stored.body), came_by="replay")


def _kept(gateway: Gateway, event_id: str) -> Event:
    if not EVENT_ID.fullmatch(event_id):
        raise UnknownEvent
    try:
        return gateway.event(event_id)
    except StripeRefused as refusal:
        if refusal.is_missing or refusal.stripe_code == "simulated_id":
            raise UnknownEvent from None
        raise
