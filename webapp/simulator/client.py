"""The seam: an HTTP client for the Stripe SDK that answers in-process instead of by network.

`stripe.StripeClient("sk_test_simulated", http_client=SimulatedHTTPClient(…))` exercises the true SDK: encoding,
keys, retries, errors, objects. A second server would let a single worker wait for itself for ever.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stripe import HTTPClient

from webapp.simulator import subscriptions
from webapp.simulator.aftermath import After, dispute_payment, refund_payment
from webapp.simulator.answers import Answer, Request, answer, break_down
from webapp.simulator.calls import Site
from webapp.simulator.clock import Clock, RenewalCourse
from webapp.simulator.courier import Courier, unix_now
from webapp.simulator.deliveries import Deliveries
from webapp.simulator.discounts import apply_code, remove_code
from webapp.simulator.disputing import Step, take_step
from webapp.simulator.events import NORMALLY, Happening, Sending
from webapp.simulator.faults import Fault, Faults
from webapp.simulator.paying import Outcome, Paying, authenticate, pay
from webapp.simulator.refunding import Course, End, end_refund
from webapp.simulator.settling import Settlement, settle
from webapp.simulator.signing import ROLLED_SECRET, Secrets
from webapp.simulator.store import Json, Store


class SimulatedHTTPClient(HTTPClient):
    """One simulated Stripe account. Safe for several threads, and for several processes on one file.

    `faults` are what the next calls run into; `deliveries` is the queue of webhooks; `courier` the thread that
    empties it. `old_secret` is the webhook secret before the last roll, if the app still knows it.
    """

    name = "simulated"

    def __init__(
        self,
        path: Path,
        *,
        site: Site,
        webhook_secret: str | None,
        old_secret: str | None = None,
        clock: Callable[[], int] = unix_now,
    ) -> None:
        super().__init__()
        self.store = Store(path)
        self.clock = Clock(self.store, clock)
        self.site = site
        self.faults = Faults(self.store)
        secrets = Secrets(webhook_secret, old_secret or ROLLED_SECRET) if webhook_secret else None
        self.deliveries = Deliveries(self.store, base_url=site.base_url, secrets=secrets)
        self.courier = Courier(self.store, self.deliveries, base_url=site.base_url, clock=self.clock)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Answer one request of the SDK, or run into the fault that was put in its way."""
        request = Request(method.upper(), url, headers or {}, post_data or "")
        fault = self.faults.take(request.method, request.path)
        answered = self._run_into(fault, request) if fault else self._answer(request)
        return answered.body, answered.status, answered.headers

    def close(self) -> None:
        """Nothing is kept open."""

    def pay(
        self, session_id: str, outcome: Outcome = "succeeds", *, sending: Sending = NORMALLY, after: After = "nothing"
    ) -> Json:
        """Do what the buyer does on the hosted page; the session afterwards (see `paying.pay`)."""
        with self.store.writing() as state:
            return pay(Paying(state, self.clock(), self.site.base_url, sending, after), session_id, outcome)

    def apply_code(self, session_id: str, code: str) -> Json:
        """Type a promotion code on the hosted page; the session. Raises StripeRefusal with the buyer's sentence."""
        with self._happening() as happening:
            return apply_code(happening, session_id, code)

    def remove_code(self, session_id: str) -> Json:
        """Take the promotion code away again; the session."""
        with self._happening() as happening:
            return remove_code(happening, session_id)

    def authenticate(self, session_id: str, *, is_successful: bool) -> Json:
        """Answer the bank's question of a payment that requires action; the session afterwards."""
        with self.store.writing() as state:
            paying = Paying(state, self.clock(), self.site.base_url)
            return authenticate(paying, session_id, is_successful=is_successful)

    def settle(self, intent_id: str, end: Settlement | None = None) -> Json:
        """End a delayed payment, as planned or as `end` says; the payment intent."""
        with self.store.writing() as state:
            return settle(state, intent_id, end, base_url=self.site.base_url, now=self.clock())

    def refund(self, intent_id: str, amount_minor: int | None = None, course: Course | None = None) -> Json:
        """Refund a payment in Stripe's dashboard, whole or in part; the refund. Raises StripeRefusal."""
        with self._happening() as happening:
            return refund_payment(happening, intent_id, amount_minor, course)

    def end_refund(self, refund_id: str, end: End | None = None) -> Json:
        """Let a refund arrive, fail (also one that had arrived) or be canceled, as planned or as `end` says."""
        with self._happening() as happening:
            return end_refund(happening, refund_id, end)

    def dispute(
        self, intent_id: str, amount_minor: int | None = None, *, is_inquiry: bool = False, is_withdrawn: bool = False
    ) -> Json:
        """Do what the buyer's bank does: dispute a payment or a part of it, or only ask; the dispute."""
        with self._happening() as happening:
            return dispute_payment(
                happening, intent_id, amount_minor, is_inquiry=is_inquiry, is_withdrawn=is_withdrawn
            )  # fmt: skip

    def move_dispute(self, dispute_id: str, step: Step) -> Json:
        """Let the next thing happen to a dispute; nothing if it can't be next (see `disputing.steps_of`)."""
        with self._happening() as happening:
            return take_step(happening, dispute_id, step)

    def renew(self, subscription_id: str, course: subscriptions.Course | None = None) -> Json:
        """End a subscription's period and begin the next, or end its trial (see `renewing.renew`)."""
        with self._happening() as happening:
            return subscriptions.renew(happening, subscription_id, course)

    def renew_due(self) -> int:
        """Renew what is due by the clock, as the delivery thread does; how many."""
        return subscriptions.renew_due(self.store, now=self.clock())

    def retry_payment(
        self, invoice_id: str, course: subscriptions.Course | None = None, *, last4: str | None = None
    ) -> Json:
        """Ask once more for an open invoice, its subscription's card or one that is typed; the invoice."""
        with self._happening() as happening:
            return subscriptions.retry_payment(happening, invoice_id, course, last4=last4)

    def void_invoice(self, invoice_id: str) -> Json:
        """Take back an open invoice in Stripe's dashboard; the invoice. Raises StripeRefusal."""
        with self._happening() as happening:
            return subscriptions.void_invoice(happening, invoice_id)

    def give_up(self, subscription_id: str, to: subscriptions.End) -> Json:
        """End the attempts to collect: cancel the subscription, or leave it unpaid."""
        with self._happening() as happening:
            return subscriptions.give_up(happening, subscription_id, to)

    def switch_plan(
        self,
        subscription_id: str,
        price_id: str,
        *,
        when: subscriptions.When = "now",
        course: subscriptions.Course | None = None,
    ) -> Json:
        """Change the plan, at once with prorations or with the next period. Raises StripeRefusal."""
        with self._happening() as happening:
            return subscriptions.switch_plan(happening, subscription_id, price_id, when=when, course=course)

    def cancel(self, subscription_id: str, *, at_period_end: bool) -> Json:
        """End a subscription now, or plan its end."""
        with self._happening() as happening:
            return subscriptions.cancel(happening, subscription_id, at_period_end=at_period_end)

    def resume(self, subscription_id: str) -> Json:
        """Take back a planned end."""
        with self._happening() as happening:
            return subscriptions.resume(happening, subscription_id)

    def pause_collection(self, subscription_id: str, behavior: subscriptions.Behavior = "void") -> Json:
        """Ask for no money until it is resumed."""
        with self._happening() as happening:
            return subscriptions.pause_collection(happening, subscription_id, behavior)

    def resume_collection(self, subscription_id: str) -> Json:
        """Ask for money again."""
        with self._happening() as happening:
            return subscriptions.resume_collection(happening, subscription_id)

    def change_card(self, customer_id: str, last4: str) -> Json:
        """Give the customer and all subscriptions another test card; the card. Raises StripeRefusal."""
        with self._happening() as happening:
            return subscriptions.change_card(happening, customer_id, last4)

    def now(self) -> int:
        """The simulated account's clock, in Unix seconds."""
        return self.clock()

    def move_clock(self, seconds: int, course: RenewalCourse = "card", *, seen: int | None = None) -> bool:
        """Move the clock ahead, and let happen what is due then, renewals in the chosen course (see `Clock.move`)."""
        is_moved = self.clock.move(seconds, course, seen=seen)
        if is_moved:
            self.courier.catch_up()
        return is_moved

    @contextmanager
    def _happening(self) -> Iterator[Happening]:
        with self.store.writing() as state:
            yield Happening(state, self.clock())

    def _run_into(self, fault: Fault, request: Request) -> Answer:
        if fault.kind == "broken":
            return break_down(self.store, request, now=self.clock())
        return fault.happens(lambda: self._answer(request))

    def _answer(self, request: Request) -> Answer:
        return answer(self.store, request, site=self.site, now=self.clock())
