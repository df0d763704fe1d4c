"""Subscribers as a test sees them: subscribe at the simulated Stripe, let time pass, tell the application or don't."""

import datetime as dt
import random
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, cast

import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.billing.buying import Buying
from webapp.billing.subscriptions.models import AllowancePeriod, PlanCheckout, Subscription
from webapp.catalog import Plan
from webapp.extensions import db, parts
from webapp.ledger.models import Grant
from webapp.orm import utc_now
from webapp.simulator.store import Json
from webapp.web.plans import start_plan
from webapp.web.prices import sync_now

START = dt.datetime(2026, 1, 31, 12, 0, tzinfo=dt.UTC)


def plan(slug: str, amount_minor: int, credits: int, **more: Any) -> Plan:
    """A plan of a test's catalogue."""
    terms = {"currency": "usd", "interval": "month", "welcome_credits": 0, **more}
    return Plan(slug=slug, name=slug.title(), amount_minor=amount_minor, allowance_credits=credits, **terms)


YEARLY = plan("yearly", 19000, 500, interval="year", allowance_every="month")
YEARLY_PRO = plan("yearlypro", 49000, 2000, interval="year", allowance_every="month")
ROLLING = plan("rolling", 2900, 500, rollover_credits=200)
TRIAL = plan("trial", 1900, 500, trial_days=14)
MAX = plan("max", 9900, 5000)


def at(moment: dt.datetime) -> AbstractContextManager[object]:
    """The block happens at this instant."""
    return cast("AbstractContextManager[object]", time_machine.travel(moment, tick=False))


@dataclass
class Subscribing(Buying):
    """One user, plans beside those of the catalogue, and the simulated Stripe behind them."""

    def sell(self, *plans: Plan) -> None:
        """Sell these plans too."""
        catalog = parts().catalog
        self.app.extensions["refill"] = replace(parts(), catalog=replace(catalog, plans=(*catalog.plans, *plans)))
        sync_now()

    def open(self, slug: str = "plus", key: str = "form:plan") -> PlanCheckout:
        return start_plan(user=self.user, plan_slug=slug, open_key=key, now=utc_now())

    def subscribe(self, slug: str = "plus", key: str = "form:plan") -> str:
        """Subscribe at Stripe; nobody has told the application. The subscription's id."""
        paid = self.simulator.pay(str(self.open(slug, key).session_id))
        assert paid["status"] == "complete"
        return str(paid["subscription"])

    def tell_shuffled(self, seed: int) -> None:
        """Tell all that waits, in an order of the seed's."""
        waiting = [delivery.event_id for delivery in self.simulator.deliveries.waiting()]
        self.tell_each(random.Random(seed).sample(waiting, len(waiting)))

    def tell_each(self, event_ids: Iterable[str]) -> None:
        for event_id in event_ids:
            assert self.tell(event_id).status_code == 200

    def price_of(self, slug: str) -> str:
        """The Price of a plan at Stripe."""
        lookup_key = str(next(one for one in parts().catalog.plans if one.slug == slug).lookup_key)
        (price,) = self.gateway.prices([lookup_key])
        return price.id

    def at_stripe(self, subscription_id: str) -> Json:
        with self.simulator.store.reading() as state:
            return state.load("subscription", subscription_id)

    def row(self) -> Subscription:
        """The account's newest subscription as it is stored."""
        with Session(db.engine) as session:
            found = select(Subscription).where(Subscription.account_id == self.user.account_id)
            return session.scalars(found.order_by(Subscription.started_at.desc())).first()  # type: ignore[return-value]

    def periods(self) -> list[AllowancePeriod]:
        with Session(db.engine) as session:
            found = select(AllowancePeriod).where(AllowancePeriod.account_id == self.user.account_id)
            return list(session.scalars(found.order_by(AllowancePeriod.starts_at)))

    def given(self) -> list[tuple[str, int, dt.datetime]]:
        """Each grant of an allowance: what of its period, credits, when it expires."""
        with Session(db.engine) as session:
            found = select(Grant).where(Grant.account_id == self.user.account_id, Grant.kind == "allowance")
            grants = session.scalars(found.order_by(Grant.seq))
            return [(one.source_id.split(":", 2)[2] or "rolled", one.granted, one.expires_at) for one in grants]
