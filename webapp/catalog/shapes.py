"""What is for sale and what work costs, as immutable facts. Made by `load_catalog` only, which has checked them."""

import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

Display = Literal["credits", "money"]
Rounding = Literal["started", "total"]
Overrun = Literal["refuse", "balance"]
Takeback = Literal["debt", "floor"]
Interval = Literal["month", "year"]

PLAN_LOOKUP_PREFIX = "refill_plan_"


@dataclass(frozen=True, slots=True)
class CreditUnit:
    """How credits are called and what they are worth in use: `worth_credits` credits are worth `worth_minor`.

    Credits are stored in their smallest unit; with `decimals = 2` a stored 150 is shown as 1.50.
    """

    singular: str
    plural: str
    symbol: str
    decimals: int
    worth_minor: int
    worth_credits: int
    currency: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A subscription with an allowance. The plan that costs nothing has no Stripe Price, and is everybody else's.

    `interval` is how often it is paid, `allowance_every` how often it gives its `allowance_credits`: with each payment,
    or every month of a year that was paid at once. Of an allowance that expires unused, at most `rollover_credits`
    are given again for the next period. A first subscription begins with `trial_days` for nothing.
    One that is not active is not sold any more, and stays the plan of whoever has it.
    """

    slug: str
    name: str
    amount_minor: int
    currency: str
    interval: Interval
    allowance_credits: int
    welcome_credits: int
    allowance_every: Interval = "month"
    rollover_credits: int = 0
    trial_days: int = 0
    is_active: bool = True

    @property
    def is_free(self) -> bool:
        """Whether this is the plan of people without a subscription."""
        return self.amount_minor == 0

    @property
    def lookup_key(self) -> str | None:
        """The name by which the plan's Price is found in Stripe; None for the plan that costs nothing."""
        return None if self.is_free else f"{PLAN_LOOKUP_PREFIX}{self.slug}"


@dataclass(frozen=True, slots=True)
class Pack:
    """A fixed number of credits at a fixed price, bought once.

    `audience` is "anyone", "subscribers" or "plan:<slug>"; `takeback` says what a refund does about credits that are
    already used: "debt" takes them from the next ones, "floor" lets them go.
    """

    slug: str
    name: str
    credits: int
    amount_minor: int
    currency: str
    audience: str
    is_featured: bool
    is_active: bool
    badge: str
    takeback: Takeback

    @property
    def terms(self) -> str:
        """A short hash of what the buyer was shown. It goes into the form and is compared, never trusted."""
        shown = json.dumps([self.slug, self.credits, self.amount_minor, self.currency])
        return hashlib.sha256(shown.encode()).hexdigest()[:16]

    @property
    def lookup_key(self) -> str:
        """The name by which the pack's Price is found in Stripe."""
        return f"refill_pack_{self.slug}"

    @property
    def plan_slug(self) -> str | None:
        """The one plan whose subscribers may buy it, or None if the rule is not about one plan."""
        return self.audience.removeprefix("plan:") if self.audience.startswith("plan:") else None

    def is_open_to(self, plan: Plan | None) -> bool:
        """Whether someone on `plan` (None: no plan at all) may buy it."""
        if self.audience == "anyone":
            return True
        if plan is None:
            return False
        if self.audience == "subscribers":
            return not plan.is_free
        return plan.slug == self.plan_slug


@dataclass(frozen=True, slots=True)
class Tier:
    """The price of a part of one spend: `credits` for each `per` units, up to the unit `up_to`; None: it goes on."""

    up_to: int | None
    credits: int
    per: int


@dataclass(frozen=True, slots=True)
class Meter:
    """A metered operation. Its price has one tier or more, in order; each unit of a spend costs what its tier says.

    `rounding` says what becomes of a part of `per` units. "started": each started step costs the whole price, and
    tiers are made of whole steps. "total": the cost of one spend is worked out exactly, then rounded up to a whole
    credit. Any spend costs at least `minimum_credits`. `activity` is what the units are of ("calls"), or empty.
    `overrun` says what becomes of work that used more than was on hold for it: "refuse" its capture, or take the rest
    from the "balance".
    """

    slug: str
    title: str
    unit: str
    unit_plural: str
    unit_short: str
    activity: str
    tiers: tuple[Tier, ...]
    rounding: Rounding
    minimum_credits: int
    overrun: Overrun

    @property
    def credits(self) -> int:
        """The price with which each spend begins, for `per` units."""
        return self.tiers[0].credits

    @property
    def per(self) -> int:
        """How many units that price is for."""
        return self.tiers[0].per

    @property
    def is_plain(self) -> bool:
        """Whether the first price is the only one."""
        return len(self.tiers) == 1 and self.minimum_credits == 0

    @property
    def is_cheaper_at_once(self) -> bool:
        """Whether many units may cost less in one spend than in several: a price falls, or there is a minimum."""
        falls = any(then.credits * now.per < now.credits * then.per for now, then in pairwise(self.tiers))
        return falls or self.minimum_credits > 1


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything in one catalogue file, in the order of the file.

    `refund_days` is for how long people may ask for a refund of what they bought and haven't used; 0: they may not.
    `takes_promotion_codes` and `has_automatic_tax` are switches of the page where people pay.
    """

    path: Path
    unit: CreditUnit
    display: Display
    packs: tuple[Pack, ...]
    plans: tuple[Plan, ...]
    meters: tuple[Meter, ...]
    main_meter: Meter | None
    refund_note: str
    refund_days: int = 0
    takes_promotion_codes: bool = False
    has_automatic_tax: bool = False

    def pack(self, slug: str) -> Pack | None:
        """The pack of this slug, active or not."""
        return _named(self.packs, slug)

    def plan(self, slug: str) -> Plan | None:
        """The plan of this slug."""
        return _named(self.plans, slug)

    def meter(self, slug: str) -> Meter | None:
        """The meter of this slug."""
        return _named(self.meters, slug)

    @property
    def default_plan(self) -> Plan | None:
        """The plan of people without a subscription: the one that costs nothing."""
        return next((plan for plan in self.plans if plan.is_free), None)

    @property
    def paid_plans(self) -> tuple[Plan, ...]:
        """The plans that people subscribe to, in the order of the file."""
        return tuple(plan for plan in self.plans if not plan.is_free)

    @property
    def welcome_credits(self) -> int:
        """The bonus credits that a new account is given; 0 for none."""
        return self.default_plan.welcome_credits if self.default_plan else 0


Item = TypeVar("Item", Pack, Plan, Meter)


def _named(items: tuple[Item, ...], slug: str) -> Item | None:
    return next((item for item in items if item.slug == slug), None)
