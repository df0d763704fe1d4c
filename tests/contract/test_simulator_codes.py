"""Coupons and promotion codes: their API, the field on the checkout page, and what renewals cost with them."""

import re
from typing import Any

import pytest
import stripe
from flask.testing import FlaskClient

from tests.contract.clock import Clock
from tests.contract.payments import bodies, refusal
from tests.contract.subscribing import Plans, latest_invoice, make_plans, open_subscription
from tests.contract.test_simulator_checkout import open_session
from tests.contract.test_simulator_pages import PAY, app, browser, submit
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.discounts import amount_off, shares_of

__all__ = ["app", "browser"]


def make_code(sdk: stripe.StripeClient, code: str, **coupon: Any) -> stripe.PromotionCode:
    options = {name: coupon.pop(name) for name in ("max_redemptions", "expires_at", "restrictions") if name in coupon}
    off: Any = {} if "amount_off" in coupon else {"percent_off": 100}
    made = sdk.v1.coupons.create({"duration": "once", **off, **coupon})
    given: Any = {"promotion": {"type": "coupon", "coupon": made.id}, "code": code, **options}
    return sdk.v1.promotion_codes.create(given)


@pytest.fixture
def plans(sdk: stripe.StripeClient) -> Plans:
    return make_plans(sdk)


def test_a_coupon_is_made_listed_renamed_and_deleted(sdk: stripe.StripeClient, clock: Clock) -> None:
    percent = sdk.v1.coupons.create({"percent_off": 12.5, "duration": "forever", "id": "LOYAL", "metadata": {"a": "b"}})
    amount = sdk.v1.coupons.create({"amount_off": 500, "currency": "USD", "redeem_by": clock.now + 60})

    assert (percent.id, percent.percent_off, percent.duration, percent.valid) == ("LOYAL", 12.5, "forever", True)
    assert (amount.amount_off, amount.currency, amount.duration) == (500, "usd", "once")
    assert sdk.v1.coupons.update("LOYAL", {"name": "Loyal"}).name == "Loyal"
    clock.forward(60)
    assert not sdk.v1.coupons.retrieve(amount.id).valid, "its time is over"
    assert [coupon.valid for coupon in sdk.v1.coupons.list().data] == [False, True]

    assert sdk.v1.coupons.delete("LOYAL").deleted
    assert [coupon.id for coupon in sdk.v1.coupons.list().data] == [amount.id]
    assert refusal(sdk.v1.coupons.retrieve, "LOYAL")[:2] == (404, "resource_missing")


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({}, "percent_off"),
        ({"percent_off": 10, "amount_off": 100, "currency": "usd"}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": 0}, "percent_off"),
        ({"amount_off": 0, "currency": "usd"}, "amount_off"),
        ({"amount_off": 100}, "currency"),
        ({"amount_off": 100, "currency": "xyz"}, "currency"),
        ({"percent_off": 10, "name": "n" * 41}, "name"),
    ],
)
def test_a_coupon_without_a_clear_amount_is_refused(sdk: stripe.StripeClient, given: Any, param: str) -> None:
    assert refusal(sdk.v1.coupons.create, given)[2] == param


def test_a_duration_in_months_is_not_simulated(sdk: stripe.StripeClient) -> None:
    with pytest.raises(stripe.APIError) as refused:
        sdk.v1.coupons.create({"percent_off": 10, "duration": "repeating", "duration_in_months": 3})
    assert refused.value.http_status == 501


def test_a_promotion_code_is_made_found_and_switched_off(sdk: stripe.StripeClient) -> None:
    code = make_code(sdk, "Launch-2026", percent_off=50)

    assert (code.code, code.active, code.times_redeemed) == ("Launch-2026", True, 0)
    assert [one.id for one in sdk.v1.promotion_codes.list({"code": "LAUNCH-2026"}).data] == [code.id]
    expanded = sdk.v1.promotion_codes.retrieve(code.id, {"expand": ["promotion.coupon"]})
    assert isinstance(expanded.promotion.coupon, stripe.Coupon)
    assert refusal(make_code, sdk, "launch-2026")[1:3] == ("resource_already_exists", "code")

    assert not sdk.v1.promotion_codes.update(code.id, {"active": False}).active
    assert make_code(sdk, "launch-2026").active, "the word is free again"
    assert refusal(sdk.v1.promotion_codes.update, code.id, {"active": True})[1] == "resource_already_exists"
    assert len(bodies(sdk, "promotion_code.updated")) == 1
    assert refusal(make_code, sdk, "no spaces")[2] == "code"
    unknown: Any = {"promotion": {"type": "coupon", "coupon": "none"}}
    assert refusal(sdk.v1.promotion_codes.create, unknown)[1:3] == ("resource_missing", "promotion[coupon]")
    made_up = sdk.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": str(code.promotion.coupon)}})
    assert re.fullmatch("[0-9A-F]{8}", made_up.code)


def use(browser: FlaskClient, session_id: str, code: str) -> str:
    page = f"{PAY}/{session_id}"
    return submit(browser, page, f"{page}/code", act="apply", code=code)


def test_a_code_lowers_the_price_of_a_pack_and_is_counted_when_it_is_paid(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    code = make_code(sdk, "HALF", percent_off=50)
    session = open_session(sdk, price_id, allow_promotion_codes=True)

    assert use(browser, session.id, " half ") == f"{PAY}/{session.id}"
    page = browser.get(f"{PAY}/{session.id}").text
    assert re.search(r"Code HALF</dt>\s*<dd>\s*−\$17.50", page)
    assert "Pay $17.50" in page
    shown = sdk.v1.checkout.sessions.retrieve(session.id, {"expand": ["line_items", "discounts.promotion_code"]})
    assert (shown.amount_subtotal, shown.amount_total) == (3500, 1750)
    assert [one.promotion_code for one in shown.discounts or []] == [sdk.v1.promotion_codes.retrieve(code.id)]
    assert shown.line_items is not None
    assert (shown.line_items.data[0].amount_discount, shown.line_items.data[0].amount_total) == (1750, 1750)
    assert sdk.v1.promotion_codes.retrieve(code.id).times_redeemed == 0

    simulated.pay(session.id)
    assert sdk.v1.charges.list().data[0].amount == 1750
    assert sdk.v1.promotion_codes.retrieve(code.id).times_redeemed == 1
    assert sdk.v1.coupons.retrieve(str(code.promotion.coupon)).times_redeemed == 1


def test_a_code_of_everything_needs_no_payment(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    make_code(sdk, "FREE")
    session = open_session(sdk, price_id, allow_promotion_codes=True)
    simulated.pay(session.id, "declined")
    attempt = sdk.v1.checkout.sessions.retrieve(session.id).payment_intent

    use(browser, session.id, "FREE")
    assert sdk.v1.payment_intents.retrieve(str(attempt)).status == "canceled"
    page = browser.get(f"{PAY}/{session.id}").text
    assert "Pay $0.00" in page
    assert re.findall(r'name="outcome"\s+value="(\w+)"', page) == ["succeeds"]
    assert submit(browser, f"{PAY}/{session.id}", f"{PAY}/{session.id}", outcome="succeeds").endswith(session.id)

    paid = sdk.v1.checkout.sessions.retrieve(session.id)
    assert (paid.payment_status, paid.amount_total, paid.payment_intent) == ("no_payment_required", 0, None)
    assert [charge.status for charge in sdk.v1.charges.list().data] == ["failed"]


def test_an_attempt_that_failed_goes_on_with_the_lower_price(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str
) -> None:
    make_code(sdk, "HALF", percent_off=50)
    session = open_session(sdk, price_id, allow_promotion_codes=True)
    simulated.pay(session.id, "requires_action")

    use(browser, session.id, "HALF")
    assert browser.get(f"{PAY}/{session.id}/3ds").status_code == 303, "the bank was asked for another sum"
    simulated.pay(session.id)

    assert sdk.v1.payment_intents.list().data[0].amount_received == 1750


def test_a_code_is_taken_away_again(browser: FlaskClient, sdk: stripe.StripeClient, price_id: str) -> None:
    make_code(sdk, "HALF", percent_off=50)
    session = open_session(sdk, price_id, allow_promotion_codes=True)
    use(browser, session.id, "HALF")
    page = f"{PAY}/{session.id}"

    submit(browser, page, f"{page}/code", act="remove")

    shown = sdk.v1.checkout.sessions.retrieve(session.id)
    assert (shown.amount_total, shown.discounts) == (3500, [])
    assert shown.total_details is not None
    assert shown.total_details.amount_discount == 0


def test_a_code_that_cannot_be_used_says_why_and_changes_nothing(
    browser: FlaskClient, sdk: stripe.StripeClient, clock: Clock, price_id: str, simulated: SimulatedHTTPClient
) -> None:
    least = {"minimum_amount": 5000, "minimum_amount_currency": "usd"}
    make_code(sdk, "OVER", expires_at=clock.now)
    make_code(sdk, "EUROS", amount_off=500, currency="eur")
    make_code(sdk, "BIG", restrictions=least)
    make_code(sdk, "ONCE", max_redemptions=1)
    make_code(sdk, "PENNIES", percent_off=99.9)
    make_code(sdk, "LATE", redeem_by=clock.now)
    first = open_session(sdk, price_id, allow_promotion_codes=True)
    use(browser, first.id, "ONCE")
    simulated.pay(first.id)
    session = open_session(sdk, price_id, allow_promotion_codes=True)
    page = f"{PAY}/{session.id}"
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(page).text)
    assert token is not None

    for code, words in (
        ("", "This code is invalid."),
        ("NOBODY", "This code is invalid."),
        ("OVER", "This code has expired."),
        ("LATE", "This code has expired."),
        ("ONCE", "This code has expired."),
        ("EUROS", "This code can’t be used in this currency."),
        ("BIG", "This code needs an order of $50.00 or more."),
        ("PENNIES", "With this code less than $0.50 is left, which can’t be paid."),
    ):
        form = {"act": "apply", "code": code, "csrf_token": token[1]}
        answer = browser.post(f"{page}/code", data=form)
        assert (answer.status_code, words in answer.text) == (400, True), code
        assert 'aria-invalid="true"' in answer.text
    assert sdk.v1.checkout.sessions.retrieve(session.id).amount_total == 3500


def test_a_session_without_codes_has_no_field_and_takes_none(
    browser: FlaskClient, sdk: stripe.StripeClient, price_id: str
) -> None:
    make_code(sdk, "FREE")
    session = open_session(sdk, price_id)

    assert "Promotion code" not in browser.get(f"{PAY}/{session.id}").text
    use(browser, session.id, "FREE")
    assert sdk.v1.checkout.sessions.retrieve(session.id).amount_total == 3500


@pytest.mark.parametrize(("duration", "later"), [("once", 1200), ("forever", 0)])
def test_a_plan_begins_for_nothing_and_renews_as_the_coupon_lasts(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans,
    duration: str, later: int,
) -> None:  # fmt: skip
    make_code(sdk, "FREE", duration=duration)
    session = open_subscription(sdk, plans.plus, allow_promotion_codes=True)
    use(browser, session.id, "FREE")

    paid = simulated.pay(session.id)
    assert (paid["payment_status"], paid["amount_total"]) == ("no_payment_required", 0)
    first = latest_invoice(sdk, paid["subscription"])
    assert (first.subtotal, first.total, first.amount_paid, first.status) == (1200, 0, 0, "paid")
    assert [one.amount for one in first.total_discount_amounts or []] == [1200]
    assert [one.amount for one in first.lines.data[0].discount_amounts or []] == [1200]
    assert sdk.v1.subscriptions.retrieve(paid["subscription"]).default_payment_method, "a card is kept for later"

    simulated.renew(paid["subscription"])
    assert latest_invoice(sdk, paid["subscription"]).total == later
    left = sdk.v1.subscriptions.retrieve(paid["subscription"], {"expand": ["discounts.source.coupon"]}).discounts
    coupons = [one.source.coupon for one in left if isinstance(one, stripe.Discount)]
    assert [one.percent_off for one in coupons if isinstance(one, stripe.Coupon)] == [100] * (duration == "forever")


def test_a_coupon_for_once_is_kept_through_a_trial(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    make_code(sdk, "HALF", percent_off=50)
    trial = {"subscription_data": {"trial_period_days": 7}}
    session = open_subscription(sdk, plans.plus, allow_promotion_codes=True, **trial)
    use(browser, session.id, "HALF")
    subscription_id = simulated.pay(session.id)["subscription"]

    totals = []
    for _ in range(2):
        simulated.renew(subscription_id)
        totals.append(latest_invoice(sdk, subscription_id).total)

    assert totals == [600, 1200]


def test_an_upgrade_at_a_discount_gives_back_what_was_paid(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, plans: Plans
) -> None:
    make_code(sdk, "HALF", percent_off=50, duration="forever")
    session = open_subscription(sdk, plans.plus, allow_promotion_codes=True)
    use(browser, session.id, "HALF")
    subscription_id = simulated.pay(session.id)["subscription"]
    sdk.v1.coupons.delete(str(sdk.v1.coupons.list().data[0].id))

    simulated.switch_plan(subscription_id, plans.pro)
    assert latest_invoice(sdk, subscription_id).amount_paid == 900
    simulated.switch_plan(subscription_id, plans.plus)
    assert latest_invoice(sdk, subscription_id).total == -900


def test_the_control_room_makes_a_code(browser: FlaskClient, sdk: stripe.StripeClient, price_id: str) -> None:
    form = {"code": "ROOM", "percent": "100", "duration": "forever"}
    places = [submit(browser, "/_stripe/", "/_stripe/codes", **{**form, **more}) for more in (
        {}, {}, {"percent": "0", "code": "A"}, {"percent": "x", "code": "B"}, {"code": "not a code"}, {"code": ""},
    )]  # fmt: skip

    assert [place.removeprefix("/_stripe/?said=") for place in places] == ["code#codes", *["no-code#codes"] * 5]
    assert [one.code for one in sdk.v1.promotion_codes.list().data] == ["ROOM"]
    assert len(sdk.v1.coupons.list().data) == 1, "nothing is left of what was refused"
    room = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", browser.get("/_stripe/").text))
    assert "ROOM 100 % off, forever used 0 ×" in room


@pytest.mark.parametrize(
    ("percent", "amount_minor", "expected"), [(50, 5, 3), (12.5, 1200, 150), (33.3, 999, 333), (100, 7, 7), (1, 10, 0)]
)
def test_a_share_is_rounded_to_the_smallest_unit(percent: float, amount_minor: int, expected: int) -> None:
    coupon = {"percent_off": percent, "amount_off": None, "currency": None}
    assert amount_off(coupon, amount_minor, "usd") == expected


def test_shares_add_up_to_the_last_cent() -> None:
    assert shares_of(100, [1, 1, 1]) == [33, 33, 34]
    assert shares_of(50, [0]) == [50]
    assert shares_of(900, [-1200, 3000]) == [-600, 1500]
