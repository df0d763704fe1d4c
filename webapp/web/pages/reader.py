"""Who reads a page, and when. What several parts of one page need is read once and kept here."""

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

from flask import url_for
from flask_login import current_user

from webapp.alerts.facts import Known
from webapp.alerts.reading import chosen_allowance, known_of
from webapp.billing import queries
from webapp.billing.models import Purchase
from webapp.billing.money_back.standing import Standing, standings
from webapp.billing.subscriptions.models import AllowancePeriod
from webapp.billing.subscriptions.queries import allowance_now
from webapp.billing.subscriptions.standing import PlanStanding, plan_standing
from webapp.catalog import Catalog, Plan
from webapp.extensions import db, parts
from webapp.ledger.allowances import Allowance, allowances
from webapp.ledger.queries import Balance, LimitStanding, limit_standings
from webapp.ledger.usage import day_of
from webapp.ledger.use import DayOfUse, use_by_day
from webapp.orm import utc_now
from webapp.people.passwords import NO_PASSWORD
from webapp.web.balance import fresh_balance
from webapp.web.regions import region_of, written_as

PURCHASES_SHOWN = 5
RECENT_DAYS = 90
UNSETTLED = frozenset({"open", "processing"})


@dataclass
class Reader:
    """The signed-in person in front of one page. Times are shown in the account's zone, all else as `locale` says.

    `locale` is the one text that whatever writes takes: the person's region with their style of numbers (see regions).

    Copies what it needs of the user: a page may end the read session that loaded the user.
    """

    user_id: int
    account_id: int
    email: str
    name: str
    role: str
    spending_paused_at: dt.datetime | None
    has_password: bool
    theme: str
    region: str
    number_style: str
    catalog: Catalog
    stripe_mode: str
    now: dt.datetime

    @property
    def locale(self) -> str:
        """How numbers and dates are written for this reader."""
        return written_as(self.region, self.number_style)

    @property
    def is_operator(self) -> bool:
        """Whether the operator's console is there for this reader."""
        return self.role != "user"

    @property
    def clock_locale(self) -> str:
        """A locale whose clock is the reader's: what the script needs to write an hour."""
        return "en-GB" if region_of(self.locale).has_24_hours else "en-US"

    @cached_property
    def balance(self) -> Balance:
        """The account's balance. The first thing to read: it may end the read session."""
        return fresh_balance(self.account_id, now=self.now)

    @cached_property
    def told_purchases(self) -> list[Purchase]:
        """The newest purchases, and older ones whose money was asked back or that wait for a person."""
        return queries.purchases_to_tell(db.session(), self.account_id, limit=PURCHASES_SHOWN, now=self.now)

    @property
    def purchases(self) -> list[Purchase]:
        """The newest purchases, as many as a page shows."""
        return self.told_purchases[:PURCHASES_SHOWN]

    @cached_property
    def standings(self) -> dict[str, Standing]:
        """How these purchases stand, by id. Costs nothing while nobody has asked any money back."""
        return standings(db.session(), self.account_id, self.told_purchases)

    def can_pay(self, purchase: Purchase) -> bool:
        """Whether a checkout that was left still waits at the Stripe that payments go to now."""
        lives = bool(purchase.session_url) and self.now < purchase.expires_at
        return lives and purchase.state == "open" and purchase.stripe_mode == self.stripe_mode

    def state_of(self, purchase: Purchase) -> str:
        """The purchase's state as it is told: nobody settles one of another Stripe mode, so it has expired for us.

        While payments are off no other Stripe has taken the place of the one it was opened at: it waits.
        """
        is_elsewhere = self.stripe_mode not in {"off", purchase.stripe_mode}
        return "expired" if is_elsewhere and purchase.state in UNSETTLED else purchase.state

    def receipt_address(self, purchase_id: str) -> str:
        """Where the receipt of a purchase is."""
        return url_for("credits.receipt", purchase_id=purchase_id)

    @cached_property
    def plan_standing(self) -> PlanStanding:
        """The plan that decides what is open, and the subscription behind it or the last one."""
        return plan_standing(db.session(), self.catalog, self.account_id, stripe_mode=self.stripe_mode)

    @cached_property
    def allowance(self) -> AllowancePeriod | None:
        """The period of the allowance that it is, if anything was given in one."""
        return allowance_now(db.session(), self.account_id, now=self.now)

    @cached_property
    def allowance_use(self) -> Allowance | None:
        """What became of the credits of the present allowance. After the balance, which may write what is due."""
        found = allowances(db.session(), self.balance.account_id, now=self.now)
        return chosen_allowance(found, lambda: self.allowance)

    @cached_property
    def limits(self) -> list[LimitStanding]:
        """How the spend limits of the account and of its keys stand. Costs nothing where there are none.

        After the balance, which may have to write what is due.
        """
        found = self.balance
        if not found.limits:
            return []
        return limit_standings(db.session(), self.account_id, time_zone=found.time_zone, now=self.now)

    @cached_property
    def known_alerts(self) -> Known:
        """What the account wants to be told of, and what it was told. One query."""
        return known_of(db.session(), self.account_id)

    @property
    def allowance_resets(self) -> bool:
        """Whether another allowance follows the present one. Of one without a period of a plan it is said so too."""
        return self.allowance is None or self.plan_standing.renews(self.allowance)

    @property
    def plan(self) -> Plan | None:
        """The plan that decides which packs are open."""
        return self.plan_standing.plan

    @property
    def zone(self) -> str:
        """The name of the zone in which times are shown."""
        return self.balance.time_zone

    @property
    def today(self) -> dt.date:
        """The day it is in the account's zone: the one that usage counts in now."""
        return day_of(self.now, self.zone)

    @cached_property
    def recent_use(self) -> tuple[DayOfUse, ...]:
        """What was used on the last 90 days, today among them, by meter and kind of grant. One query for all of it."""
        since_on = self.today - dt.timedelta(days=RECENT_DAYS - 1)
        parts_told = ("meter", "grant_kind")
        return use_by_day(db.session(), self.account_id, since_on=since_on, until_on=self.today, by=parts_told)

    @property
    def is_paused(self) -> bool:
        """Whether spending is paused, by an operator or by the account's owner."""
        return self.spending_paused_at is not None or self.balance.owner_paused_at is not None

    @property
    def shown_credits(self) -> int:
        """The one number called balance: what can be used now, or, below zero, what is owed."""
        return -self.balance.debt if self.balance.debt else self.balance.available

    @property
    def initials(self) -> str:
        """One or two letters for the account menu."""
        words = [word for word in self.name.split("@")[0].replace(".", " ").split() if word[0].isalnum()]
        letters = words[:1] + words[1:][-1:]
        return "".join(word[0] for word in letters).upper() or "?"


def present_reader() -> Reader:
    """The reader of this request; somebody must be signed in."""
    return Reader(
        user_id=current_user.id,
        account_id=current_user.account_id,
        email=current_user.email,
        name=current_user.name or current_user.email,
        role=current_user.role,
        spending_paused_at=current_user.spending_paused_at,
        has_password=current_user.password_hash != NO_PASSWORD,
        theme=current_user.theme,
        region=current_user.locale,
        number_style=current_user.number_style,
        catalog=parts().catalog,
        stripe_mode=parts().settings.payments,
        now=utc_now(),
    )
