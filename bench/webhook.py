"""CPU of a webhook that grants, the simulated Stripe's own work taken off, against a trivial POST."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import stripe
from flask import Flask

from bench.contest import ROUNDS, Contender, Row, contest
from bench.http import application, trivial
from webapp.billing.gateway import build_gateway
from webapp.extensions import parts, transact
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.people.users import register
from webapp.simulator import SimulatedHTTPClient
from webapp.web.checkout import start_purchase
from webapp.web.prices import sync_now

COUNT = 20
PATH = "/api/stripe/webhook"


class TimedHTTPClient(stripe.HTTPClient):
    """Passes on, and adds up the CPU seconds that Stripe's side took."""

    name = "timed"

    def __init__(self, inner: SimulatedHTTPClient) -> None:
        super().__init__()
        self.inner = inner
        self.cpu_seconds = 0.0

    def request(self, *words: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return self.inner.request(*words, **named)
        finally:
            self.cpu_seconds += time.process_time() - began

    def close(self) -> None:
        self.inner.close()


def webhook_rows(database_url: str, database: str, folder: Path) -> list[Row]:
    """`checkout.session.completed` of one fresh payment after the other."""
    app = application(database_url, folder)
    simulated = app.extensions["simulator"]
    timed = TimedHTTPClient(simulated)
    with app.app_context():
        app.extensions["refill"] = replace(parts(), gateway=build_gateway(parts().settings, http_client=timed))
        sync_now()
        told = _paid(app, simulated, COUNT * (ROUNDS + 1))
    browser, plain = app.test_client(), trivial().test_client()

    def tell(count: int) -> None:
        for body, headers in itertools.islice(told, count):
            answer = browser.post(PATH, data=body, headers=headers)
            assert answer.get_json()["state"] == "handled", answer.text

    return [
        contest(
            f"CPU of a webhook that grants, {database}, against a trivial POST",
            Contender("webhook", tell),
            Contender("trivial", lambda count: [plain.post("/", data=b"{}") for _ in range(count)]),
            count=COUNT,
            clock=lambda: time.process_time() - timed.cpu_seconds,
        )
    ]


def _paid(app: Flask, simulated: SimulatedHTTPClient, count: int) -> Iterator[tuple[bytes, dict[str, str]]]:
    with app.app_context():
        user = transact(_register)
        for number in range(count):
            bought = start_purchase(
                user=user, pack_slug="popular", terms=None, open_key=f"form:bench-{number}", now=utc_now()
            )
            simulated.pay(str(bought.session_id))
    completed = (event for event in simulated.deliveries.waiting() if event.event_type == "checkout.session.completed")
    return iter([simulated.deliveries.signed(event.event_id, now=simulated.now()) for event in completed])


def _register(session: Any) -> User:
    return register(
        session,
        email="webhook@example.com",
        password="a long enough password",
        name="",
        welcome_credits=0,
        now=utc_now(),
    )
