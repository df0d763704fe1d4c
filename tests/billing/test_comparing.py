"""What makes a Checkout Session the one a purchase asked for: each compared field, pure."""

from dataclasses import replace

import pytest

from webapp.billing.compare import differences
from webapp.billing.models import Purchase
from webapp.billing.stripe_objects import CheckoutSession, LineItem

METADATA = {
    "type": "credit_purchase",
    "purchase_id": "p1",
    "account_id": "7",
    "user_id": "3",
    "pack": "popular",
    "credits": "1000",
}
SESSION = CheckoutSession(
    id="cs_test_1",
    mode="payment",
    status="complete",
    payment_status="paid",
    livemode=False,
    currency="usd",
    subtotal_minor=3500,
    total_minor=3500,
    discount_minor=0,
    tax_minor=0,
    client_reference_id="p1",
    customer_id="cus_1",
    subscription_id=None,
    payment_intent_id="pi_1",
    payment_intent_status="succeeded",
    failure_code=None,
    url=None,
    success_url=None,
    expires_at=1795000000,
    metadata=METADATA,
    line_items=(LineItem("price_1", 1),),
)

# What Stripe might say instead, and by which word that is known. Every compared field has a row.
OTHERWISE = {
    "session": {"id": "cs_test_2"},
    "purchase": {"client_reference_id": "p2"},
    "mode": {"mode": "subscription"},
    "livemode": {"livemode": True},
    "simulated": {"id": "cs_test_sim_1"},
    "account": {"metadata": METADATA | {"account_id": "8"}},
    "metadata.type": {"metadata": METADATA | {"type": "gift"}},
    "metadata.purchase_id": {"metadata": METADATA | {"purchase_id": "p2"}},
    "metadata.user_id": {"metadata": METADATA | {"user_id": "4"}},
    "metadata.pack": {"metadata": METADATA | {"pack": "maximum"}},
    "metadata.credits": {"metadata": METADATA | {"credits": "10000"}},
    "currency": {"currency": "eur"},
    "line_items": {"line_items": (LineItem("price_1", 1), LineItem("price_2", 1))},
    "price": {"line_items": (LineItem("price_2", 1),)},
    "quantity": {"line_items": (LineItem("price_1", 2),)},
    "subtotal": {"subtotal_minor": 3499, "total_minor": 3499},
    "discount": {"discount_minor": 500, "total_minor": 3000},
    "total": {"total_minor": 3499},
}


def purchase(**changes) -> Purchase:
    facts = {
        "id": "p1",
        "account_id": 7,
        "user_id": 3,
        "stripe_mode": "test",
        "session_id": "cs_test_1",
        "price_id": "price_1",
        "credits": 1000,
        "amount_minor": 3500,
        "currency": "usd",
        "params": {"mode": "payment", "metadata": METADATA},
    }
    return Purchase(**facts | changes)


def test_the_session_that_was_asked_for_does_not_differ():
    assert differences(purchase(), SESSION) == {}


def test_a_purchase_that_has_no_session_yet_takes_any_that_agrees():
    assert differences(purchase(session_id=None), SESSION) == {}


@pytest.mark.parametrize("word", OTHERWISE)
def test_each_compared_field_is_missed_when_it_differs(word):
    found = differences(purchase(), replace(SESSION, **OTHERWISE[word]))
    assert word in found
    assert found[word]["expected"] != found[word]["found"]


@pytest.mark.parametrize("word", OTHERWISE)
def test_a_difference_is_named_by_what_differs_and_by_nothing_else(word):
    also = {"simulated": {"session"}}.get(word, set())
    assert set(differences(purchase(), replace(SESSION, **OTHERWISE[word]))) == {word} | also


@pytest.mark.parametrize("items", [None, ()])
def test_a_session_whose_line_items_are_unknown_differs(items):
    assert "line_items" in differences(purchase(), replace(SESSION, line_items=items))


@pytest.mark.parametrize("missing", sorted(METADATA))
def test_metadata_that_was_taken_away_differs(missing):
    left = {name: text for name, text in METADATA.items() if name != missing}
    assert len(differences(purchase(), replace(SESSION, metadata=left))) == 1


def test_metadata_that_was_added_by_people_does_not_differ():
    assert differences(purchase(), replace(SESSION, metadata=METADATA | {"note": "VIP"})) == {}


def test_amounts_that_are_missing_differ():
    session = replace(SESSION, subtotal_minor=None, total_minor=None)
    assert {"subtotal", "total"} <= set(differences(purchase(), session))


def test_tax_on_top_does_not_differ_when_the_total_is_right():
    assert differences(purchase(), replace(SESSION, tax_minor=700, total_minor=4200)) == {}
    assert set(differences(purchase(), replace(SESSION, tax_minor=700, total_minor=3500))) == {"total"}


def test_a_discount_agrees_only_where_promotion_codes_are_on():
    params = {"mode": "payment", "metadata": METADATA, "allow_promotion_codes": True}
    free = replace(SESSION, discount_minor=3500, total_minor=0, payment_status="no_payment_required")
    assert differences(purchase(params=params), free) == {}
    assert set(differences(purchase(), free)) == {"discount"}


def test_a_live_purchase_takes_live_sessions_only():
    live = purchase(stripe_mode="live")
    assert set(differences(live, SESSION)) == {"livemode"}
    assert differences(live, replace(SESSION, livemode=True)) == {}


def test_a_simulated_purchase_takes_simulated_sessions_only():
    simulated = purchase(stripe_mode="simulated", session_id="cs_test_sim_1")
    assert differences(simulated, replace(SESSION, id="cs_test_sim_1")) == {}
    assert "simulated" in differences(purchase(stripe_mode="simulated"), SESSION)
