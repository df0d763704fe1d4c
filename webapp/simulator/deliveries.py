"""Deliveries of events to the app's webhook: one attempt, its retries, its record.

The delivery thread and tests use the same functions; only the `post` they give differs.
https://docs.stripe.com/webhooks
"""

import json
from collections.abc import Callable

from webapp.simulator.events import RETRY_SECONDS, plan_delivery
from webapp.simulator.signing import HEALED_BY_RETRY, Manner, Secrets
from webapp.simulator.store import State, Store
from webapp.simulator.versions import as_old_version
from webapp.simulator.waiting import IN_ORDER, Delivery, Queue, end, read

CLAIM_SECONDS = 30  # longer than an attempt may take
PATH = "/api/stripe/webhook"
NO_SECRET = "Not sent: STRIPE_WEBHOOK_SECRET is not set."  # noqa: S105 - a sentence

# (url, body, headers) -> (status, the answer's text); raises OSError when nobody answered.
Post = Callable[[str, bytes, dict[str, str]], tuple[int, str]]


class Deliveries(Queue):
    """The queue of one simulated Stripe, and the attempts it makes. Tests take from it in any order."""

    def __init__(self, store: Store, *, base_url: str, secrets: Secrets | None) -> None:
        super().__init__(store)
        self.secrets = secrets
        self.url = base_url + PATH

    @property
    def has_secret(self) -> bool:
        """Whether events can be signed at all."""
        return self.secrets is not None

    def claim(self, *, now: int) -> Delivery | None:
        """Take the next due attempt for this process; no other gets it for 30 seconds."""
        if not self.due(now=now):
            return None  # the thread asks every second: it must not take the write lock each time
        with self._store.writing() as state:
            free = "ended_at IS NULL AND is_held = 0 AND due_at <= ? AND (claimed_until IS NULL OR claimed_until <= ?)"
            for delivery in read(state, f"WHERE {free} {IN_ORDER} LIMIT 1", now, now):
                state.rows("UPDATE sim_delivery SET claimed_until = ? WHERE id = ?", now + CLAIM_SECONDS, delivery.id)
                return delivery
        return None

    def deliver(self, delivery: Delivery, post: Post, *, now: int) -> int | None:
        """Send the event, signed anew, and record the answer; its status, None when nobody answered.

        Only 2xx counts. After anything else the next attempt is planned: 5 s, 30 s, 2 min; a wrong signature is
        right again then. May be called twice for one delivery: then the event arrives twice, and both answers are in
        the record.
        """
        status, text = self._send(delivery, post, now=now)
        with self._store.writing() as state:
            _record(state, delivery, status, text, now=now)
        return status

    def signed(self, event_id: str, *, manner: Manner = "plain", now: int) -> tuple[bytes, dict[str, str]]:
        """The bytes of an event and the headers they are posted with; raises LookupError without a secret."""
        if self.secrets is None:
            raise LookupError(NO_SECRET)
        body = self._body(event_id)
        if manner == "old_version":
            body = json.dumps(as_old_version(json.loads(body)), indent=2)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": self.secrets.header(body, manner, now=now),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        return body.encode(), headers

    def _send(self, delivery: Delivery, post: Post, *, now: int) -> tuple[int | None, str]:
        if self.secrets is None:
            return None, NO_SECRET
        body, headers = self.signed(delivery.event_id, manner=delivery.manner, now=now)
        try:
            return post(self.url, body, headers)
        except OSError as error:
            return None, f"{type(error).__name__}: {error}"

    def _body(self, event_id: str) -> str:
        with self._store.reading() as state:
            for row in state.rows("SELECT body FROM sim_event WHERE id = ?", event_id):
                return str(row["body"])
        raise LookupError(f"the simulator has no event {event_id}")


def _record(state: State, delivery: Delivery, status: int | None, text: str, *, now: int) -> None:
    is_first = end(state, delivery, status, text, now=now)
    if status is not None and 200 <= status < 300:
        state.rows("UPDATE sim_event SET is_delivered = 1 WHERE id = ?", delivery.event_id)
    elif is_first and delivery.retries_left:
        delay = RETRY_SECONDS[len(RETRY_SECONDS) - delivery.retries_left]
        plan_delivery(
            state, delivery.event_id, due_at=now + delay, attempt=delivery.attempt + 1,
            retries_left=delivery.retries_left - 1,
            manner="plain" if delivery.manner in HEALED_BY_RETRY else delivery.manner,
        )  # fmt: skip
