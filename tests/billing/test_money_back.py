"""Refunds and disputes told by their events: what became of the money becomes of the credits."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import stripe
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from tests.billing.books import bought, kinds, lot_of, money_of, rows_of, set_facts, standing, use
from tests.billing.buying import Buying
from tests.billing.returning import (
    becomes,
    dispute,
    end_refund,
    find,
    move,
    payment_of,
    refund,
    taken,
    tell,
)
from tests.billing.telling import event_about, post
from webapp.billing.gateway import build_gateway
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import money_back
from webapp.billing.money_back.settling import settle_money_back
from webapp.extensions import db, transact
from webapp.ledger.queries import balance
from webapp.orm import utc_now

Life = Callable[[Buying, Purchase], Any]


def failing(buying: Buying, purchase: Purchase) -> None:
    end_refund(buying, refund(buying, purchase, course="succeeds")["id"], "fails")


def canceled(buying: Buying, purchase: Purchase) -> None:
    end_refund(buying, refund(buying, purchase, course="asks")["id"], "canceled")


def refunded_then_disputed(buying: Buying, purchase: Purchase) -> None:
    refund(buying, purchase, 200)
    dispute(buying, purchase, "withdraw", amount_minor=300)


def disputed_above_its_refund(buying: Buying, purchase: Purchase) -> None:
    """The bank takes all although a part was refunded: what is gone is no more than what was paid."""
    refund(buying, purchase, 200)
    dispute(buying, purchase, "withdraw", amount_minor=500)


def asked_about_above_its_refund(buying: Buying, purchase: Purchase) -> None:
    refund(buying, purchase, 200)
    dispute(buying, purchase, is_inquiry=True, amount_minor=500)


def two_disputes(buying: Buying, purchase: Purchase) -> None:
    dispute(buying, purchase, "withdraw", "lose", amount_minor=200)
    dispute(buying, purchase, amount_minor=100)


def silently(change: dict[str, Any]) -> Life:
    """A dispute of all, withdrawn, that says something else in the end."""

    def life(buying: Buying, purchase: Purchase) -> None:
        becomes(buying, "dispute", dispute(buying, purchase)["id"], **change)

    return life


def sleeping_refund(buying: Buying, purchase: Purchase) -> None:
    becomes(buying, "refund", refund(buying, purchase, 100)["id"], status="sleeping")


def sleeping_dispute(buying: Buying, purchase: Purchase) -> None:
    """Stripe says a word that is in nobody's types yet: said past the check of the simulated Stripe against them."""
    dispute(buying, purchase)
    parts = buying.app.extensions["refill"]
    gateway = build_gateway(parts.settings, http_client=InNewWords(buying.simulator))
    buying.app.extensions["refill"] = replace(parts, gateway=gateway)


class InNewWords(stripe.HTTPClient):
    """Says `sleeping` of every dispute that needs a response."""

    name = "in new words"

    def __init__(self, inner: stripe.HTTPClient) -> None:
        super().__init__()
        self.inner = inner

    def request(self, *given: Any, **more: Any) -> Any:
        body, status, headers = self.inner.request(*given, **more)
        return body.replace("needs_response", "sleeping"), status, headers

    def close(self) -> None:
        self.inner.close()


# What happens at Stripe; then available, frozen and voided credits of 100, returned and disputed cents of 500.
LIVES: dict[str, tuple[Life, tuple[int, int, int], tuple[int, int]]] = {
    "refunded": (refund, (0, 0, 100), (500, 0)),
    "refunded in part": (lambda b, p: refund(b, p, 101), (80, 0, 20), (101, 0)),
    "refunded in two parts": (lambda b, p: [refund(b, p, 103), refund(b, p, 103)], (59, 0, 41), (206, 0)),
    "refund on its way": (lambda b, p: refund(b, p, 250, "pending"), (50, 0, 50), (250, 0)),
    "refund that asks the buyer": (lambda b, p: refund(b, p, course="asks"), (0, 0, 100), (500, 0)),
    "refund canceled": (canceled, (100, 0, 0), (0, 0)),
    "refund failed in the end": (failing, (100, 0, 0), (0, 0)),
    "refund in a state that is new": (sleeping_refund, (80, 0, 20), (100, 0)),
    "disputed": (dispute, (0, 100, 0), (0, 500)),
    "disputed in part": (lambda b, p: dispute(b, p, amount_minor=101), (80, 20, 0), (0, 101)),
    "money withdrawn": (lambda b, p: dispute(b, p, "withdraw"), (0, 0, 100), (500, 0)),
    "answered": (lambda b, p: dispute(b, p, "withdraw", "answer"), (0, 0, 100), (500, 0)),
    "won": (lambda b, p: dispute(b, p, "withdraw", "answer", "win"), (100, 0, 0), (0, 0)),
    "won before the money went": (lambda b, p: dispute(b, p, "win"), (100, 0, 0), (0, 0)),
    "lost": (lambda b, p: dispute(b, p, "withdraw", "lose"), (0, 0, 100), (500, 0)),
    "lost in part": (lambda b, p: dispute(b, p, "lose", amount_minor=250), (50, 0, 50), (250, 0)),
    "asked about": (lambda b, p: dispute(b, p, is_inquiry=True), (0, 100, 0), (0, 500)),
    "asked about and let go": (lambda b, p: dispute(b, p, "answer", "close", is_inquiry=True), (100, 0, 0), (0, 0)),
    "asked about, then lost": (lambda b, p: dispute(b, p, "withdraw", "lose", is_inquiry=True), (0, 0, 100), (500, 0)),
    "part refunded, rest disputed": (refunded_then_disputed, (0, 0, 100), (500, 0)),
    "part refunded, all disputed": (disputed_above_its_refund, (0, 0, 100), (500, 0)),
    "part refunded, all asked about": (asked_about_above_its_refund, (0, 60, 40), (200, 300)),
    "one dispute lost, one open": (two_disputes, (40, 20, 40), (200, 100)),
    "prevented": (silently({"status": "prevented"}), (100, 0, 0), (0, 0)),
    "appealed": (silently({"status": "appeal_under_review"}), (0, 100, 0), (0, 500)),
    "in another currency": (silently({"amount": 120, "currency": "eur"}), (0, 100, 0), (0, 500)),
    "in a state that is new": (sleeping_dispute, (0, 100, 0), (0, 500)),
}


def test_the_credits_of_a_purchase_follow_its_money_through_every_life(buying):
    """Half of them told every event in order, half only the last: in which order is another test's."""
    for number, (name, (life, lot, money)) in enumerate(LIVES.items()):
        purchase = bought(buying, name)
        life(buying, purchase)
        events = taken(buying)
        tell(buying, *(events[-1:] if number % 2 else events))
        books = lot_of(buying, purchase)
        assert tuple(books.get(book, 0) for book in ("available", "frozen", "voided")) == lot, name
        assert money_of(buying, purchase) == money, name
        assert buying.purchase(purchase).state == "paid", name
    assert standing(buying)["debt"] == 0
    buying.assert_sound()


def test_rows_are_kept_of_each_refund_and_dispute_with_its_last_state(buying):
    purchase = bought(buying)
    made = refund(buying, purchase, 100, course="pending")
    tell(buying, *taken(buying))
    assert rows_of(buying, purchase) == {("re", 100, "pending")}
    end_refund(buying, made["id"], "succeeds")
    opened = dispute(buying, purchase, amount_minor=400)
    tell(buying, *taken(buying))
    assert rows_of(buying, purchase) == {("re", 100, "succeeded"), ("du", 400, "needs_response")}
    move(buying, opened["id"], "lose")
    tell(buying, *taken(buying))
    assert rows_of(buying, purchase) == {("re", 100, "succeeded"), ("du", 400, "lost")}
    assert kinds(buying)[2:] == [("takeback", -20), ("freeze", 0), ("takeback", -80)]


def test_what_was_spent_becomes_debt_and_a_refund_that_fails_after_it_was_paid_gives_it_back(buying):
    """Ledger.md's example, with money: 100 bought, 90 of them and the welcome credits spent, all refunded."""
    first = bought(buying, 1)
    use(buying, "spend", credits=110, key="s")
    made = refund(buying, first)
    tell(buying, *taken(buying))
    assert standing(buying) == {"available": 0, "held": 0, "frozen": 0, "debt": 90, "balance": -90}
    second = bought(buying, 2)
    assert standing(buying) == {"available": 10, "held": 0, "frozen": 0, "debt": 0, "balance": 10}
    end_refund(buying, made["id"], "fails")
    tell(buying, *taken(buying))
    assert standing(buying) == {"available": 110, "held": 0, "frozen": 0, "debt": 0, "balance": 110}
    assert (lot_of(buying, first), lot_of(buying, second)) == ({"available": 10, "spent": 90}, {"available": 100})
    assert kinds(buying)[-2:] == [("grant", 100), ("giveback", 100)]
    buying.assert_sound()


def test_held_credits_wait_for_their_hold_and_expired_ones_count_as_taken(buying):
    held, expired = bought(buying, 1), bought(buying, 2)
    use(buying, "spend", credits=20, key="s")
    hold = use(buying, "hold", credits=60, key="h", lasts_seconds=600)
    past = utc_now() - dt.timedelta(seconds=1)
    chosen = {"source_kind": "purchase", "source_id": expired.id}
    transact(lambda session: _expire(session, chosen, past))
    for purchase in (held, expired):
        refund(buying, purchase)
    tell(buying, *taken(buying))
    assert lot_of(buying, held) == {"held": 60, "voided": 40}
    assert lot_of(buying, expired) == {"expired": 100}
    use(buying, "capture", hold.entry.seq, credits=25, key="c")
    assert lot_of(buying, held) == {"spent": 25, "voided": 100, "owed": -25}
    assert standing(buying)["debt"] == 25
    buying.assert_sound()


def _expire(session: Session, source: dict[str, str], at: dt.datetime) -> None:
    from webapp.ledger.models import grants

    chosen = [grants.c[name] == value for name, value in source.items()]
    session.execute(grants.update().where(*chosen).values(expires_at=at))


def test_a_pack_with_the_floor_lets_go_what_was_spent(buying):
    purchase = bought(buying)
    set_facts(purchase, takeback="floor")
    use(buying, "spend", credits=90, key="s")
    refund(buying, purchase)
    tell(buying, *taken(buying))
    assert lot_of(buying, purchase) == {"spent": 70, "voided": 30}
    assert standing(buying) == {"available": 0, "held": 0, "frozen": 0, "debt": 0, "balance": 0}


# Which purchase it is, and when.


def test_a_refund_that_is_told_before_the_payment_grants_and_takes_back(buying):
    purchase = buying.paid("starter")
    taken(buying)
    refund(buying, purchase, 250)
    tell(buying, *[telling for telling in taken(buying) if telling.kind == "refund.created"])
    assert buying.purchase(purchase).state == "paid"
    assert lot_of(buying, purchase) == {"available": 50, "voided": 50}
    assert kinds(buying)[1:] == [("grant", 100), ("takeback", -50)]


def test_a_purchase_that_is_paid_later_keeps_to_what_came_back_before(buying):
    """Its refund was settled while its session said unpaid, and the total, with tax, is known only then."""
    purchase = buying.paid("starter")
    taken(buying)
    refund(buying, purchase, 250)
    stored = buying.purchase(purchase)
    told = money_back(buying.gateway, payment_of(buying, purchase), known_at=None)
    transact(lambda session: settle_money_back(session, stored, told, now=utc_now()))
    assert (buying.purchase(purchase).state, money_of(buying, purchase), lot_of(buying, purchase)) == (
        "open",
        (250, 0),
        {},
    )
    becomes(buying, "checkout.session", str(purchase.session_id), amount_total=1000, total_details={
        **find(buying, "checkout.session", str(purchase.session_id))["total_details"], "amount_tax": 500,
    })  # fmt: skip
    assert buying.settle(purchase).state == "paid"
    assert lot_of(buying, purchase) == {"available": 75, "voided": 25}
    buying.assert_sound()


def test_a_quarantined_purchase_that_is_refunded_stays_so_and_its_money_tells(buying):
    purchase = buying.paid("starter")
    set_facts(purchase, amount_minor=400)
    tell(buying, *taken(buying))
    refund(buying, purchase)
    tell(buying, *taken(buying))
    assert (buying.purchase(purchase).state, money_of(buying, purchase)) == ("quarantined", (500, 0))
    assert (lot_of(buying, purchase), buying.bought()) == ({}, [])


def test_a_refund_of_a_second_payment_takes_nothing_from_the_first(buying):
    """Somebody paid an old session as well: nothing was granted for it, so nothing is taken back for it."""
    purchase = bought(buying)
    other = buying.paid("starter", key="form:2")
    taken(buying)
    becomes(buying, "checkout.session", str(other.session_id), client_reference_id=purchase.id)
    set_facts(other, session_id=None, session_url=None)
    refund(buying, other)
    told = [buying.tell(telling.event_id).json["reason"] for telling in taken(buying)]
    assert set(told) == {"other_payment"}
    assert (lot_of(buying, purchase), money_of(buying, purchase)) == ({"available": 100}, (0, 0))


@pytest.mark.parametrize("kind", ["refund.updated", "charge.refunded", "charge.dispute.created"])
def test_an_event_that_names_no_payment_is_settled_by_reading_its_object(buying, kind):
    """As older API versions send it; twice, and the second time the purchase has been settled before."""
    purchase = bought(buying)
    for amount_minor in (100, 150):
        (dispute if "dispute" in kind else refund)(buying, purchase, amount_minor=amount_minor)
        (telling, *_) = [telling for telling in taken(buying) if telling.kind == kind]
        event = json.loads(buying.simulator.deliveries.signed(telling.event_id, now=0)[0])
        for name in ("payment_intent", "metadata"):
            del event["data"]["object"][name]
        assert post(buying.app, event).json["reason"] == "paid"
    assert sum(money_of(buying, purchase)) == 250


NOT_OURS: dict[str, tuple[dict[str, Any], str]] = {
    "a charge without a payment": ({"id": "ch_none", "object": "charge", "payment_intent": None}, "no_payment"),
    "a refund that is gone": ({"id": "re_none", "object": "refund"}, "no_payment"),
    "a payment without a checkout": ({"id": "du_1", "object": "dispute", "payment_intent": "pi_1"}, "no_checkout"),
    "an object of another kind": ({"id": "cus_1", "object": "customer"}, "no_payment"),
    "no id at all": ({"object": "refund"}, "no_payment"),
}


def test_what_is_not_ours_is_stored_as_ignored(buying):
    for number, (item, reason) in enumerate(NOT_OURS.values()):
        answer = post(buying.app, event_about(item, "refund.created", f"evt_sim_{number}"))
        assert (answer.status_code, answer.json["state"], answer.json["reason"]) == (200, "ignored", reason)
    assert buying.events() != []
    assert len(kinds(buying)) == 1


def test_a_checkout_of_a_purchase_we_never_heard_of_is_ignored(buying):
    purchase = buying.paid("starter")
    taken(buying)
    becomes(buying, "checkout.session", str(purchase.session_id), client_reference_id="ofanotherdatabase")
    set_facts(purchase, session_id=None)
    refund(buying, purchase)
    assert {buying.tell(told.event_id).json["reason"] for told in taken(buying)} == {"unknown_purchase"}


def test_metadata_that_names_another_purchase_misleads_nobody(buying):
    mine, other = bought(buying, 1), bought(buying, 2)
    refund(buying, mine)
    (telling, *_) = [telling for telling in taken(buying) if telling.kind == "charge.refunded"]
    event = json.loads(buying.simulator.deliveries.signed(telling.event_id, now=0)[0])
    event["data"]["object"]["metadata"]["purchase_id"] = other.id
    assert post(buying.app, event).status_code == 200
    assert (lot_of(buying, mine), lot_of(buying, other)) == ({"voided": 100}, {"available": 100})


# What is said about it.


def test_what_is_new_to_us_is_logged_and_no_more_is_written_than_changes(buying):
    purchase = bought(buying)
    sleeping_refund(buying, purchase)
    becomes(buying, "dispute", dispute(buying, purchase, amount_minor=1)["id"], currency="eur")
    sleeping_dispute(buying, purchase)
    told = taken(buying)
    with capture_logs() as logs:
        tell(buying, *told)
    said = [entry["event"] for entry in logs]
    assert said.count("state of money back is new to us") == 3 * len(told)
    assert said.count("money back in another currency") == len(told)
    assert said.count("money came back") == 1
    with Session(db.engine) as session:
        assert balance(session, buying.user.account_id, now=utc_now()).frozen == 80
