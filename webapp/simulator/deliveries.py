"""Deliveries of events to the app's webhook: what is due, one attempt, its retries, its record.

The delivery thread and tests use the same functions; only the `post` they give differs.
https://docs.stripe.com/webhooks
"""

from collections.abc import Callable
from dataclasses import dataclass

import stripe

from webapp.simulator.events import RETRY_SECONDS, plan_delivery
from webapp.simulator.store import State, Store

CLAIM_SECONDS = 30  # longer than an attempt may take
ANSWER_LENGTH = 200
PATH = "/api/stripe/webhook"
NO_SECRET = "Not sent: STRIPE_WEBHOOK_SECRET is not set."  # noqa: S105 - a sentence

# (url, body, headers) -> (status, the answer's text); raises OSError when nobody answered.
Post = Callable[[str, bytes, dict[str, str]], tuple[int, str]]

COLUMNS = """
    SELECT sim_delivery.id, event_id, sim_event.type, object_id, attempt, retries_left, due_at
    FROM sim_delivery JOIN sim_event ON sim_event.id = event_id
"""


@dataclass(frozen=True)
class Delivery:
    """One planned attempt to tell the app of one event. `due_at` is in Unix seconds."""

    id: int
    event_id: str
    event_type: str
    object_id: str
    attempt: int
    retries_left: int
    due_at: int


class Deliveries:
    """The queue of one simulated Stripe. Tests take from it in any order, deliver twice, or drop."""

    def __init__(self, store: Store, *, base_url: str, secret: str | None) -> None:
        self._store = store
        self._secret = secret
        self.url = base_url + PATH

    @property
    def has_secret(self) -> bool:
        """Whether events can be signed at all."""
        return self._secret is not None

    def waiting(self) -> list[Delivery]:
        """Every attempt that is planned, also for later, in the order of its time."""
        with self._store.reading() as state:
            return _read(state, "WHERE ended_at IS NULL ORDER BY due_at, sim_delivery.id")

    def due(self, *, now: int) -> list[Delivery]:
        """The attempts whose time has come."""
        return [delivery for delivery in self.waiting() if delivery.due_at <= now]

    def claim(self, *, now: int) -> Delivery | None:
        """Take the next due attempt for this process; no other gets it for 30 seconds."""
        if not self.due(now=now):
            return None  # the thread asks every second: it must not take the write lock each time
        with self._store.writing() as state:
            free = "WHERE ended_at IS NULL AND due_at <= ? AND (claimed_until IS NULL OR claimed_until <= ?)"
            for delivery in _read(state, f"{free} ORDER BY due_at, sim_delivery.id LIMIT 1", now, now):
                state.rows("UPDATE sim_delivery SET claimed_until = ? WHERE id = ?", now + CLAIM_SECONDS, delivery.id)
                return delivery
        return None

    def deliver(self, delivery: Delivery, post: Post, *, now: int) -> int | None:
        """Send the event, signed anew, and record the answer; its status, None when nobody answered.

        Only 2xx counts. After anything else the next attempt is planned: 5 s, 30 s, 2 min. May be called twice for
        one delivery: then the event arrives twice, and both answers are in the record.
        """
        status, text = self._send(delivery, post, now=now)
        with self._store.writing() as state:
            self._record(state, delivery, status, text, now=now)
        return status

    def drop(self, delivery: Delivery, *, now: int) -> None:
        """Lose this attempt: nothing is sent and no retry is planned."""
        with self._store.writing() as state:
            _end(state, delivery, None, "Dropped.", now=now)

    def resend(self, event_id: str, *, now: int) -> None:
        """Plan one more attempt by hand, without retries; raises LookupError for an unknown event."""
        with self._store.writing() as state:
            if not list(state.rows("SELECT 1 FROM sim_event WHERE id = ?", event_id)):
                raise LookupError(f"the simulator has no event {event_id}")
            for row in state.rows("SELECT count(*) AS attempts FROM sim_delivery WHERE event_id = ?", event_id):
                plan_delivery(state, event_id, due_at=now, attempt=row["attempts"] + 1, retries_left=0)

    def signed(self, event_id: str, *, now: int) -> tuple[bytes, dict[str, str]]:
        """The bytes of an event and the headers they are posted with; raises LookupError without a secret."""
        if not self._secret:
            raise LookupError(NO_SECRET)
        body = self._body(event_id)
        signature = stripe.WebhookSignature.generate_signature_header(body, self._secret, now)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        return body.encode(), headers

    def _send(self, delivery: Delivery, post: Post, *, now: int) -> tuple[int | None, str]:
        if not self._secret:
            return None, NO_SECRET
        body, headers = self.signed(delivery.event_id, now=now)
        try:
            return post(self.url, body, headers)
        except OSError as error:
            return None, f"{type(error).__name__}: {error}"

    def _record(self, state: State, delivery: Delivery, status: int | None, text: str, *, now: int) -> None:
        is_first = _end(state, delivery, status, text, now=now)
        if status is not None and 200 <= status < 300:
            state.rows("UPDATE sim_event SET is_delivered = 1 WHERE id = ?", delivery.event_id)
        elif is_first and delivery.retries_left:
            delay = RETRY_SECONDS[len(RETRY_SECONDS) - delivery.retries_left]
            plan_delivery(
                state, delivery.event_id,
                due_at=now + delay, attempt=delivery.attempt + 1, retries_left=delivery.retries_left - 1,
            )  # fmt: skip

    def _body(self, event_id: str) -> str:
        with self._store.reading() as state:
            for row in state.rows("SELECT body FROM sim_event WHERE id = ?", event_id):
                return str(row["body"])
        raise LookupError(f"the simulator has no event {event_id}")


def _read(state: State, tail: str, *values: object) -> list[Delivery]:
    return [Delivery(*row) for row in state.rows(f"{COLUMNS} {tail}", *values)]


def _end(state: State, delivery: Delivery, status: int | None, text: str, *, now: int) -> bool:
    # A second sending of one attempt gets a row of its own; only the first plans retries.
    values = (now, status, text[:ANSWER_LENGTH])
    sql = "UPDATE sim_delivery SET ended_at = ?, status = ?, answer = ? WHERE id = ? AND ended_at IS NULL RETURNING id"
    if list(state.rows(sql, *values, delivery.id)):
        return True
    state.rows(
        "INSERT INTO sim_delivery (event_id, attempt, retries_left, due_at, ended_at, status, answer) "
        "VALUES (?, ?, 0, ?, ?, ?, ?)",
        delivery.event_id, delivery.attempt, now, *values,
    )  # fmt: skip
    return False
