"""kill -9 at every point of the three ways to a grant; then the same is told again: exactly once."""

import subprocess
import sys

import pytest

from tests.reliability import work
from tests.reliability.passings import (
    CHANGE_FOUND,
    CHECKOUT,
    FAILED_WEBHOOK,
    PLAN_CHECKOUT,
    RETURN_PAGE,
    SWEEP,
    WEBHOOK,
    deaths,
)
from tests.reliability.serving import CrashPoint
from tests.reliability.shop import KIND, about_nothing
from tests.support.databases import ROOT


def test_a_payment_told_by_webhook_is_granted_once_wherever_a_worker_dies(served, shop):
    for name, passing, stored in deaths(WEBHOOK):
        purchase = shop.paid()
        event_id = shop.event_ids(purchase)[KIND]
        point = CrashPoint(served.crash_file, name, passing)
        assert shop.tell(event_id) is None, name
        point.assert_reached()
        assert shop.granted(purchase) == stored, name
        shop.assert_told(event_id, {"handled"} if stored else {None})
        assert shop.tell(event_id).json()["reason"] == ("told_before" if stored else "paid"), name
        assert_told_by_all(shop, purchase)
    shop.assert_sound(len(deaths(WEBHOOK)))


def test_an_event_that_fails_is_noted_or_told_again_wherever_a_worker_dies(served, shop):
    """It names a session that Stripe doesn't know: nothing may come of it, and nothing may be lost by it."""
    for number, (name, passing, _) in enumerate(deaths(FAILED_WEBHOOK)):
        purchase = shop.paid()
        event_id = f"evt_sim_failed_{shop.user.id}_{number}"
        event = about_nothing(purchase, event_id)
        point = CrashPoint(served.crash_file, name, passing)
        assert shop.post_event(event) is None, name
        point.assert_reached()
        shop.assert_told(event_id, {"failed"} if name == "commit.after" else {None})
        assert shop.post_event(event).status == 503, name
        shop.assert_told(event_id, {"failed"})
        assert shop.granted(purchase) == 0
        assert_told_by_all(shop, purchase)
    shop.assert_sound(len(deaths(FAILED_WEBHOOK)))


def test_a_payment_told_by_the_return_page_is_granted_once_wherever_a_worker_dies(served, shop):
    for name, passing, stored in deaths(RETURN_PAGE):
        purchase = shop.paid()
        point = CrashPoint(served.crash_file, name, passing)
        assert shop.come_back(purchase) is None, name
        point.assert_reached()
        assert shop.granted(purchase) == stored, name
        assert shop.come_back(purchase).status == 200  # maybe too early to ask Stripe again
        shop.wait_a_minute()
        assert "added" in shop.come_back(purchase).body, name
        assert_told_by_all(shop, purchase)
    shop.assert_sound(len(deaths(RETURN_PAGE)))


@pytest.mark.gate_on("postgresql")
def test_a_payment_found_by_the_sweep_is_granted_once_wherever_the_worker_dies(served, shop):
    for name, passing, stored in deaths(SWEEP):
        purchase = shop.paid()
        shop.wait_a_minute()
        point = CrashPoint(served.crash_file, name, passing)
        assert work.run(work.sweep, served.given) == work.KILLED, name
        point.assert_reached()
        assert shop.granted(purchase) == stored, name
        shop.wait_a_minute()
        assert work.run(work.sweep, served.given) == 0
        assert shop.granted(purchase) == 1, name
        assert_told_by_all(shop, purchase)
    shop.assert_sound(len(deaths(SWEEP)))


def test_the_workers_own_command_dies_there_too(served, shop):
    purchase = shop.paid()
    shop.wait_a_minute()
    point = CrashPoint(served.crash_file, "ask.answered", 1)
    command = [sys.executable, "-m", "flask", "worker", "--once"]
    assert subprocess.run(command, cwd=ROOT, env=served.environment, check=False, timeout=60).returncode == work.KILLED
    point.assert_reached()
    shop.wait_a_minute()
    assert (shop.granted(purchase), work.run(work.sweep, served.given), shop.granted(purchase)) == (0, 0, 1)


def test_a_checkout_is_opened_once_wherever_a_worker_dies_and_its_payment_is_granted_once(served, shop):
    for number, (name, passing, _) in enumerate(deaths(CHECKOUT)):
        point = CrashPoint(served.crash_file, name, passing)
        assert shop.buy(f"order-{number}") is None, name
        point.assert_reached()
        opened = shop.buy(f"order-{number}").json()
        assert shop.buy(f"order-{number}").json() == opened, name
        assert shop.sessions_made() == number + 1, name
        shop.pay(str(opened["session_id"]))
        assert_told_by_all(shop, shop.newest())
    shop.assert_sound(len(deaths(CHECKOUT)))


def test_a_plans_checkout_is_opened_once_wherever_a_worker_dies(served, shop):
    """Each time of the other plan, so that the checkout that was left open is ended on the way."""
    for number, (name, passing, _) in enumerate(deaths(PLAN_CHECKOUT)):
        plan = ("plus", "pro")[number % 2]
        point = CrashPoint(served.crash_file, name, passing)
        assert shop.subscribe(f"order-{number}", plan) is None, name
        point.assert_reached()
        opened = shop.subscribe(f"order-{number}", plan).json()
        assert shop.subscribe(f"order-{number}", plan).json() == opened, name
        assert shop.sessions_made() == number + 1, name
    with shop.stripe_keeps_quiet():
        shop.stripe.pay(str(opened["session_id"]))
    assert shop.ask("GET", f"/api/billing/verify-payment?session_id={opened['session_id']}", Cookie=shop.cookie)
    assert shop.allowances() == 1
    shop.assert_sound(0)


@pytest.mark.gate_on("sqlite")
def test_a_change_of_plan_found_by_the_sweep_is_given_once_wherever_the_worker_dies(served, shop):
    """Each time a subscription of its own: the period's allowance, and the difference to the better plan."""
    with shop.stripe_keeps_quiet():
        for number, (name, passing, stored) in enumerate(deaths(CHANGE_FOUND)):
            subscription_id = shop.upgraded()
            point = CrashPoint(served.crash_file, name, passing)
            assert work.run(work.sweep, served.given, "plans") == work.KILLED, name
            point.assert_reached()
            assert shop.allowances() == 2 * number + 1 + stored, name
            assert work.run(work.sweep, served.given, "plans") == 0
            assert shop.allowances() == 2 * number + 2, name
            shop.ended(subscription_id)
    shop.assert_sound(0)


def assert_told_by_all(shop, purchase):
    """Whoever tells of it afterwards, it stays one grant."""
    for event_id in shop.event_ids(purchase).values():
        assert shop.tell(event_id).status == 200
    assert shop.come_back(purchase).status == 200
    assert shop.granted(purchase) == 1
