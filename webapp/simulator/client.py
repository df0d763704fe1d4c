"""The seam: an HTTP client for the Stripe SDK that answers in-process instead of by network.

`stripe.StripeClient("sk_test_simulated", http_client=SimulatedHTTPClient(…))` exercises the true SDK: encoding,
keys, retries, errors, objects. A second server would let a single worker wait for itself for ever.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stripe import HTTPClient

from webapp.simulator.answers import Answer, Request, answer
from webapp.simulator.calls import Site
from webapp.simulator.courier import Courier, unix_now
from webapp.simulator.deliveries import Deliveries
from webapp.simulator.events import NORMALLY, Sending
from webapp.simulator.faults import Faults
from webapp.simulator.paying import Outcome, Paying, authenticate, pay
from webapp.simulator.settling import Settlement, settle
from webapp.simulator.store import Json, Store


class SimulatedHTTPClient(HTTPClient):
    """One simulated Stripe account. Safe for several threads, and for several processes on one file.

    `faults` are for tests of the app; `deliveries` is the queue of webhooks; `courier` the thread that empties it.
    """

    name = "simulated"

    def __init__(
        self, path: Path, *, site: Site, webhook_secret: str | None, clock: Callable[[], int] = unix_now
    ) -> None:
        super().__init__()
        self.store = Store(path)
        self.site = site
        self.faults = Faults()
        self.deliveries = Deliveries(self.store, base_url=site.base_url, secret=webhook_secret)
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
        """Answer one request of the SDK, or run into the fault a test has put in its way."""
        request = Request(method.upper(), url, headers or {}, post_data or "")
        fault = self.faults.take(request.method, urlsplit(url).path)
        answered = fault.happens(lambda: self._answer(request)) if fault else self._answer(request)
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

    def _answer(self, request: Request) -> Answer:
        return answer(self.store, request, site=self.site, now=self._clock())
