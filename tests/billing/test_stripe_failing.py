"""Stripe slow, broken or gone while somebody buys: one session, nobody charged, nothing half done."""

import json
import threading
from typing import Any

import pytest
import stripe
from sqlalchemy import delete, select

from tests.billing.buying import Buying
from webapp.billing.errors import CheckoutExpired, PaymentsOff, StripeRefused, StripeUnreachable
from webapp.billing.models import Purchase, StripeCustomer, StripePrice
from webapp.extensions import Parts, transact
from webapp.orm import utc_now
from webapp.web.checkout import start_purchase

CREATE = ("POST", "/v1/checkout/sessions")
READ = ("GET", "/v1/checkout/sessions/{id}")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """The SDK waits half a second before it tries again; the test does not."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)


def sessions(buying: Buying) -> list[dict[str, Any]]:
    with buying.simulator.store.reading() as state:
        return [
            json.loads(row["json"]) for row in state.rows("SELECT json FROM sim_object WHERE type = 'checkout.session'")
        ]


FAULTS = {
    "429": lambda faults, times: faults.answer(*CREATE, status=429, times=times),
    "500": lambda faults, times: faults.answer(*CREATE, status=500, times=times),
    "503": lambda faults, times: faults.answer(*CREATE, status=503, times=times),
    "refused": lambda faults, times: faults.refuse_connection(*CREATE, times=times),
    "reset": lambda faults, times: faults.reset(*CREATE, times=times),
    "time-out before the effect": lambda faults, times: faults.lose_request(*CREATE, times=times),
    "time-out after the effect": lambda faults, times: faults.lose_answer(*CREATE, times=times),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_checkout_that_could_not_be_opened_is_opened_by_the_same_form_once(buying, fault):
    FAULTS[fault](buying.simulator.faults, 2)  # one more than the SDK's one retry
    with pytest.raises(StripeUnreachable) as caught:
        buying.start(key="form:1")
    assert "You have not been charged" in caught.value.sentence
    buying.simulator.faults.clear()
    purchase = buying.start(key="form:1")
    assert [session["id"] for session in sessions(buying)] == [purchase.session_id]
    assert (buying.purchase(purchase).state, buying.purchase(purchase).open_number) == ("open", 1)


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "429"])
def test_opening_a_checkout_is_tried_twice_and_one_fault_goes_unnoticed(buying, fault):
    FAULTS[fault](buying.simulator.faults, 1)
    purchase = buying.start()
    assert buying.simulator.faults.coming == 0
    assert [session["id"] for session in sessions(buying)] == [purchase.session_id]


def test_reading_is_tried_once_only(buying):
    """Three tries of ten seconds would outlive the worker."""
    purchase = buying.paid()
    buying.simulator.faults.answer(*READ, status=500, times=5)
    buying.asked.clear()
    assert buying.settle(purchase).state == "open"
    assert len(buying.asked) == 1


def test_the_return_page_shows_what_is_stored_while_stripe_is_gone_and_grants_when_it_is_back(buying):
    purchase = buying.paid()
    buying.simulator.faults.refuse_connection(*READ)
    assert buying.settle(purchase).state == "open"
    from webapp.web.sending import ASK_EVERY

    assert buying.settle(purchase, now=utc_now() + ASK_EVERY).state == "paid"
    assert buying.bought() == [1000]


def test_stripe_is_asked_about_a_purchase_at_most_every_five_seconds(buying, now):
    from webapp.web.sending import ASK_EVERY

    purchase = buying.start()
    buying.asked.clear()
    for _ in range(4):
        buying.settle(purchase, now=now)
    assert len(buying.asked) == 1
    buying.settle(purchase, now=now + ASK_EVERY)
    assert len(buying.asked) == 2


def test_of_many_polls_at_once_one_asks_stripe(buying, app, now):
    purchase = buying.start()
    buying.asked.clear()
    start = threading.Barrier(12)

    def poll() -> None:
        with app.app_context():
            start.wait(timeout=30)
            buying.settle(purchase, now=now)

    threads = [threading.Thread(target=poll) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(buying.asked) == 1


def test_stripe_is_not_asked_where_nothing_can_change(buying):
    purchase = buying.paid()
    assert buying.settle(purchase).state == "paid"
    buying.asked.clear()
    assert buying.settle(purchase).state == "paid"
    assert buying.asked == []


def test_a_customer_that_was_deleted_at_stripe_is_forgotten_and_the_checkout_opens(buying):
    gone = {"account_id": buying.user.account_id, "customer_id": "cus_sim_deleted", "created_at": utc_now()}
    transact(lambda session: session.add(StripeCustomer(stripe_mode="simulated", **gone)))
    purchase = buying.start()
    assert (purchase.state, purchase.open_number) == ("open", 2)
    assert purchase.params["customer_creation"] == "always"
    assert purchase.params["customer_email"] == "someone@example.com"
    assert len(sessions(buying)) == 1
    buying.simulator.pay(purchase.session_id)
    assert buying.settle(purchase).state == "paid"
    later = buying.start(key="form:2")
    assert later.params["customer"] == sessions(buying)[0]["customer"]


def test_an_email_address_that_stripe_refuses_is_left_out(buying, monkeypatch):
    request = buying.simulator.request

    def picky(method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        if "customer_email" in str(post_data):
            error = {
                "type": "invalid_request_error",
                "code": "email_invalid",
                "param": "customer_email",
                "message": "No.",
            }
            return json.dumps({"error": error}), 400, {"Stripe-Should-Retry": "false"}
        return request(method, url, headers, post_data, **more)

    buying.simulator.request = picky
    purchase = buying.start()
    assert (purchase.state, purchase.open_number, "customer_email" in purchase.params) == ("open", 2, False)


def test_a_checkout_that_stripe_refuses_fails_and_the_same_form_is_told_the_same(buying):
    """The Price was archived by hand a moment ago; our copy of it doesn't know."""
    price_id = price_of("refill_pack_popular")
    client = stripe.StripeClient("sk_test_simulated", http_client=buying.simulator)
    client.v1.prices.update(price_id, {"active": False})
    for _ in range(2):
        with pytest.raises(StripeRefused) as caught:
            buying.start(key="form:1")
        assert "You have not been charged" in caught.value.sentence
    assert sessions(buying) == []
    stored = transact(lambda session: session.scalars(select(Purchase)).one())
    assert (stored.state, stored.session_id) == ("failed", None)
    assert stored.reason == caught.value.stripe_code
    assert len([call for call in buying.asked if call.endswith("/checkout/sessions")]) == 1, "it is not sent again"
    with pytest.raises(StripeRefused):
        buying.start(key="form:2")


def price_of(lookup_key: str) -> str:
    return transact(lambda session: session.get_one(StripePrice, ("simulated", lookup_key)).price_id)


def test_a_form_sent_again_after_a_day_has_expired(buying):
    buying.simulator.faults.refuse_connection(*CREATE, times=2)
    with pytest.raises(StripeUnreachable):
        buying.start(key="form:1")
    from webapp.billing.opening import SENDABLE

    late = utc_now() + SENDABLE
    with pytest.raises(CheckoutExpired):
        start_purchase(user=buying.user, pack_slug="popular", terms=None, open_key="form:1", now=late)
    assert sessions(buying) == []


def test_a_key_that_stripe_does_not_take_is_no_answer_for_the_buyer(buying):
    request = buying.simulator.request
    headers_with_wrong_key = {"Authorization": "Bearer sk_test_other"}

    def denied(method: str, url: str, headers: Any, *rest: Any, **more: Any) -> Any:
        return request(method, url, {**headers, **headers_with_wrong_key}, *rest, **more)

    buying.simulator.request = denied
    with pytest.raises(StripeUnreachable):
        buying.start()


def test_nothing_can_be_bought_while_payments_are_off(buying):
    parts = buying.app.extensions["refill"]
    buying.app.extensions["refill"] = Parts(parts.settings, parts.catalog, None)
    with pytest.raises(PaymentsOff):
        buying.start()


def test_a_purchase_is_found_by_its_own_account_only(buying):
    from webapp.billing.errors import UnknownPurchase
    from webapp.web.checkout import settle_purchase

    purchase = buying.start()
    with pytest.raises(UnknownPurchase):
        settle_purchase(buying.user.account_id + 1, purchase.id, now=utc_now())
    with pytest.raises(UnknownPurchase):
        settle_purchase(buying.user.account_id, "nothing", now=utc_now())


def test_we_may_end_between_stripes_answer_and_storing_it(buying, monkeypatch):
    """The crash between create and attach: the same form finds the session that was made."""

    def crash(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as crashing:
        crashing.setattr("webapp.web.sending.attach_session", crash)
        with pytest.raises(SystemExit):
            buying.start(key="form:1")
    assert len(sessions(buying)) == 1
    purchase = buying.start(key="form:1")
    assert [session["id"] for session in sessions(buying)] == [purchase.session_id]


def test_a_purchase_of_another_mode_is_left_alone(buying):
    purchase = buying.paid()

    def change(session: Any) -> None:
        session.get_one(Purchase, (purchase.account_id, purchase.id)).stripe_mode = "test"

    transact(change)
    buying.asked.clear()
    assert buying.settle(purchase).state == "open"
    assert buying.asked == []
    transact(lambda session: session.execute(delete(StripeCustomer)))
