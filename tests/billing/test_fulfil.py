"""From what Stripe says to the state of a purchase and its one grant."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from tests.billing.buying import Buying
from webapp.billing.fulfil import fulfil
from webapp.billing.models import Purchase, StripeCustomer
from webapp.billing.stripe_objects import CheckoutSession
from webapp.extensions import db, transact, transaction
from webapp.ledger.queries import history
from webapp.orm import utc_now


def told(purchase: Purchase, checkout: CheckoutSession) -> Purchase:
    key = purchase.account_id, purchase.id
    return transact(lambda session: fulfil(session, session.get_one(Purchase, key), checkout, now=utc_now()))


def open_session(buying: Buying, purchase: Purchase) -> CheckoutSession:
    return buying.gateway.checkout(purchase.session_id)


def paid_session(buying: Buying, purchase: Purchase) -> CheckoutSession:
    facts = {"status": "complete", "payment_status": "paid", "payment_intent_status": "succeeded"}
    return replace(open_session(buying, purchase), **facts, payment_intent_id="pi_sim_1", customer_id="cus_sim_1")


# What Stripe can say of a session, as changes of an open one.
TELLINGS = {
    "open": {},
    "declined once": {"payment_intent_id": "pi_sim_1", "payment_intent_status": "requires_payment_method"},
    "on its way": {"status": "complete", "payment_intent_id": "pi_sim_1", "payment_intent_status": "processing"},
    "failed": {
        "status": "complete",
        "payment_intent_id": "pi_sim_1",
        "payment_intent_status": "requires_payment_method",
        "failure_code": "debit_not_authorized",
    },
    "expired": {"status": "expired", "url": None},
    "paid": {"status": "complete", "payment_status": "paid", "payment_intent_id": "pi_sim_1"},
    "nothing to pay": {"status": "complete", "payment_status": "no_payment_required"},
    "a new word": {"status": "complete", "payment_status": "paid_in_moonlight"},
    "paid for less": {"status": "complete", "payment_status": "paid", "subtotal_minor": 1, "total_minor": 1},
}

# The state after each telling, by the state before. Written by hand, row by row; '.' is no change.
AFTER = {
    #                  open           processing     failed         expired        quarantined  paid
    "open":           (".",           ".",           ".",           ".",           ".",         "."),
    "declined once":  (".",           ".",           ".",           ".",           ".",         "."),
    "on its way":     ("processing",  ".",           ".",           ".",           ".",         "."),
    "failed":         ("failed",      "failed",      ".",           ".",           ".",         "."),
    "expired":        ("expired",     "expired",     ".",           ".",           ".",         "."),
    "paid":           ("paid",        "paid",        "paid",        "paid",        ".",         "."),
    "nothing to pay": ("paid",        "paid",        "paid",        "paid",        ".",         "."),
    "a new word":     ("processing",  ".",           ".",           ".",           ".",         "."),
    "paid for less":  ("quarantined", "quarantined", "quarantined", "quarantined", ".",         "."),
}  # fmt: skip
BEFORE = {
    "open": "open",
    "processing": "on its way",
    "failed": "failed",
    "expired": "expired",
    "quarantined": "paid for less",
    "paid": "paid",
}


def test_every_telling_in_every_state_moves_forward_or_not_at_all(buying):
    for telling, row in AFTER.items():
        for (before, way_there), expected in zip(BEFORE.items(), row, strict=True):
            purchase = buying.start(key=f"form:{telling}:{before}")
            session = open_session(buying, purchase)
            assert told(purchase, replace(session, **TELLINGS[way_there])).state == before
            grants = len(buying.bought())
            after = told(purchase, replace(session, **TELLINGS[telling]))
            expected_state = before if expected == "." else expected
            assert after.state == expected_state, f"{telling} in {before}"
            is_new_grant = after.state == "paid" and before != "paid"
            assert len(buying.bought()) == grants + is_new_grant, f"{telling} in {before}"
            assert buying.purchase(purchase).state == expected_state
    buying.assert_sound()


def test_the_credits_and_the_words_come_from_our_own_row(buying):
    purchase = buying.start("popular")
    settled = told(purchase, paid_session(buying, purchase))
    with Session(db.engine) as session:
        entry = history(session, buying.user.account_id, now=utc_now()).entries[0]
    assert (entry.kind, entry.credits, entry.description) == ("grant", 1000, "Popular pack")
    assert (entry.source_kind, entry.source_id) == ("purchase", purchase.id)
    assert settled.grant_seq == entry.seq
    assert (settled.total_minor, settled.payment_intent_id, settled.reason) == (3500, "pi_sim_1", "")
    assert settled.settled_at is not None


def test_the_customer_of_the_first_payment_is_remembered_and_stays(buying):
    purchases = [buying.start(key=f"form:{number}") for number in (1, 2)]
    for purchase, customer_id in zip(purchases, ("cus_sim_1", "cus_sim_2"), strict=True):
        told(purchase, replace(paid_session(buying, purchase), customer_id=customer_id))
    with Session(db.engine) as session:
        assert session.get_one(StripeCustomer, (buying.user.account_id, "simulated")).customer_id == "cus_sim_1"


def test_a_failed_delayed_payment_keeps_its_reason_and_its_payment(buying):
    purchase = buying.start()
    failed = told(purchase, replace(open_session(buying, purchase), **TELLINGS["failed"]))
    assert (failed.state, failed.reason, failed.payment_intent_id) == ("failed", "debit_not_authorized", "pi_sim_1")
    assert buying.bought() == []


DIFFERENT = {
    "session": {"id": "cs_test_sim_other"},
    "purchase": {"client_reference_id": "somebodyelse"},
    "mode": {"mode": "subscription"},
    "livemode": {"livemode": True},
    "simulated": {"id": "cs_test_real"},
    "account": {"metadata.account_id": "1"},
    "metadata.type": {"metadata.type": "gift"},
    "metadata.purchase_id": {"metadata.purchase_id": "x"},
    "metadata.user_id": {"metadata.user_id": "0"},
    "metadata.pack": {"metadata.pack": "maximum"},
    "metadata.credits": {"metadata.credits": "10000"},
    "currency": {"currency": "jpy"},
    "line_items": {"line_items": ()},
    "price": {"line_items.price_id": "price_other"},
    "quantity": {"line_items.quantity": 2},
    "subtotal": {"subtotal_minor": 3400, "total_minor": 3400},
    "discount": {"discount_minor": 100, "total_minor": 3400},
    "total": {"total_minor": 1},
}


def changed(session: CheckoutSession, changes: dict[str, object]) -> CheckoutSession:
    for path, value in changes.items():
        name, _, rest = path.partition(".")
        if name == "metadata":
            session = replace(session, metadata={**session.metadata, rest: value})
        elif rest:
            session = replace(session, line_items=tuple(replace(item, **{rest: value}) for item in session.line_items))
        else:
            session = replace(session, **{name: value})
    return session


def test_money_for_anything_else_is_quarantined_with_what_differs_and_never_granted(buying):
    for word, changes in DIFFERENT.items():
        purchase = buying.start(key=f"form:{word}")
        wrong = changed(paid_session(buying, purchase), changes)
        found = told(purchase, wrong)
        assert (found.state, found.grant_seq) == ("quarantined", None), word
        assert word in found.differences, word
        assert found.differences[found.reason].keys() == {"expected", "found"}
        assert found.payment_intent_id == "pi_sim_1", "the operator must find the money"
        assert told(purchase, paid_session(buying, purchase)).state == "quarantined", "it stays until an operator acts"
        assert buying.bought() == [], word
    assert set(DIFFERENT) == compared_words()


def compared_words() -> set[str]:
    from tests.billing.test_comparing import OTHERWISE

    return set(OTHERWISE)


@pytest.mark.parametrize("status", ["open", "expired"])
def test_a_difference_without_money_is_no_reason_for_anything(buying, status):
    purchase = buying.start()
    wrong = replace(open_session(buying, purchase), status=status, id="cs_test_sim_other", subtotal_minor=1)
    assert told(purchase, wrong).state == "open"


def test_a_second_payment_of_a_paid_purchase_grants_nothing_and_is_logged(buying):
    purchase = buying.start()
    told(purchase, paid_session(buying, purchase))
    with capture_logs() as logged:
        again = told(purchase, replace(paid_session(buying, purchase), id="cs_test_sim_other", total_minor=9))
    assert (again.state, again.total_minor, buying.bought()) == ("paid", 3500, [1000])
    assert [(line["log_level"], line["session"]) for line in logged] == [("error", "cs_test_sim_other")]


def test_what_another_settles_at_the_same_moment_is_seen_under_the_lock(buying, app):
    """One transaction grants and is about to commit; another was told `expired` a moment before and waits."""
    purchase = buying.start()
    session = paid_session(buying, purchase)
    states: list[str] = []

    def tell_expired() -> None:
        with app.app_context():
            states.append(told(purchase, replace(session, **TELLINGS["expired"], payment_status="unpaid")).state)

    waiting = threading.Thread(target=tell_expired)
    with transaction() as granting:
        fulfil(granting, granting.get_one(Purchase, (purchase.account_id, purchase.id)), session, now=utc_now())
        waiting.start()
        waiting.join(timeout=0.5)
        assert waiting.is_alive(), "the other waits for the account"
    waiting.join(timeout=30)
    assert states == ["paid"]
    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])


def test_money_that_comes_before_we_stored_the_session_is_granted_and_the_session_stored(buying):
    purchase = buying.start()
    session = paid_session(buying, purchase)
    forget_session(purchase)
    settled = told(purchase, session)
    assert (settled.state, settled.session_id) == ("paid", session.id)


def forget_session(purchase: Purchase) -> None:
    """As if we had ended between Stripe's answer and storing it."""

    def forget(session: Session) -> None:
        stored = session.get_one(Purchase, (purchase.account_id, purchase.id))
        stored.session_id = stored.session_url = None

    transact(forget)
