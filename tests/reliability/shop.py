"""Somebody who buys at a served Refill, and Stripe, who tells it; what the ledger says of it afterwards."""

import datetime as dt
import http.client
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import stripe
from flask import Flask
from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from tests.api.calling import csrf_token_of
from tests.billing.telling import event_about
from tests.reliability.serving import Served
from tests.support.browsing import sign_in
from tests.support.people import make_user
from tests.support.site import WEBHOOK_SECRET
from webapp.billing.models import Purchase, WebhookEvent
from webapp.billing.queries import purchases
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.extensions import db, transact
from webapp.ledger.models import Entry, Grant
from webapp.ledger.operations import SpendLimit, grant, set_limit
from webapp.ledger.verify import read_at_one_instant, verify
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.simulator import Sending, SimulatedHTTPClient
from webapp.web.checkout import start_purchase
from webapp.web.plans import refresh_subscription, settle_plan
from webapp.web.prices import gateway_or_refusal

ANSWER_SECONDS = 30
KIND = "checkout.session.completed"


def about_nothing(purchase: Purchase, event_id: str) -> str:
    """An event for a purchase of ours that names a session Stripe doesn't know."""
    item = {"id": "cs_test_sim_unknown", "object": "checkout.session", "client_reference_id": purchase.id}
    return json.dumps(event_about(item, KIND, event_id))


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    body: str
    headers: dict[str, str]

    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


def ask(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer | None:
    """One request on a connection of its own; None when the server went away without an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path, body=body, headers={"Connection": "close"} | headers)
        response = connection.getresponse()
        return Answer(response.status, response.read().decode(), dict(response.getheaders()))
    except (ConnectionError, http.client.IncompleteRead):
        return None
    finally:
        connection.close()


class Shop:
    """One buyer. `app` is the same application in this process: for looking, and for what Stripe does."""

    def __init__(self, app: Flask, served: Served, email: str) -> None:
        self.app, self.served = app, served
        with app.app_context():
            self.user: User = make_user(email)
        client = sign_in(app, self.user)
        self.token = csrf_token_of(app, client)
        cookie = client.get_cookie("refill")
        assert cookie is not None
        self.cookie = f"refill={cookie.value}"
        self.numbers = Counter[str]()

    @property
    def stripe(self) -> SimulatedHTTPClient:
        simulator: SimulatedHTTPClient = self.app.extensions["simulator"]
        return simulator

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer | None:
        """One request, headers by their names with _ for -."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.served.port, method, path, body, sent)

    def buy(self, key: str, pack: str = "starter") -> Answer | None:
        """Open a checkout over JSON, with an idempotency key."""
        facts = {"Cookie": self.cookie, "X-CSRFToken": self.token, "Content-Type": "application/json"}
        body = json.dumps({"pack": pack}).encode()
        return self.ask("POST", "/api/billing/checkout", body, **facts, Idempotency_Key=key)

    def subscribe(self, key: str, plan: str = "plus") -> Answer | None:
        """Open the checkout of a plan over JSON, with an idempotency key."""
        facts = {"Cookie": self.cookie, "X-CSRFToken": self.token, "Content-Type": "application/json"}
        return self.ask(
            "POST", "/api/billing/checkout", json.dumps({"plan": plan}).encode(), **facts, Idempotency_Key=key
        )

    def upgraded(self) -> str:
        """A subscription whose plan has changed for a better one, paid at Stripe; nobody tells. Its id.

        Its first period was given for the plan before. Here it looks as if that were over.
        """
        self.numbers["subscribed"] += 1
        opened = self.subscribe(f"plan-{self.numbers['subscribed']}")
        assert opened is not None
        assert opened.status == 201, opened.body
        session_id = str(opened.json()["session_id"])
        subscription_id = str(self.stripe.pay(session_id)["subscription"])
        with self.app.app_context():
            settle_plan(self.user.account_id, session_id, now=utc_now())
            (pro,) = gateway_or_refusal().prices(["refill_plan_pro"])
        self.stripe.switch_plan(subscription_id, pro.id)
        self._look_over()
        return subscription_id

    def ended(self, subscription_id: str) -> None:
        """The subscription ends, and we know."""
        self.stripe.cancel(subscription_id, at_period_end=False)
        with self.app.app_context():
            refresh_subscription(self.user.account_id, now=utc_now())

    def _look_over(self) -> None:
        over = {"period_ends_at": utc_now() - dt.timedelta(minutes=1), "read_at": utc_now() - dt.timedelta(hours=2)}
        own = Subscription.account_id == self.user.account_id, Subscription.ended_at.is_(None)
        others = {"asked_at": utc_now() + dt.timedelta(hours=1)}
        with self.app.app_context():
            transact(lambda session: session.execute(update(Subscription).where(*own).values(**over)))
            transact(lambda session: session.execute(update(PlanCheckout).values(**others)))

    def allowances(self) -> int:
        """How many grants of an allowance there are."""
        own = Grant.account_id == self.user.account_id, Grant.source_kind == "allowance"
        with self.app.app_context(), Session(db.engine) as session:
            return session.scalar(select(func.count()).select_from(Grant).where(*own)) or 0

    def paid(self, outcome: str = "succeeds") -> Purchase:
        """A purchase that Stripe has the money for; nobody has told the application, and nobody will by himself."""
        self.numbers["bought"] += 1
        with self.app.app_context():
            key = f"form:{self.numbers['bought']}"
            purchase = start_purchase(user=self.user, pack_slug="starter", terms=None, open_key=key, now=utc_now())
        self.pay(str(purchase.session_id), outcome)
        return purchase

    def pay(self, session_id: str, outcome: str = "succeeds") -> None:
        """Pay on Stripe's page. Its events wait until a test tells them."""
        paid = self.stripe.pay(session_id, outcome, sending=Sending(webhook="never"))
        if outcome == "delayed_succeeds":
            self.stripe.settle(paid["payment_intent"], "succeeds")

    @contextmanager
    def stripe_keeps_quiet(self) -> Iterator[None]:
        """Stripe sends nothing by itself, and forgets what it would have sent."""
        self.stripe.deliveries.hold_all()
        yield
        self.stripe.deliveries.drop(*self.stripe.deliveries.waiting(), now=self.stripe.now())
        self.stripe.deliveries.let_go_all()

    def refunds(self, purchase: Purchase) -> list[dict[str, Any]]:
        """The refunds that Stripe has of a purchase."""
        with self.stripe.store.reading() as state:
            session = state.load("checkout.session", str(purchase.session_id))
            sql = "SELECT json FROM sim_object WHERE type = 'refund' AND json_extract(json, '$.payment_intent') = ?"
            return [json.loads(row["json"]) for row in state.rows(sql, session["payment_intent"])]

    def voided(self, purchase: Purchase) -> int:
        """How many credits of a purchase's lot are taken back."""
        wanted = select(func.sum(Grant.voided)).where(Grant.source_id == purchase.id)
        with self.app.app_context(), Session(db.engine) as session:
            return int(session.scalar(wanted) or 0)

    def event_ids(self, about: Purchase | dict[str, Any]) -> dict[str, str]:
        """The events about a purchase, or about an object of Stripe's, that tell of money: type to id."""
        about = f"%{about['id'] if isinstance(about, dict) else about.id}%"
        with self.stripe.store.reading() as state:
            rows = state.rows("SELECT type, id FROM sim_event WHERE body LIKE ? ORDER BY seq", about)
            return {row["type"]: row["id"] for row in rows}

    def tell(self, event_id: str) -> Answer | None:
        """Post one event, signed, as Stripe does."""
        body, headers = self.stripe.deliveries.signed(event_id, now=int(utc_now().timestamp()))
        return self.ask("POST", "/api/stripe/webhook", body, **headers)

    def post_event(self, event: str) -> Answer | None:
        """Post an event that Stripe's simulation has not made, signed."""
        signature = stripe.WebhookSignature.generate_signature_header(event, WEBHOOK_SECRET, int(utc_now().timestamp()))
        return self.ask("POST", "/api/stripe/webhook", event.encode(), Stripe_Signature=signature)

    def come_back(self, purchase: Purchase) -> Answer | None:
        """Follow Stripe's way back to the return page."""
        path = f"/dashboard/credits/success?session_id={quote(str(purchase.session_id))}"
        return self.ask("GET", path, Cookie=self.cookie)

    def wait_a_minute(self) -> None:
        """As if nobody had asked Stripe about this buyer for a minute, and as if somebody had about all the others."""
        mine = Purchase.account_id == self.user.account_id
        then = case((mine, utc_now() - dt.timedelta(minutes=1)), else_=utc_now() + dt.timedelta(hours=1))
        with self.app.app_context():
            transact(lambda session: session.execute(update(Purchase).values(asked_at=then)))

    def purchase(self, purchase: Purchase) -> Purchase:
        """The purchase as it is stored now."""
        with self.app.app_context(), Session(db.engine) as session:
            return session.get_one(Purchase, (purchase.account_id, purchase.id))

    def granted(self, purchase: Purchase) -> int:
        """How many grants there are for a purchase."""
        wanted = select(Grant.seq).where(Grant.source_kind == "purchase", Grant.source_id == purchase.id)
        with self.app.app_context(), Session(db.engine) as session:
            return len(session.scalars(wanted).all())

    def newest(self) -> Purchase:
        """The purchase that was opened last."""
        with self.app.app_context(), Session(db.engine) as session:
            return purchases(session, self.user.account_id, limit=1, now=utc_now())[0]

    def purchases_opened(self) -> int:
        """How many purchases this buyer has."""
        wanted = select(func.count()).select_from(Purchase).where(Purchase.account_id == self.user.account_id)
        with self.app.app_context(), Session(db.engine) as session:
            return session.scalars(wanted).one()

    def sessions_made(self) -> int:
        """How many Checkout Sessions Stripe has made for this buyer."""
        with self.stripe.store.reading() as state:
            wanted = "json_extract(json, '$.metadata.account_id') = ?"
            sql = f"SELECT count(*) AS made FROM sim_object WHERE type = 'checkout.session' AND {wanted}"
            return next(int(row["made"]) for row in state.rows(sql, str(self.user.account_id)))

    def give(self, credits: int) -> int:
        """Give the buyer credits, without a purchase; the account."""
        account_id = self.user.account_id
        facts = {"kind": "bonus", "key": "gift", "source_kind": "test", "source_id": "gift", "now": utc_now()}
        with self.app.app_context():
            transact(lambda session: grant(session, account_id, credits=credits, **facts))
        return account_id

    def limit(self, account_id: int, credits: int) -> None:
        """Let an account spend at most so many credits a month."""
        limit = SpendLimit(0, "month", credits, pauses=True, is_money=False)
        with self.app.app_context():
            transact(lambda session: set_limit(session, account_id, limit, may_stop_now=False, now=utc_now()))

    def spent(self, account_id: int) -> int:
        """How many credits of an account are spent, by its entries."""
        wanted = select(func.sum(Entry.credits)).where(Entry.account_id == account_id, Entry.kind == "spend")
        with self.app.app_context(), Session(db.engine) as session:
            return -int(session.scalar(wanted) or 0)

    def assert_told(self, event_id: str, states: set[str | None]) -> None:
        """What the inbox says of an event; None is nothing."""
        with self.app.app_context(), Session(db.engine) as session:
            found = session.get(WebhookEvent, event_id)
            assert (found.state if found else None) in states

    def assert_sound(self, purchases: int) -> None:
        """Each of so many purchases has one grant, no other grant came of one, and the ledger agrees with itself."""
        bought = select(Grant.source_id).where(
            Grant.account_id == self.user.account_id, Grant.source_kind == "purchase"
        )
        with self.app.app_context():
            with Session(db.engine) as session:
                sources = session.scalars(bought).all()
                assert len(sources) == len(set(sources)) == purchases
            with Session(db.engine) as session:
                read_at_one_instant(session)
                report = verify(session, now=utc_now())
                assert report.entries >= purchases
                assert report.faults == ()
