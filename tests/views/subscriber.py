"""Somebody with a plan: subscribed through the simulated Stripe, or with a subscription as Stripe may tell of it."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.support.pages import Page
from tests.views.shopper import Shopper
from webapp.billing.customers import remember_customer
from webapp.billing.subscriptions.models import AllowancePeriod, PlanCheckout, PlanInvoice, Subscription
from webapp.extensions import db, parts, transact
from webapp.ledger.operations import grant
from webapp.orm import utc_now

BILLING = "/billing"
SUBSCRIPTION = "sub_sim_made"
ITEM = "si_sim_made"


@dataclass
class Subscriber(Shopper):
    """A shopper who comes to the billing page."""

    def choose(self, card: str = "plus", *, page: Page | None = None, **typed: str) -> TestResponse:
        """Press the plan's button on the billing page."""
        return self.pages.submit(page or self.pages.open(BILLING), f"subscribe-{card}", **typed)

    def opened(self, plan: str = "plus") -> PlanCheckout:
        """The checkout of a plan, opened and left."""
        assert self.choose(plan).status_code == 303
        return self.checkout()

    def checkout(self) -> PlanCheckout:
        """The plan's checkout opened last, as it is stored now."""
        newest = PlanCheckout.opened_at.desc()
        with Session(db.engine) as session:
            mine = PlanCheckout.account_id == self.user.account_id
            return session.scalars(select(PlanCheckout).where(mine).order_by(newest)).first()

    def subscribe(self, plan: str = "plus") -> Page:
        """Subscribe and pay; the page that Stripe leads back to. No webhook comes."""
        opened = self.opened(plan)
        self.stripe.pay(opened.session_id)
        return self.pages.open(f"{BILLING}?session_id={opened.session_id}")

    def subscription(self) -> Subscription:
        """The account's newest subscription as it is stored."""
        newest = Subscription.started_at.desc()
        with Session(db.engine) as session:
            mine = Subscription.account_id == self.user.account_id
            return session.scalars(select(Subscription).where(mine).order_by(newest)).first()

    def having(self, *, credits: int | None = None, **facts: object) -> None:
        """A subscription that Stripe tells of like this, without anything at Stripe; with its `credits` given."""
        now = utc_now()
        plan = parts().catalog.plan(facts.pop("plan_slug", "plus"))
        ends_at = facts.get("period_ends_at") or now + dt.timedelta(days=20)
        row = {
            "account_id": self.user.account_id,
            "id": f"{SUBSCRIPTION}_{self.user.account_id}",
            "stripe_mode": "simulated",
            "customer_id": f"cus_sim_{self.user.account_id}",
            "plan_slug": plan.slug,
            "item_id": f"{ITEM}_{self.user.account_id}",
            "amount_minor": plan.amount_minor,
            "currency": plan.currency,
            "billed_every": plan.interval,
            "status": "active",
            "period_starts_at": ends_at - dt.timedelta(days=30),
            "period_ends_at": ends_at,
            "card_brand": "visa",
            "card_last4": "4242",
            "started_at": now - dt.timedelta(days=40),
            "told": "f" * 64,
            "read_at": now,
        }
        given = plan.allowance_credits if credits is None else credits

        def work(session: Session) -> None:
            session.add(Subscription(**row | facts))
            remember_customer(
                session, self.user.account_id, stripe_mode="simulated", customer_id=row["customer_id"], now=now
            )
            if given:
                _give(session, row, given, now)

        transact(work)

    def invoiced(self, number: str, status: str = "paid", **facts: object) -> None:
        """An invoice of that subscription."""
        row = {
            "account_id": self.user.account_id,
            "id": f"in_sim_{number}_{self.user.account_id}",
            "subscription_id": SUBSCRIPTION,
            "number": number,
            "status": status,
            "total_minor": 1900,
            "currency": "usd",
            "url": f"http://localhost/_stripe/i/in_sim_{number}",
            "made_at": utc_now(),
        }
        transact(lambda session: session.add(PlanInvoice(**row | facts)))


def _give(session: Session, row: dict, given: int, now: dt.datetime) -> None:
    source = f"{row['item_id']}:base"
    session.add(
        AllowancePeriod(
            account_id=row["account_id"],
            source=row["item_id"],
            starts_at=row["period_starts_at"],
            ends_at=row["period_ends_at"],
            plan_slug=row["plan_slug"],
            highest_credits=given,
            given_credits=given,
            is_base_given=True,
            rolled_credits=0,
        )
    )
    grant(
        session,
        row["account_id"],
        kind="allowance",
        credits=given,
        key=f"allowance:{source}",
        source_kind="allowance",
        source_id=source,
        description="Plus allowance",
        expires_at=row["period_ends_at"],
        actor_kind="stripe",
        now=now,
    )
