"""POST /api/billing/checkout and /api/credits/purchase: opens a purchase at our price, once for each key."""

import threading

import pytest
import time_machine
from sqlalchemy import func, select, update

from tests.api.calling import Api, answer, problem
from tests.support.browsing import sign_in
from webapp.billing.models import Purchase, StripePrice
from webapp.extensions import db, end_reading, transact
from webapp.ledger.models import Entry
from webapp.orm import utc_now

CHECKOUT = "/api/billing/checkout"
PURCHASE = "/api/credits/purchase"
BOTH = [CHECKOUT, PURCHASE]
SESSIONS = "/v1/checkout/sessions"


def purchases():
    end_reading()
    return list(db.session.scalars(select(Purchase).order_by(Purchase.opened_at)))


def stored(purchase_id):
    end_reading()
    return db.session.scalars(select(Purchase).where(Purchase.id == purchase_id)).one()


def entries():
    end_reading()
    return db.session.scalar(select(func.count()).select_from(Entry))


@pytest.fixture
def simulator(app):
    return app.extensions["simulator"]


@pytest.mark.parametrize("path", BOTH)
def test_a_checkout_opens_a_purchase_and_tells_where_to_pay(api, path, simulator):
    before = entries()
    opened = answer(api.post(path, {"pack": "popular"}), 201)
    assert set(opened) == {"purchase", "session_id", "url", "credits"}
    assert opened["credits"] == 1000
    purchase = stored(opened["purchase"])
    assert (purchase.account_id, purchase.user_id) == (api.user.account_id, api.user.id)
    assert (purchase.session_id, purchase.session_url) == (opened["session_id"], opened["url"])
    assert (purchase.state, purchase.credits, purchase.amount_minor, purchase.currency) == ("open", 1000, 3500, "usd")
    assert opened["url"].startswith("http://127.0.0.1:8000/_stripe/")
    assert entries() == before  # opening moves no credits


@pytest.mark.parametrize("path", BOTH)
def test_without_a_key_each_call_opens_a_new_purchase(api, path):
    first, second = (answer(api.post(path, {"pack": "small"}), 201) for _ in range(2))
    assert first["purchase"] != second["purchase"]
    assert first["session_id"] != second["session_id"]
    assert len(purchases()) == 2


EXTRAS = (
    {"price": 1, "amount": 1, "amount_minor": 1, "unit_amount": 1, "currency": "jpy"},
    {"credits": 10**9, "quantity": 99},
    {"account": 1, "account_id": 1, "userId": 1, "user_id": 1, "customer": "cus_other", "email": "x@example.com"},
    {"price_id": "price_other", "terms": "0" * 16, "takeback": "floor"},
    {"success_url": "https://evil.example", "cancel_url": "https://evil.example", "metadata": {"credits": 9}},
    {"open_key": "form:1", "state": "paid", "session_id": "cs_1", "__proto__": {"a": 1}},
)


@pytest.mark.parametrize("path", BOTH)
def test_fields_we_dont_know_change_nothing(api, path):
    plain = stored(answer(api.post(path, {"pack": "starter"}), 201)["purchase"])
    for extra in EXTRAS:
        opened = answer(api.post(path, {"pack": "starter"} | extra), 201)
        assert opened["credits"] == 100
        assert_same_terms(stored(opened["purchase"]), plain)


def assert_same_terms(tampered, plain):
    same = (
        "account_id",
        "user_id",
        "pack_slug",
        "credits",
        "amount_minor",
        "currency",
        "takeback",
        "price_id",
        "state",
    )
    assert [getattr(tampered, name) for name in same] == [getattr(plain, name) for name in same]
    own = {"metadata", "client_reference_id", "payment_intent_data", "cancel_url", "expires_at"}
    assert {name: text for name, text in tampered.params.items() if name not in own} == {
        name: text for name, text in plain.params.items() if name not in own
    }
    assert "evil.example" not in str(tampered.params)
    assert tampered.params["metadata"] == plain.params["metadata"] | {"purchase_id": tampered.id}


@pytest.mark.parametrize("path", BOTH)
def test_a_pack_that_cant_be_bought_is_refused_and_nothing_is_written(api, path):
    for pack, status, code in (
        ("nothing", 404, "unknown_pack"),
        ("Popular", 404, "unknown_pack"),
        ("'; DROP TABLE users--", 404, "unknown_pack"),
        ("plus-extra", 403, "pack_locked"),
        ("\ud800", 400, "invalid_json"),
        ("\x00", 422, "invalid_request"),
    ):
        problem(api.post(path, {"pack": pack}), status, code)
    assert purchases() == []


def test_a_pack_whose_price_differs_at_stripe_is_refused(api):
    lowered = update(StripePrice).where(StripePrice.lookup_key == "refill_pack_small").values(amount_minor=1)
    transact(lambda session: session.execute(lowered))
    response = api.post(CHECKOUT, {"pack": "small"})
    assert problem(response, 503, "pack_unavailable")["pack"] == "small"
    assert response.headers["Retry-After"]
    assert purchases() == []


@pytest.mark.parametrize("path", BOTH)
def test_a_body_without_a_pack_in_words_is_refused(api, path, without_limits):
    for pack in (None, 7, 7.5, True, ["small"], {"a": "small"}, "", "a" * 65):
        found = problem(api.post(path, {"pack": pack}), 422, "invalid_request")
        assert found["fields"], pack
    for body in ({}, {"Pack": "small"}):
        problem(api.post(path, body), 422, "invalid_request")
    assert purchases() == []


def test_a_checkout_is_of_one_thing(api):
    for body in ({"pack": "small", "plan": "plus"}, {}):
        found = problem(api.post(CHECKOUT, body), 422, "invalid_request")
        assert found["detail"] == 'Send exactly one of "pack" and "plan".'


class TestWithAKey:
    """The first answer is kept for a key: the same request gives it again, another one is refused."""

    @pytest.mark.parametrize("path", BOTH)
    def test_the_same_request_gives_the_same_answer_and_opens_nothing(self, api, path, simulator):
        first = api.post(path, {"pack": "small"}, key="order-1")
        again = api.post(path, {"pack": "small"}, key="order-1")
        assert answer(again, 201) == answer(first, 201)
        assert first.data == again.data
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert len(purchases()) == 1

    def test_it_is_kept_after_the_payment_and_in_another_browser(self, app, api, simulator):
        first = answer(api.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201)
        simulator.pay(first["session_id"])
        answer(api.get("/api/billing/verify-payment", session_id=first["session_id"]))
        elsewhere = Api(app, sign_in(app, api.user), api.user)
        assert answer(elsewhere.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201) == first

    def test_it_is_kept_when_the_price_changes(self, api):
        first = answer(api.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201)
        lowered = update(StripePrice).where(StripePrice.lookup_key == "refill_pack_small").values(amount_minor=1)
        transact(lambda session: session.execute(lowered))
        assert answer(api.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201) == first

    def test_another_request_with_it_is_refused(self, api):
        answer(api.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201)
        for path, body in (
            (CHECKOUT, {"pack": "popular"}),
            (CHECKOUT, {"pack": "small", "note": "x"}),
            (PURCHASE, {"pack": "small"}),
        ):
            problem(api.post(path, body, key="order-1"), 422, "idempotency_conflict")
        assert len(purchases()) == 1

    def test_spaces_and_order_of_a_body_make_no_difference(self, api):
        first = api.post_raw(CHECKOUT, '{"pack":"small","note":"ü","n":[1,2]}', key="order-1")
        again = api.post_raw(CHECKOUT, '{ "n": [1, 2],\n "note": "\\u00fc", "pack": "small" }', key="order-1")
        assert answer(again, 201) == answer(first, 201)

    def test_a_key_is_the_accounts_own(self, api, other_api):
        mine = answer(api.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201)
        theirs = other_api.post(CHECKOUT, {"pack": "popular"}, key="order-1")
        assert answer(theirs, 201)["purchase"] != mine["purchase"]
        assert "Idempotent-Replayed" not in theirs.headers

    def test_a_clients_key_cant_be_one_of_our_own(self, api):
        answer(api.post(CHECKOUT, {"pack": "small"}, key="form:1"), 201)
        assert [purchase.open_key for purchase in purchases()] == ["api:form:1"]

    def test_any_printable_text_is_a_key(self, api):
        for key in ("a", "k" * 200, "with spaces and ~!@#$%^&*()", "'; DROP TABLE purchases--"):
            answer(api.post(CHECKOUT, {"pack": "small"}, key=key), 201)
            assert api.post(CHECKOUT, {"pack": "small"}, key=key).headers["Idempotent-Replayed"] == "true"

    def test_what_is_no_printable_text_is_refused(self, api):
        for key in ("k" * 201, "tab\there", "caf\u00e9", "\u00a0", "del\x7f"):
            problem(api.post(CHECKOUT, {"pack": "small"}, key=key), 400, "idempotency_key_invalid")
        assert purchases() == []

    def test_an_empty_key_is_refused(self, api):
        response = api.client.post(
            CHECKOUT, json={"pack": "small"}, headers={"X-CSRFToken": api.token, "Idempotency-Key": ""}
        )
        problem(response, 400, "idempotency_key_invalid")

    def test_a_refused_request_leaves_its_key_free(self, api):
        problem(api.post(CHECKOUT, {"pack": "nothing"}, key="order-1"), 404, "unknown_pack")
        response = api.post(CHECKOUT, {"pack": "small"}, key="order-1")
        answer(response, 201)
        assert "Idempotent-Replayed" not in response.headers

    @pytest.mark.parametrize("fault", ["refuse_connection", "lose_answer"])
    def test_a_retry_after_stripe_was_gone_opens_the_same_purchase(self, api, simulator, fault):
        getattr(simulator.faults, fault)("POST", SESSIONS, times=2)
        refused = api.post(CHECKOUT, {"pack": "small"}, key="order-1")
        assert "You have not been charged" in problem(refused, 503, "stripe_unreachable")["detail"]
        assert refused.headers["Retry-After"]
        simulator.faults.clear()
        retried = api.post(CHECKOUT, {"pack": "small"}, key="order-1")
        opened = answer(retried, 201)
        assert "Idempotent-Replayed" not in retried.headers, "nothing was answered before but the fault"
        assert api.post(CHECKOUT, {"pack": "small"}, key="order-1").headers["Idempotent-Replayed"] == "true"
        (purchase,) = purchases()
        assert purchase.id == opened["purchase"]
        with simulator.store.reading() as state:
            made = state.rows("SELECT id FROM sim_object WHERE type = 'checkout.session'")
            assert [row["id"] for row in made] == [opened["session_id"]]

    @pytest.mark.parametrize(
        ("state", "sentence"),
        [
            ("expired", "You have not been charged. Start again."),
            ("failed", "You have not been charged. Start again."),
            ("quarantined", "there is a payment for it."),
        ],
    )
    def test_a_checkout_that_ended_before_its_address_was_stored_has_expired(self, api, state, sentence):
        """Stripe told of its end between making the session and our storing it: an ended session has no address."""
        opened = answer(api.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201)
        ended = update(Purchase).where(Purchase.id == opened["purchase"]).values(state=state, session_url=None)
        transact(lambda session: session.execute(ended))
        refused = api.post(CHECKOUT, {"pack": "small"}, key="order-1")
        assert sentence in problem(refused, 409, "checkout_expired")["detail"]
        assert ("have not been charged" in problem(refused, 409, "checkout_expired")["detail"]) == (
            state != "quarantined"
        )

    def test_twins_in_flight_open_one_purchase(self, app, api):
        answers = []
        ready = threading.Barrier(4, timeout=10)

        def call(client):
            ready.wait()
            answers.append(answer(client.post(CHECKOUT, {"pack": "small"}, key="order-1"), 201))

        twins = [Api(app, sign_in(app, api.user), api.user) for _ in range(4)]
        threads = [threading.Thread(target=call, args=[twin]) for twin in twins]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(answers) == 4
        assert len({str(found) for found in answers}) == 1
        assert len(purchases()) == 1


def test_ten_checkouts_a_minute_by_either_route_and_then_a_wait(app, api, other_api):
    start = utc_now()
    with time_machine.travel(start, tick=False) as clock:
        for number in range(10):
            answer(api.post(BOTH[number % 2], {"pack": "small"}), 201)
        for path in BOTH:
            refused = api.post(path, {"pack": "small"})
            found = problem(refused, 429, "too_many_requests")
            assert 1 <= int(refused.headers["Retry-After"]) <= 61
            assert "You have not been charged" in found["detail"]
        assert len(purchases()) == 10
        elsewhere = Api(app, sign_in(app, api.user), api.user)
        problem(elsewhere.post(CHECKOUT, {"pack": "small"}), 429, "too_many_requests")
        answer(other_api.post(CHECKOUT, {"pack": "small"}), 201)  # counted by user, though the address is the same
        clock.shift(61)
        answer(api.post(CHECKOUT, {"pack": "small"}), 201)


def test_nobody_cant_check_out(anonymous_api):
    for path in BOTH:
        problem(anonymous_api.post(path, {"pack": "small"}), 401, "not_signed_in")
    assert purchases() == []
