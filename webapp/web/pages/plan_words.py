"""What is said of a subscription in each of its states. Every status of Stripe's has words, one new to us as well.

https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses
"""

import datetime as dt
from dataclasses import dataclass, replace

from webapp.billing.subscriptions.models import Subscription
from webapp.billing.subscriptions.portal import PortalFlow
from webapp.catalog import Plan
from webapp.web.dates import date_text
from webapp.web.display import amount, money
from webapp.web.pages.reader import Reader

Chip = tuple[str, str, str]

EVERY = {"month": "a month", "year": "a year"}
EACH = {"month": "each month", "year": "each year"}
# What Stripe calls the brands of cards; whatever else pays is no card.
CARDS = {"visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay", "eftpos_au", "cartes_bancaires"}


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody should do now: a part of the portal (`flow`, None for its beginning), or a page of Stripe's."""

    words: str
    flow: PortalFlow | None = None
    href: str = ""


@dataclass(frozen=True, slots=True)
class PlanWords:
    """A state in words. `state` is our name for it; `kind` colours the `lines` where something is wrong.

    `title` stands over them in a banner.
    """

    state: str
    chip: Chip
    lines: tuple[str, ...]
    title: str = ""
    kind: str = ""
    act: Act | None = None


def plan_words(reader: Reader, row: Subscription | None) -> PlanWords:
    """The words for the account's subscription, or for none."""
    if row is None:
        return _none(reader)
    if row.ended_at is not None:
        return _ended(reader, row)
    words = _trouble(reader, row) or _sound(reader, row)
    if row.ends_at is None or words.state in {"ending", "incomplete"}:
        return words
    return replace(words, lines=(*words.lines, _end_line(reader, row, row.ends_at)))


def price_words(amount_minor: int, currency: str, every: str, locale: str) -> str:
    """`$19.00 a month`."""
    return f"{money(amount_minor, currency, locale)} {EVERY[every]}"


def plan_name(reader: Reader, slug: str) -> str:
    """The plan's name; of one that the catalogue has no more, what it was called for programs."""
    plan = reader.catalog.plan(slug)
    return plan.name if plan else slug or "Another plan"


def _none(reader: Reader) -> PlanWords:
    if reader.plan is None:
        return PlanWords("none", ("plain", "info", "No plan"), ("You have no plan. Credits that you buy need none.",))
    return PlanWords("none", ("plain", "check", "Current plan"), ("It costs nothing. You can subscribe any time.",))


def _ended(reader: Reader, row: Subscription) -> PlanWords:
    name, on = plan_name(reader, row.plan_slug), _date(reader, row.ended_at or reader.now)
    if row.status == "incomplete_expired":
        line = (
            f"The first payment for {name} didn't come through in time, so it never began. You have not been charged."
        )
        return PlanWords("never_begun", ("plain", "x", "Not begun"), (line,))
    return PlanWords(
        "ended",
        ("plain", "clock", "Ended"),
        (f"{name} ended on {on}. The credits you bought stay yours.",),
    )


def _trouble(reader: Reader, row: Subscription) -> PlanWords | None:
    """What keeps the subscription from going on, the worst first."""
    troubles = (
        (row.status == "incomplete", _incomplete),
        (row.is_paused, _payments_paused),
        (row.status == "paused", _paused),
        (row.problem == "action", _bank_asks),
        (row.status == "unpaid", _unpaid),
        (row.status == "past_due" or row.problem == "failed", _failed),
    )
    return next((words(reader, row) for is_so, words in troubles if is_so), None)


def _sound(reader: Reader, row: Subscription) -> PlanWords:
    if row.status not in {"trialing", "active"}:
        return _unknown(row)
    if row.ends_at is not None:
        return _ending(reader, row, row.ends_at)
    if row.status == "trialing":
        return _trialing(reader, row)
    return PlanWords("active", ("ok", "check", "Active"), (_next_line(reader, row),))


def _incomplete(reader: Reader, row: Subscription) -> PlanWords:
    name = plan_name(reader, row.plan_slug)
    line = f"{name} begins when it is through. If it isn't within a day, nothing begins and nothing is charged."
    chip = ("warn", "clock", "Not paid yet")
    act = _pay(row, "Finish the payment")
    return PlanWords("incomplete", chip, (line,), "The first payment isn't through yet", "warn", act)


def _payments_paused(reader: Reader, row: Subscription) -> PlanWords:
    until = f" until {_date(reader, row.resumes_at)}" if row.resumes_at else " for now"
    line = "No new credits come meanwhile, and nothing is charged. The credits you have stay yours."
    title = f"{plan_name(reader, row.plan_slug)} is paused{until}"
    return PlanWords("payments_paused", ("warn", "clock", "Paused"), (line,), title, "warn")


def _paused(reader: Reader, row: Subscription) -> PlanWords:
    name = plan_name(reader, row.plan_slug)
    line = f"The trial ended without a way to pay. Add one, and {name} goes on."
    act = Act("Add a payment method", "payment_method")
    return PlanWords("paused", ("warn", "clock", "Paused"), (line,), f"{name} is paused", "warn", act)


def _bank_asks(reader: Reader, row: Subscription) -> PlanWords:
    line = f"Confirm it there to keep your {plan_name(reader, row.plan_slug)} allowance."
    title = "Your bank wants you to confirm a payment"
    return PlanWords("bank_asks", ("warn", "shield", "To confirm"), (line,), title, "warn", _pay(row, "Confirm it"))


def _unpaid(reader: Reader, row: Subscription) -> PlanWords:
    line = "No new credits come until it is paid. The credits you bought stay yours."
    title = f"{plan_name(reader, row.plan_slug)} is not paid"
    return PlanWords("unpaid", ("bad", "warn", "Unpaid"), (line,), title, "bad", _pay(row, "Pay now"))


def _failed(reader: Reader, row: Subscription) -> PlanWords:
    """A payment that is tried again by itself: a working card is all it needs."""
    failed = f" on {_date(reader, row.problem_at)}" if row.problem_at else ""
    what = "card" if row.card_brand in CARDS else "payment method"
    lines = [f"Update your {what} to keep your {plan_name(reader, row.plan_slug)} allowance."]
    if row.retries_at is not None:
        lines.append(f"It is tried again on {_date(reader, row.retries_at)}.")
    return PlanWords(
        "past_due",
        ("bad", "warn", "Payment failed"),
        tuple(lines),
        f"Your last payment failed{failed}",
        "bad",
        Act(f"Update your {what}", "payment_method"),
    )


def _ending(reader: Reader, row: Subscription, ends_at: dt.datetime) -> PlanWords:
    chip = ("warn", "clock", f"Ends {_date(reader, ends_at)}")
    words = f"Keep {plan_name(reader, row.plan_slug)}"
    return PlanWords("ending", chip, (_end_line(reader, row, ends_at),), act=Act(words))


def _end_line(reader: Reader, row: Subscription, ends_at: dt.datetime) -> str:
    name, on = plan_name(reader, row.plan_slug), _date(reader, ends_at)
    return f"Cancelled: {name} ends on {on}, and nothing more is charged. The credits you bought stay yours."


def _trialing(reader: Reader, row: Subscription) -> PlanWords:
    until = _date(reader, row.trial_ends_at or row.period_ends_at)
    price = price_words(row.amount_minor, row.currency, row.billed_every, reader.locale)
    line = _next_line(reader, row) if row.next_plan_slug else f"Trial until {until}, then {price}."
    lines = [line] if row.card_brand else [line, "There is no way to pay yet: add one before then to keep it."]
    return PlanWords("trialing", ("info", "gift", "Trial"), tuple(lines))


def _unknown(row: Subscription) -> PlanWords:
    line = f"Stripe calls its state “{row.status}”, which is new to us. Your credits are safe."
    return PlanWords("unknown", ("plain", "info", row.status.replace("_", " ").capitalize()), (line,))


def _next_line(reader: Reader, row: Subscription) -> str:
    on = _date(reader, row.period_ends_at)
    following = reader.catalog.plan(row.next_plan_slug)
    return f"Switches to {_offered(reader, following)} on {on}." if following else f"Renews on {on}."


def _offered(reader: Reader, plan: Plan) -> str:
    price = price_words(plan.amount_minor, plan.currency, plan.interval, reader.locale)
    return f"{plan.name} ({price}, {amount(plan.allowance_credits, reader.catalog, reader.locale)})"


def _pay(row: Subscription, words: str) -> Act:
    """To the invoice at Stripe, where it can be paid and confirmed; else to the portal, which lists it."""
    return Act(words, href=row.invoice_url) if row.invoice_url else Act(words)


def _date(reader: Reader, instant: dt.datetime | None) -> str:
    return date_text(instant or reader.now, reader.zone, reader.locale, reader.now)
