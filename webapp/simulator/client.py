"""The seam: an HTTP client for the Stripe SDK that answers in-process instead of by network.

`stripe.StripeClient("sk_test_simulated", http_client=SimulatedHTTPClient(…))` exercises the true SDK: encoding,
keys, retries, errors, objects. A second server would let a single worker wait for itself for ever.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stripe import HTTPClient

from webapp.simulator.answers import Answer, Request, answer, break_down
from webapp.simulator.calls import Site
from webapp.simulator.courier import Courier, unix_now
from webapp.simulator.deliveries import Deliveries
from webapp.simulator.events import NORMALLY, Sending
from webapp.simulator.faults import Fault, Faults
from webapp.simulator.paying import Outcome, Paying, authenticate, pay
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
        self.site = site
        self.faults = Faults(self.store)
        secrets = Secrets(webhook_secret, old_secret or ROLLED_SECRET) if webhook_secret else None
        self.deliveries = Deliveries(self.store, base_url=site.base_url, secrets=secrets)
        self.courier = Courier(self.store, self.deliveries, base_url=site.base_url, clock=clock)
        self._clock = clock

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

    def pay(self, session_id: str, outcome: Outcome = "succeeds", *, sending: Sending = NORMALLY) -> Json:
        """Do what the buyer does on the hosted page; the session afterwards (see `paying.pay`)."""
        with self.store.writing() as state:
            return pay(Paying(state, self._clock(), self.site.base_url, sending), session_id, outcome)

    def authenticate(self, session_id: str, *, is_successful: bool) -> Json:
        """Answer the bank's question of a payment that requires action; the session afterwards."""
        with self.store.writing() as state:
            paying = Paying(state, self._clock(), self.site.base_url)
            return authenticate(paying, session_id, is_successful=is_successful)

    def settle(self, intent_id: str, end: Settlement | None = None) -> Json:
        """End a delayed payment, as planned or as `end` says; the payment intent."""
        with self.store.writing() as state:
            return settle(state, intent_id, end, base_url=self.site.base_url, now=self._clock())

    def now(self) -> int:
        """The simulated account's clock, in Unix seconds."""
        return self._clock()

    def _run_into(self, fault: Fault, request: Request) -> Answer:
        if fault.kind == "broken":
            return break_down(self.store, request, now=self._clock())
        return fault.happens(lambda: self._answer(request))

    def _answer(self, request: Request) -> Answer:
        return answer(self.store, request, site=self.site, now=self._clock())
