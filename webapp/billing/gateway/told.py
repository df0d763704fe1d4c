"""Events: the signature of one that was sent to us, and those that Stripe lists."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from email.utils import parsedate_to_datetime

import stripe

from webapp.billing.errors import InvalidWebhook
from webapp.billing.events import Event, check_header, decoded, read_event
from webapp.billing.gateway.calls import Calls, items, log, own_errors, typed
from webapp.billing.gateway.payments import Span

TYPES_PER_CALL = 20


def verified_event(body: bytes, signature_header: str | None, secrets: Iterable[str], *, now: dt.datetime) -> Event:
    """The event in a webhook request, if one of our secrets signed it at most 300 s from `now`.

    Raises InvalidWebhook for anything else; no request can make it raise anything else. Several secrets are valid
    while one is being rolled: https://docs.stripe.com/webhooks#roll-endpoint-secrets
    """
    header = check_header(signature_header, now=now)
    text = decoded(body)
    if not any(_has_signed(text, header, secret) for secret in secrets if secret.strip()):
        raise InvalidWebhook("wrong_signature")
    return read_event(text)


class Told(Calls):
    """What Stripe tells of what happened."""

    def events(self, types: Sequence[str], made: Span) -> Iterator[Event]:
        """Every event of these types that Stripe made in a span and still has (30 days), newest first; page by page.

        https://docs.stripe.com/webhooks/process-undelivered-events
        """
        for start in range(0, len(types), TYPES_PER_CALL):
            params = {"types": list(types[start : start + TYPES_PER_CALL]), **made.params}
            listed = map(_readable, items("list events", self._v1.events.list, params))
            yield from (event for event in listed if event is not None)

    def event(self, event_id: str) -> Event:
        """One event as Stripe still has it. Raises StripeRefused (`is_missing`) after 30 days."""
        self.refuse_simulated(event_id)
        with own_errors("read event"):
            item = self._v1.events.retrieve(event_id)
        return replace(_listed(item), came_by="replay")

    def clock(self) -> dt.datetime | None:
        """The time on Stripe's clock, to the second, as the `Date` of an answer says it; None if none does."""
        with own_errors("read the clock"):
            answered = self._v1.webhook_endpoints.list(typed({"limit": 1})).last_response
        text = answered.headers.get("Date") if answered and answered.headers else None
        return None if text is None else parsedate_to_datetime(text)


def _listed(item: stripe.StripeObject) -> Event:
    """An event out of Stripe's own list: as trustworthy as a signed one."""
    return replace(read_event(str(item)), came_by="reconcile")


def _readable(item: stripe.StripeObject) -> Event | None:
    """The event; None for a shape that is no snapshot event: it could never be handled, and must not stop the rest."""
    try:
        return _listed(item)
    except InvalidWebhook as invalid:
        log.warning("event can't be read", stripe_event=str(item["id"]), reason=invalid.reason)
        return None


def _has_signed(text: str, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, header, secret)
    except stripe.SignatureVerificationError:
        return False
    return True
