"""States of the billing page, and what a plan changes on other pages."""

import datetime as dt

from tests.browser.stage import Buyer, Stage, View, long_email, numbers
from tests.browser.states import shows
from tests.browser.states_of_credits import CREDITS, DASHBOARD, LONG_NAME, use
from tests.support.people import make_user
from tests.views.subscriber import BILLING, Subscriber
from webapp.orm import utc_now

SETTINGS = "/dashboard/settings"
INVOICE = "https://invoice.stripe.com/i/acct_1/test_1"


class PlanBuyer(Buyer, Subscriber):
    """A buyer with a plan."""


def somebody(stage: Stage, *, name: str = "Some One", email: str = "") -> PlanBuyer:
    email = email or f"person-{next(numbers)}@example.com"
    return PlanBuyer.of(stage.app, make_user(email, name=name, welcome_credits=20))


def having(stage: Stage, **facts: object) -> PlanBuyer:
    buyer = somebody(stage)
    buyer.having(**facts)
    return buyer


def later(days: int) -> dt.datetime:
    return utc_now() + dt.timedelta(days=days)


def failed() -> dict[str, object]:
    return {"problem": "failed", "problem_at": later(-2), "retries_at": later(1), "invoice_url": INVOICE}


# What Stripe says, by the name of the state.
TOLD = {
    "active": dict,
    "a trial": lambda: {"status": "trialing", "trial_ends_at": later(11)},
    "a trial without a card": lambda: {"status": "trialing", "trial_ends_at": later(11), "card_brand": ""},
    "another plan to come": lambda: {"plan_slug": "pro", "next_plan_slug": "plus"},
    "a plan that ends": lambda: {"ends_at": later(11)},
    "a failed payment": lambda: {"status": "past_due", **failed()},
    "a bank that asks": lambda: {"status": "past_due", **failed(), "problem": "action"},
    "a first payment that is open": lambda: {"status": "incomplete", "invoice_url": INVOICE, "credits": 0},
    "an unpaid plan": lambda: {"status": "unpaid", **failed()},
    "a trial that is over": lambda: {"status": "paused", "card_brand": "", "card_last4": ""},
    "payments that are paused": lambda: {"is_paused": True, "resumes_at": later(40)},
    "a plan that has ended": lambda: {"status": "canceled", "ended_at": utc_now(), "credits": 0},
    "a state new to us": lambda: {"status": "on_a_very_long_holiday_by_the_sea", "next_plan_slug": "gone"},
}


def told(name: str) -> None:
    def make(stage: Stage) -> View:
        return View(BILLING, having(stage, **TOLD[name]()))

    make.__name__ = f"billing_with_{name.replace(' ', '_')}"
    shows("billing.billing")(make)


@shows("billing.billing")
def billing_without_a_plan(stage):
    return View(BILLING, somebody(stage))


for each in TOLD:
    told(each)


@shows("billing.billing")
def billing_with_everything_and_long_names(stage):
    buyer = somebody(stage, name=LONG_NAME, email=long_email())
    buyer.having(**failed(), status="past_due", card_brand="us_bank_account")
    use(buyer, 430)
    for number, status in enumerate(("paid", "open", "uncollectible")):
        buyer.invoiced(f"REFILL-{number}-{'0' * 20}", status, total_minor=123_456_789)
    return View(BILLING, buyer)


@shows("billing.billing")
def billing_after_subscribing(stage):
    buyer = somebody(stage)
    opened = buyer.opened()
    buyer.stripe.pay(opened.session_id)
    return View(f"{BILLING}?session_id={opened.session_id}", buyer)


@shows("billing.billing")
def billing_while_a_checkout_is_confirmed(stage):
    buyer = somebody(stage)
    return View(f"{BILLING}?session_id={buyer.opened().session_id}", buyer)


@shows("billing.billing")
def billing_after_a_checkout_was_left(stage):
    buyer = somebody(stage)
    buyer.opened()
    return View(f"{BILLING}?checkout=cancelled", buyer)


@shows("billing.billing")
def billing_while_payments_are_off(stage):
    return stage.drawn_elsewhere(somebody(stage), BILLING, stripe_mode="off")


@shows("dashboard.dashboard")
def dashboard_with_a_plan_whose_allowance_is_used_up(stage):
    buyer = having(stage)
    use(buyer, 500, meter="transcript", quantity=500)
    return View(DASHBOARD, buyer)


def using_daily(buyer: PlanBuyer, *credits_each: int) -> None:
    """Use on the days before today, the last one being yesterday's."""
    for number, each in enumerate(reversed(credits_each), start=1):
        use(buyer, each, occurred_at=later(-number))


@shows("dashboard.dashboard")
def dashboard_with_an_allowance_that_runs_low_and_its_forecast(stage):
    buyer = having(stage)
    using_daily(buyer, 150, 42, 42, 80, 100)
    return View(DASHBOARD, buyer)


@shows("credits.credits")
def credits_with_what_each_pack_means(stage):
    buyer = having(stage, ends_at=later(20))
    buyer.granted("small")
    using_daily(buyer, 42, 27, 27)
    return View(CREDITS, buyer)


@shows("dashboard.dashboard")
def dashboard_with_a_failed_payment_of_a_plan(stage):
    return View(DASHBOARD, having(stage, status="past_due", **failed()))


@shows("credits.credits")
def credits_with_a_plan(stage):
    return View(CREDITS, having(stage))


@shows("settings.settings")
def settings_with_a_plan(stage):
    return View(SETTINGS, having(stage))


@shows("error 409")
def already_subscribed(stage):
    buyer = somebody(stage)
    page = buyer.pages.open(BILLING)
    buyer.having()
    return View("/billing/checkout", drawn=buyer.choose("pro", page=page))
