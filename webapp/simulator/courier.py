"""The delivery thread of a served application: posts due events, settles payments, renews, expires sessions.

Runs in development only, one thread a process; rows are claimed, so several processes share the work.
"""

import logging
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable

from webapp.orm import machine_now
from webapp.simulator.deliveries import Deliveries
from webapp.simulator.settling import expire_due, settle_due
from webapp.simulator.store import Store
from webapp.simulator.subscriptions import renew_due
from webapp.simulator.waiting import ANSWER_LENGTH

TIMEOUT_SECONDS = 10
PAUSE_SECONDS = 1.0

log = logging.getLogger(__name__)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is a failed delivery, as at Stripe."""

    def redirect_request(self, *_: object) -> None:
        """Follow nothing."""


# Loopback only: no proxy of the environment may come between.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Send one webhook by HTTP; any answer is a result, OSError means that nobody answered in ten seconds."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - our own BASE_URL
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            return response.status, _text(response.read(ANSWER_LENGTH))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _text(error.read(ANSWER_LENGTH))


class Courier:
    """Does what Stripe does by itself. `clock` gives Unix seconds."""

    def __init__(
        self, store: Store, deliveries: Deliveries, *, base_url: str, clock: Callable[[], int] | None = None
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._base_url = base_url
        self._clock = clock or unix_now
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._process = 0

    def start(self) -> None:
        """Start the thread of this process, if it is not running."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()  # a forked worker has inherited the object, not the thread
            self._stopped.clear()
            self._thread = threading.Thread(target=self._run, name="simulated-stripe", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for the attempt it is at."""
        self._stopped.set()
        self._store.written.set()
        if self._thread is not None:
            self._thread.join(timeout=2 * TIMEOUT_SECONDS)
        self._process = 0

    def work(self) -> int:
        """Do everything that is due once; the number of webhooks sent. Writes nothing when nothing is due."""
        self.catch_up()
        sent = 0
        while not self._stopped.is_set() and (delivery := self._deliveries.claim(now=self._clock())):
            self._deliveries.deliver(delivery, post, now=self._clock())
            sent += 1
        return sent

    def catch_up(self) -> None:
        """Let everything happen that is due by now; send nothing."""
        now = self._clock()
        expire_due(self._store, now=now)
        settle_due(self._store, base_url=self._base_url, now=now)
        renew_due(self._store, now=now)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._store.written.clear()
            try:
                self.work()
            except Exception:  # the thread must outlive one bad round
                log.exception("simulated Stripe: a round of deliveries failed")
            self._store.written.wait(PAUSE_SECONDS)


def unix_now() -> int:
    """The present second of this machine; how far the simulated clock is ahead of it, `Clock` knows."""
    return int(machine_now().timestamp())


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
