"""States of the dashboard and the credits page: what somebody has, bought and is told."""

import datetime as dt
from collections.abc import Callable

from tests.api.books import grant, spend
from tests.browser.stage import Buyer, Stage, View, long_email
from tests.browser.states import shows
from tests.support.databases import ROOT
from webapp.billing.models import Purchase
from webapp.orm import utc_now

DASHBOARD, CREDITS = "/dashboard", "/dashboard/credits"
LARGEST_GRANT, LARGEST_BALANCE = 10**9, 2**53
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Younger of Somewhere"


def on_both_pages(make):
    """A state that is shown on the dashboard and on the credits page."""
    for page, path in (("dashboard", DASHBOARD), ("credits", CREDITS)):

        def one(stage, path=path):
            return make(stage, path)

        one.__name__ = f"{page}_{make.__name__}"
        shows(f"{page}.{page}")(one)
    return make


def of_both_pages(make):
    """Somebody whose dashboard and credits page are shown."""

    def view(stage, path):
        return View(path, make(stage))

    view.__name__ = make.__name__
    on_both_pages(view)
    return make


def use(buyer: Buyer, credits: int, **more: object) -> None:
    spend(buyer.user.account_id, credits, **more)


def give(buyer: Buyer, credits: int, kind: str = "purchased", days: int | None = None, **more: object) -> None:
    ends = {} if days is None else {"expires_at": utc_now() + dt.timedelta(days=days)}
    grant(buyer.user.account_id, credits, kind, **ends, **more)


@of_both_pages
def of_somebody_without_credits(stage):
    return stage.buyer(welcome_credits=0)


@of_both_pages
def with_welcome_credits(stage):
    return stage.buyer()


@of_both_pages
def with_three_sources(stage):
    buyer = stage.buyer(welcome_credits=0, name="Some One")
    give(buyer, 500, "allowance", days=11)
    give(buyer, 20, "bonus", days=28, description="Referral bonus")
    buyer.granted("small")
    give(buyer, 324)
    use(buyer, 36, meter="call_minute", quantity=12)
    use(buyer, 378, meter="transcript", quantity=378)
    return buyer


@of_both_pages
def with_a_low_balance(stage):
    buyer = stage.buyer()
    use(buyer, 9, meter="call_minute", quantity=3)
    return buyer


@of_both_pages
def out_of_credits(stage):
    buyer = stage.buyer()
    use(buyer, 20, meter="tokens", quantity=10_000)
    return buyer


@of_both_pages
def in_debt(stage):
    buyer = stage.buyer(welcome_credits=0)
    give(buyer, 500)
    use(buyer, 312)
    buyer.ask_back("returned")
    return buyer


@of_both_pages
def on_hold(stage):
    buyer = stage.buyer(welcome_credits=0)
    give(buyer, 500)
    buyer.hold(24)
    return buyer


@of_both_pages
def with_everything_frozen_or_on_hold(stage):
    buyer = stage.buyer(welcome_credits=0)
    give(buyer, 1000)
    buyer.hold(24)
    buyer.ask_back("disputed")
    return buyer


@of_both_pages
def with_large_numbers_and_long_names(stage):
    buyer = stage.buyer(welcome_credits=0, name=LONG_NAME, email=long_email())
    give(buyer, LARGEST_GRANT, "allowance", days=3)
    give(buyer, LARGEST_GRANT, "bonus", days=400)
    for _ in range(4):
        give(buyer, LARGEST_GRANT, description="Description-without-a-place-to-break-it-" * 4)
    use(buyer, LARGEST_GRANT, meter="tokens", quantity=500 * LARGEST_GRANT)
    return buyer


@shows("dashboard.dashboard")
def dashboard_in_the_largest_debt(stage):
    buyer = stage.buyer(welcome_credits=0)
    return View(DASHBOARD, buyer, buyer.drawn(DASHBOARD, debt=LARGEST_BALANCE))


@shows("credits.credits")
def credits_in_the_largest_debt(stage):
    buyer = stage.buyer(welcome_credits=0)
    return View(CREDITS, buyer, buyer.drawn(CREDITS, debt=LARGEST_BALANCE))


@shows("dashboard.dashboard")
def dashboard_with_the_menu_open(stage):
    return View(DASHBOARD, stage.buyer(), act=lambda page: page.locator("#account-menu summary").click())


@shows("dashboard.dashboard")
def dashboard_after_a_payment_failed(stage):
    buyer = stage.buyer(welcome_credits=0)
    buyer.stays("failed", settled_at=utc_now())
    give(buyer, 5)
    return View(DASHBOARD, buyer)


@shows("dashboard.dashboard")
def dashboard_offline(stage):
    def act(page):
        page.context.set_offline(True)
        page.locator(".toast").wait_for()

    return View(DASHBOARD, stage.buyer(), act=act, is_disturbed=True)


@shows("dashboard.dashboard")
def dashboard_that_could_not_refresh(stage):
    def act(page):
        page.route("**/partials/**", lambda route: route.abort())
        page.evaluate("document.body.dispatchEvent(new Event('creditsChanged'))")
        page.locator(".stale").first.wait_for()

    return View(DASHBOARD, stage.buyer(), act=act, is_disturbed=True)


@shows("dashboard.dashboard")
def dashboard_with_a_refused_partial(stage):
    buyer = stage.buyer()
    refused = buyer.pages.client.get("/partials/checkout-status/unknown")

    def act(page):
        answer = {"status": refused.status_code, "headers": dict(refused.headers), "body": refused.data}
        page.route("**/partials/balance-card", lambda route: route.fulfill(**answer | {"status": 422}))
        page.evaluate("document.body.dispatchEvent(new Event('creditsChanged'))")
        page.locator("#error").wait_for()

    return View(DASHBOARD, buyer, act=act, is_disturbed=True)


@shows("credits.credits")
def credits_with_purchases_in_every_state(stage):
    buyer = stage.buyer()
    buyer.granted("maximum")
    buyer.stays("failed", "small", settled_at=utc_now())
    buyer.quarantined("power")
    buyer.stays("processing", "starter")
    buyer.left("popular")
    return View(CREDITS, buyer)


@shows("credits.credits")
def credits_with_old_purchases(stage):
    buyer = stage.buyer()
    for days, state in ((400, "failed"), (40, "failed"), (1, "processing")):
        buyer.stays(state, opened_at=utc_now() - dt.timedelta(days=days))
    buyer.change(buyer.granted("small"), opened_at=utc_now() - dt.timedelta(days=70))
    return View(CREDITS, buyer)


# What the page says of a purchase in each state to somebody who comes back to it.
NOTICES: dict[str, Callable[[Buyer], Purchase]] = {
    "open": lambda buyer: buyer.left(),
    "processing": lambda buyer: buyer.stays("processing"),
    "paid": lambda buyer: buyer.granted(),
    "failed": lambda buyer: buyer.stays("failed", settled_at=utc_now()),
    "expired": lambda buyer: buyer.stays("expired"),
    "quarantined": lambda buyer: buyer.quarantined(),
}


def notice_of(state: str) -> None:
    def notice(stage: Stage) -> View:
        buyer = stage.buyer()
        word = "cancelled" if state == "open" else "success"
        return View(f"{CREDITS}?checkout={word}&purchase={NOTICES[state](buyer).id}", buyer)

    notice.__name__ = f"credits_with_the_notice_of_a_purchase_that_is_{state}"
    shows("credits.credits")(notice)


for state in NOTICES:
    notice_of(state)


@shows("credits.credits")
def credits_after_the_price_changed(stage):
    buyer = stage.buyer()
    assert buyer.buy(terms="other").location == CREDITS
    return View(CREDITS, buyer)


@shows("credits.credits")
def credits_with_an_estimate_of_a_lot(stage):
    return View(f"{CREDITS}?minutes=99999", stage.buyer())


@shows("credits.credits")
def credits_with_a_refused_estimate(stage):
    return View(f"{CREDITS}?minutes=a+few+dozen+of+them+every+other+day", stage.buyer())


@shows("credits.credits")
def credits_while_buying_is_off(stage):
    return stage.drawn_elsewhere(stage.buyer(), CREDITS, stripe_mode="off")


@on_both_pages
def in_a_catalogue_of_money(stage, path):
    return stage.drawn_elsewhere(stage.buyer(), path, catalog=ROOT / "examples/voice-minutes.toml")


@on_both_pages
def in_a_language_with_other_separators(stage, path):
    buyer = stage.buyer()
    give(buyer, 123_456)
    buyer.become(locale="de_DE", theme="dark")
    return View(path, buyer)
