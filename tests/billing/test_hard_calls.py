"""Every way a call to Stripe can fail while somebody presses Buy: what the page and the API say, and what is stored.

The `buying` fixture sees to it in each test that no call is made while a database connection is held.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest
import stripe
from werkzeug.test import TestResponse

from tests.api.calling import csrf_token_of
from tests.billing.buying import Buying
from tests.support.browsing import sign_in
from webapp.billing.errors import StripeUnreachable
from webapp.extensions import parts, transact
from webapp.ledger.operations import spend
from webapp.orm import utc_now

CREATE = ("POST", "/v1/checkout/sessions")
READ = ("GET", "/v1/checkout/sessions/{id}")
NOT_CHARGED = "You have not been charged"

# Twice: opening a checkout is tried once more by the SDK.
FAULTS = {
    "429": lambda faults: faults.answer(*CREATE, status=429),
    "500": lambda faults: faults.answer(*CREATE, status=500, times=2),
    "503": lambda faults: faults.answer(*CREATE, status=503, times=2),
    "refused": lambda faults: faults.refuse_connection(*CREATE, times=2),
    "reset": lambda faults: faults.reset(*CREATE, times=2),
    "time-out before the effect": lambda faults: faults.lose_request(*CREATE, times=2),
    "time-out after the effect": lambda faults: faults.lose_answer(*CREATE, times=2),
}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """The SDK waits half a second before it tries again; the test does not."""
    monkeypatch.setattr(stripe.HTTPClient, "_sleep_time_seconds", lambda *_: 0.0)


@dataclass
class Counter:
    """One signed-in browser that buys a pack by the page's form and by the API."""

    buying: Buying

    def __post_init__(self) -> None:
        self.client = sign_in(self.buying.app, self.buying.user)
        self.token = csrf_token_of(self.buying.app, self.client)

    def press_buy(self, key: str) -> TestResponse:
        terms = parts().catalog.pack("popular").terms
        form = {"pack": "popular", "terms": terms, "key": key, "csrf_token": self.token}
        return self.client.post("/dashboard/credits/checkout", data=form)

    def ask_api(self, key: str) -> TestResponse:
        headers = {"X-CSRFToken": self.token, "Idempotency-Key": key}
        return self.client.post("/api/billing/checkout", json={"pack": "popular"}, headers=headers)


def made(buying: Buying) -> list[str]:
    """The ids of the checkout sessions that Stripe has made."""
    with buying.simulator.store.reading() as state:
        sql = "SELECT json FROM sim_object WHERE type = 'checkout.session'"
        return [json.loads(row["json"])["id"] for row in state.rows(sql)]


def session_of(buying: Buying) -> str:
    (session_id,) = made(buying)
    return session_id


@pytest.mark.parametrize("fault", FAULTS)
def test_the_page_says_that_nobody_was_charged_and_the_same_form_opens_one_checkout(buying, fault):
    counter = Counter(buying)
    FAULTS[fault](buying.simulator.faults)
    refused = counter.press_buy("form-key-number-0001")
    assert (refused.status_code, buying.simulator.faults.coming) == (503, 0)
    assert NOT_CHARGED in refused.text
    assert refused.headers["Retry-After"]

    again = counter.press_buy("form-key-number-0001")
    assert again.status_code == 303
    assert again.location.endswith(f"/_stripe/c/pay/{session_of(buying)}")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_api_says_the_same_as_a_problem_and_the_same_key_opens_one_checkout(buying, fault):
    counter = Counter(buying)
    FAULTS[fault](buying.simulator.faults)
    refused = counter.ask_api("order-1")
    assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
    assert NOT_CHARGED in refused.json["detail"]

    again = counter.ask_api("order-1")
    assert again.status_code == 201
    assert again.json["session_id"] == session_of(buying)


def test_a_retry_after_a_time_out_is_given_the_session_that_was_made_before_it(buying):
    """The first try had its effect: the retry is a replay under the same key, not a second session."""
    buying.simulator.faults.lose_answer(*CREATE, times=2)
    with pytest.raises(StripeUnreachable):
        buying.start(key="form:1")
    (first,) = made(buying)
    assert buying.start(key="form:1").session_id == first
    assert made(buying) == [first]


def test_a_slow_stripe_opens_the_checkout_all_the_same(buying):
    buying.simulator.faults.slow(*CREATE, seconds=0.2)
    assert Counter(buying).press_buy("form-key-number-0001").status_code == 303
    assert (len(made(buying)), buying.simulator.faults.coming) == (1, 0)


def test_a_500_that_stripe_keeps_is_tried_once_and_another_form_buys(buying):
    """Stripe gives this failure for a day to this key, so trying again at once would be in vain."""
    counter = Counter(buying)
    buying.simulator.faults.break_down(*CREATE)
    buying.asked.clear()
    for _ in range(2):
        refused = counter.press_buy("form-key-number-0001")
        assert refused.status_code == 503
        assert NOT_CHARGED in refused.text
    assert len(buying.asked) == 2, "one call for each press, without the SDK's retry"
    assert made(buying) == []
    assert counter.press_buy("form-key-number-0002").status_code == 303
    assert len(made(buying)) == 1


@pytest.mark.parametrize("name", ["lose_request", "lose_answer", "reset", "break_down"])
def test_the_return_page_waits_for_stripe_without_an_error_and_grants_once(buying, name):
    counter = Counter(buying)
    purchase = buying.paid()
    getattr(buying.simulator.faults, name)(*READ)
    page = f"/dashboard/credits/success?session_id={purchase.session_id}"
    assert counter.client.get(page).status_code == 200
    assert (buying.simulator.faults.coming, buying.bought()) == (0, [])

    assert [answer.status_code for answer in buying.tell_all()] == [200] * 4
    assert buying.bought() == [1000]
    buying.assert_sound()


@pytest.mark.parametrize("name", ["lose_request", "lose_answer", "reset", "break_down"])
def test_a_webhook_that_can_not_ask_stripe_is_retried_and_grants_once(buying, name):
    purchase = buying.paid()
    event_id = buying.told_types()["checkout.session.completed"]
    getattr(buying.simulator.faults, name)(*READ)
    assert buying.tell(event_id).status_code == 503
    assert (buying.event(event_id).state, buying.bought()) == ("failed", [])
    assert buying.tell(event_id).status_code == 200
    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])


def test_spending_does_not_mind_that_every_call_to_stripe_fails(buying):
    buying.settle(buying.paid())
    buying.simulator.faults.lose_request("*", "*", times=9)
    buying.asked.clear()

    def use(session: Any) -> None:
        spend(session, buying.user.account_id, credits=40, key="use:1", now=utc_now())

    transact(use)
    assert (buying.asked, buying.simulator.faults.coming) == ([], 9)
    buying.simulator.faults.clear()
    buying.assert_sound()
