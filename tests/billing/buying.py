"""A shop as a test sees it: open, pay at the simulated Stripe, tell the application what happened."""

from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from webapp.billing.gateway import Gateway
from webapp.billing.models import Purchase, WebhookEvent
from webapp.extensions import db, parts
from webapp.ledger.models import Grant
from webapp.ledger.verify import verify
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.simulator import SimulatedHTTPClient
from webapp.web.checkout import settle_purchase, start_purchase

WEBHOOK = "/api/stripe/webhook"


@dataclass
class Buying:
    """One user with the application's own functions and the simulated Stripe behind them.

    `asked` has every call to Stripe since the fixture began.
    """

    app: Flask
    user: User
    asked: list[str]

    @property
    def simulator(self) -> SimulatedHTTPClient:
        return self.app.extensions["simulator"]

    @property
    def gateway(self) -> Gateway:
        gateway = parts().gateway
        assert gateway is not None
        return gateway

    def start(self, pack: str = "popular", key: str = "form:1", **more: Any) -> Purchase:
        return start_purchase(user=self.user, pack_slug=pack, terms=None, open_key=key, now=utc_now(), **more)

    def paid(self, pack: str = "popular", key: str = "form:1", outcome: str = "succeeds") -> Purchase:
        """A purchase that Stripe has the money for; nobody has told the application."""
        purchase = self.start(pack, key)
        self.simulator.pay(purchase.session_id, outcome)
        return purchase

    def settle(self, purchase: Purchase, **more: Any) -> Purchase:
        return settle_purchase(self.user.account_id, purchase.id, now=more.pop("now", utc_now()), **more)

    def told_types(self) -> dict[str, str]:
        """Waiting events: type to event id."""
        return {delivery.event_type: delivery.event_id for delivery in self.simulator.deliveries.waiting()}

    def tell(self, event_id: str) -> TestResponse:
        """Deliver one event, signed, through the real route."""
        body, headers = self.simulator.deliveries.signed(event_id, now=int(utc_now().timestamp()))
        return self.app.test_client().post(WEBHOOK, data=body, headers=headers)

    def tell_all(self) -> list[TestResponse]:
        return [self.tell(delivery.event_id) for delivery in self.simulator.deliveries.waiting()]

    def purchase(self, purchase: Purchase) -> Purchase:
        """The stored purchase as it is now."""
        with Session(db.engine) as session:
            return session.get_one(Purchase, (purchase.account_id, purchase.id))

    def event(self, event_id: str) -> WebhookEvent:
        with Session(db.engine) as session:
            return session.get_one(WebhookEvent, event_id)

    def events(self, purchase: Purchase | None = None) -> list[WebhookEvent]:
        found = select(WebhookEvent)
        if purchase is not None:
            found = found.where(WebhookEvent.purchase_id == purchase.id)
        with Session(db.engine) as session:
            return list(session.scalars(found))

    def bought(self) -> list[int]:
        """The credits of each grant of the account that came from a purchase."""
        with Session(db.engine) as session:
            grants = select(Grant.granted).where(
                Grant.account_id == self.user.account_id, Grant.source_kind == "purchase"
            )
            return list(session.scalars(grants))

    def assert_sound(self) -> None:
        """The ledger agrees with itself."""
        with Session(db.engine) as session:
            assert verify(session, self.user.account_id, now=utc_now()).faults == ()
