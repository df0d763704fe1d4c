"""The shapes of the API: what it reads and what it answers. Names and types here are a promise to clients.

Requests are strict: a number is no text and a true is no number. Fields and parameters we don't know are ignored, so
that clients of older systems keep working; none of them can change a price, an amount or an account, because those
never come from a request.
"""

import datetime as dt
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from webapp.catalog.shapes import Interval
from webapp.web.moments import Moment, moment_of
from webapp.web.return_path import page_path

HistoryType = Literal["purchases", "usage", "transactions", "grants", "refunds", "expired"]
GrantKind = Literal["allowance", "purchased", "bonus", "gift", "adjustment"]


class Read(BaseModel):
    """Something a client sends."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class Answer(BaseModel):
    """Something we send. Instants are UTC and end in Z, credits and amounts are integers."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", from_attributes=True)


def _digits(given: object) -> object:
    """A parameter of a query is text: only plain digits make a number of it."""
    return int(given) if isinstance(given, str) and re.fullmatch(r"[0-9]{1,9}", given) else given


def _without_nul(text: str) -> str:
    """PostgreSQL can't even be asked about text with a NUL in it."""
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    return text


def _visible(text: str) -> str:
    """An id travels in a header and in an address as it is."""
    if not re.fullmatch(r"[!-~]*", text):
        raise ValueError("must be visible ASCII characters without spaces")
    return text


def _own_page(path: str | None) -> str | None:
    if path is not None and page_path(path) is None:
        raise ValueError("must be the path of a page of Refill, like /dashboard/credits")
    return path


Name = Annotated[str, AfterValidator(_without_nul), Field(min_length=1, max_length=64)]


class HistoryQuery(Read):
    """Parameters of the history. `from` and `to` are dates or instants; a date in `to` includes that day."""

    type: HistoryType = "transactions"
    since: Annotated[Moment | None, BeforeValidator(moment_of), Field(alias="from")] = None
    until: Annotated[Moment | None, BeforeValidator(moment_of), Field(alias="to")] = None
    limit: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=100)] = 25
    cursor: str | None = Field(default=None, max_length=100)


class CheckoutBody(Read):
    """What to buy: a pack or a plan."""

    pack: Name | None = None
    plan: Name | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.pack is None) == (self.plan is None):
            raise ValueError('Send exactly one of "pack" and "plan".')
        return self


class PurchaseBody(Read):
    """Which pack to buy."""

    pack: Name


class AccountBody(Read):
    """An account of the host product, by the product's own id; who signs in to it, and the zone of its days."""

    external_id: Annotated[str, AfterValidator(_visible), Field(min_length=1, max_length=200)]
    email: str | None = Field(default=None, max_length=1000)
    time_zone: str | None = Field(default=None, max_length=100)


class LinkBody(Read):
    """Where a login link leads: a page of ours, as a path. The dashboard, if nothing is said."""

    next: Annotated[str | None, AfterValidator(_own_page)] = None


class VerifyQuery(Read):
    """Which Checkout Session to look at."""

    session_id: Annotated[str, AfterValidator(_without_nul), Field(min_length=1, max_length=255)]


class LotAnswer(Answer):
    """What is left of one grant. `grant` is the id of the entry that gave it."""

    grant: int
    kind: GrantKind
    credits: int
    expires_at: dt.datetime | None


class KindsAnswer(Answer):
    """Available credits by kind; bonus includes gift, purchased includes adjustment."""

    allowance: int
    bonus: int
    purchased: int


class BalanceAnswer(Answer):
    """A balance. `subscription`, `overage` and `total` are the words of older clients.

    They mean: what is left of the allowance, everything else that is available, and all that is available.
    """

    account: int
    available: int
    held: int
    frozen: int
    debt: int
    balance: int
    kinds: KindsAnswer
    subscription: int
    overage: int
    total: int
    lots: list[LotAnswer]
    total_purchased: int
    total_used: int
    display: str


class ShortBalance(Answer):
    """What can be spent, and what is reserved."""

    available: int
    held: int


class LotTouchedAnswer(Answer):
    """Credits that an entry moved in one lot."""

    grant: int
    kind: GrantKind
    credits: int


class EntryAnswer(Answer):
    """One line of the history. `id` counts within the account; `balance_after` is the running balance."""

    id: int
    kind: str
    credits: int
    balance_after: int
    description: str
    meter: str | None
    quantity: int | None
    lots: list[LotTouchedAnswer]
    occurred_at: dt.datetime
    created_at: dt.datetime
    reverses: int | None


class BecauseAnswer(Answer):
    """Why an entry took credits or gave them back: refunds or disputes of a purchase (its reference), or both.

    `amount_minor` is their money: below zero where it went back to the buyer, above zero where it came back to us, or
    stays with us while a dispute is open. `ids` are Stripe's.
    """

    why: Literal["refund", "dispute", "both"]
    purchase: str
    amount_minor: int
    currency: str
    ids: list[str]


class ToldEntryAnswer(EntryAnswer):
    """An entry as the history tells it. `because` is null for what no refund or dispute has brought about."""

    because: BecauseAnswer | None


class HistoryAnswer(Answer):
    """A page of the history, newest first. `next_cursor` is null on the last one."""

    entries: list[ToldEntryAnswer]
    next_cursor: str | None


class UnitAnswer(Answer):
    """What a credit is called and worth: `worth_credits` credits are worth `worth_minor` of `currency`."""

    singular: str
    plural: str
    symbol: str
    decimals: int
    worth_minor: int
    worth_credits: int
    currency: str


class PackAnswer(Answer):
    """A pack the caller can buy now. `terms` changes whenever what the buyer agrees to does."""

    slug: str
    name: str
    credits: int
    amount_minor: int
    currency: str
    price: str
    unit_price: str
    saving_percent: int
    is_featured: bool
    badge: str
    terms: str


class LockedPackAnswer(Answer):
    """A pack that the caller can't buy yet: it needs one plan, or (`needs_plan` null) any that costs something."""

    slug: str
    name: str
    credits: int
    amount_minor: int
    currency: str
    price: str
    needs_plan: str | None


class PlanAnswer(Answer):
    """A subscription with an allowance. The plan that costs nothing is everybody's without one.

    `interval` is how often it is paid, `allowance_every` how often `allowance_credits` are given. `is_yours` of the
    plan that the caller is on; `is_on_sale` while it can be subscribed to at this price.
    """

    slug: str
    name: str
    amount_minor: int
    currency: str
    price: str
    interval: Interval
    allowance_credits: int
    allowance_every: Interval
    rollover_credits: int
    trial_days: int
    is_yours: bool
    is_on_sale: bool


class TierAnswer(Answer):
    """`credits` for each `per` units of one spend, up to its unit `up_to`; the last tier has no end."""

    up_to: int | None
    credits: int
    per: int


class MeterAnswer(Answer):
    """What metered work costs. `credits` and `per` are the price with which a spend begins, `tiers` are all of it."""

    slug: str
    title: str
    unit: str
    credits: int
    per: int
    tiers: tuple[TierAnswer, ...]
    rounding: Literal["started", "total"]
    minimum_credits: int
    overrun: Literal["refuse", "balance"]


class CatalogAnswer(Answer):
    """What the caller may buy, and what work costs."""

    unit: UnitAnswer
    packs: list[PackAnswer]
    locked_packs: list[LockedPackAnswer]
    plans: list[PlanAnswer]
    meters: list[MeterAnswer]


class PurchaseAnswer(Answer):
    """A purchase that was opened: where to send the buyer."""

    purchase: str
    session_id: str
    url: str
    credits: int


class VerifyAnswer(Answer):
    """What became of a payment."""

    status: Literal["paid", "processing", "open", "failed", "expired", "quarantined", "refunded"]
    credits_granted: int
    balance: ShortBalance


class AccountAnswer(Answer):
    """An account of the host product as it is stored. `email` is null while nobody signs in to it."""

    account: int
    external_id: str
    email: str | None
    has_user: bool
    time_zone: str


class LinkAnswer(Answer):
    """An address that signs its user in, once, until `expires_at`."""

    url: str
    expires_at: dt.datetime
