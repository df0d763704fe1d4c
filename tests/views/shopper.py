"""Somebody in front of the pages, with the simulated Stripe behind them."""

import dataclasses
import datetime as dt
from dataclasses import dataclass

from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.support.browsing import sign_in
from tests.support.pages import Page, PageClient
from webapp.billing import queries
from webapp.billing.fulfil import fulfil
from webapp.billing.models import Purchase
from webapp.extensions import db, parts, transact
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.simulator import SimulatedHTTPClient

CREDITS = "/dashboard/credits"
CHECKOUT = "/dashboard/credits/checkout"


@dataclass
class Shopper:
    """One person, their browser, and what Stripe would do with their payment."""

    app: Flask
    user: User
    pages: PageClient

    @classmethod
    def of(cls, app: Flask, user: User) -> "Shopper":
        return cls(app, user, PageClient(sign_in(app, user)))

    @property
    def stripe(self) -> SimulatedHTTPClient:
        return self.app.extensions["simulator"]

    def buy(self, card: str = "popular", *, page: Page | None = None, **typed: str) -> TestResponse:
        """Press Buy on a card of the credits page."""
        return self.pages.submit(page or self.pages.open(CREDITS), f"buy-{card}", **typed)

    def newest(self) -> Purchase:
        """The purchase opened last, as it is stored now."""
        with Session(db.engine) as session:
            return queries.purchases(session, self.user.account_id, limit=1, now=utc_now())[0]

    def left(self, pack: str = "popular") -> Purchase:
        """A purchase whose checkout was opened and left."""
        assert self.buy(pack).status_code == 303
        return self.newest()

    def paid(self, pack: str = "popular", outcome: str = "succeeds") -> Purchase:
        """A purchase that the buyer has done with at Stripe; nobody has told the application."""
        purchase = self.left(pack)
        self.stripe.pay(purchase.session_id, outcome)
        return purchase

    def granted(self, pack: str = "popular") -> Purchase:
        """A purchase whose credits have arrived."""
        purchase = self.paid(pack)
        assert self.come_back(purchase).heading.endswith("added")
        return self.newest()

    def quarantined(self, pack: str = "popular") -> Purchase:
        """A purchase for which less money came than it asked for."""
        purchase = self.left(pack)
        gateway = parts().gateway
        assert gateway is not None
        paid = dataclasses.replace(
            gateway.checkout(purchase.session_id),
            status="complete",
            payment_status="paid",
            payment_intent_id="pi_sim_short",
            subtotal_minor=1,
            total_minor=1,
        )
        transact(lambda session: fulfil(session, purchase, paid, now=utc_now()))
        return self.newest()

    def come_back(self, purchase: Purchase, **query: object) -> Page:
        """Follow Stripe's way back."""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return self.pages.open(f"{CREDITS}/success?session_id={purchase.session_id}{more}")

    def settle(self, end: str) -> None:
        """The bank answers at last; Stripe may be asked again."""
        purchase = self.newest()
        self.stripe.settle(purchase.payment_intent_id, end)
        self.change(purchase, asked_at=purchase.opened_at - dt.timedelta(minutes=1))

    def change(self, purchase: Purchase, **facts: object) -> None:
        """Set what only time or somebody else could change."""

        def work(session: Session) -> None:
            stored = session.get_one(Purchase, (purchase.account_id, purchase.id))
            for name, value in facts.items():
                setattr(stored, name, value)

        transact(work)

    def nobody_asks_stripe(self, purchase: Purchase) -> None:
        """As if somebody else were asking Stripe all the time: the stored state is what there is to show."""
        self.change(purchase, asked_at=utc_now() + dt.timedelta(hours=1))
