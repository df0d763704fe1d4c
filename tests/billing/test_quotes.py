"""Quotes: what is quoted for unused credits is what is refunded, and the refund takes just the credits it named."""

import random
from fractions import Fraction

import pytest
from sqlalchemy.orm import Session

from tests.support.money_back import dispute_of, refund_of
from webapp.billing.errors import RefundNotOffered
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack
from webapp.billing.money_back.quoting import quote
from webapp.billing.money_back.settling import settle_money_back
from webapp.extensions import db, parts
from webapp.ledger.operations import grant, hold, spend, void
from webapp.ledger.queries import balance, lot_books
from webapp.money import smallest_step_minor
from webapp.orm import WRITES, utc_now

STORIES = 60


@pytest.fixture
def bought(buying):
    """A purchase that may be asked back for two weeks; each story gives it other terms, and none is kept."""
    purchase = buying.start("popular")
    buying.app.extensions["simulator"].pay(purchase.session_id, "succeeds")
    return buying.purchase(purchase)


def story(session, bought, chance, now):
    """A lot of a random pack, with tax or a discount, of which some was used, held, taken or refunded before."""
    pack = chance.choice(parts().catalog.packs)
    purchase = session.get_one(Purchase, (bought.account_id, bought.id))
    size = chance.choice([pack.credits, chance.randint(1, 50), chance.randint(1, 100_000)])
    purchase.amount_minor = chance.choice([pack.amount_minor, chance.randint(1, 2 * size)])
    purchase.total_minor = purchase.amount_minor + chance.choice([0, 0, chance.randint(0, 900)])
    purchase.currency = chance.choice(["usd", "usd", "jpy", "isk"])
    purchase.credits, purchase.refund_days, purchase.takeback = size, 14, chance.choice(["debt", "floor"])
    facts = {"source_kind": "purchase", "source_id": purchase.id, "key": f"purchase:{purchase.id}"}
    posted = grant(session, purchase.account_id, kind="purchased", credits=size, now=now, **facts)
    purchase.state, purchase.grant_seq, purchase.settled_at = "paid", posted.entry.seq, now
    purchase.payment_intent_id = "pi_sim_1"
    session.flush()
    own = lambda: lot_books(session, purchase.account_id, [posted.entry.seq])[posted.entry.seq]  # noqa: E731
    everything = balance(session, purchase.account_id, now=now).available
    if used := chance.choice([0, 20, chance.randint(0, everything)]):
        spend(session, purchase.account_id, credits=used, key="s", now=now)
    if (left := balance(session, purchase.account_id, now=now).available) and chance.random() < 0.3:
        hold(session, purchase.account_id, credits=chance.randint(1, left), key="h", lasts_seconds=600, now=now)
    if own().available and chance.random() < 0.2:
        void(session, purchase.account_id, posted.entry.seq, credits=1, key="v", now=now)
    return purchase, own


def settle(session, purchase, *items, now):
    told = MoneyBack("pi_sim_1", tuple(items), (), known_at=purchase.money_read_at)
    settle_money_back(session, purchase, told, now=now)


def test_what_is_quoted_is_refunded_and_takes_exactly_the_credits_it_named(buying, bought):
    now, chance, quoted = utc_now(), random.Random(5), 0
    for number in range(STORIES):
        with Session(db.engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
            purchase, own = story(session, bought, chance, now)
            made, parts_left = [], chance.randint(1, 3)
            while parts_left:  # each part is a request of its own; a smaller one first is somebody else's refund
                parts_left -= 1
                if chance.random() < 0.3 and purchase.total_minor > purchase.returned_minor:
                    made.append(refund_of(purchase, 1, currency=purchase.currency))
                    settle(session, purchase, *made, now=now)
                try:
                    found = quote(session, purchase, stripe_mode="simulated", now=now)
                except RefundNotOffered:
                    continue
                quoted += 1
                before, debt = own(), balance(session, purchase.account_id, now=now).debt
                share = Fraction(purchase.total_minor * before.available, before.granted)
                step = smallest_step_minor(purchase.currency)
                assert found.amount_minor <= share, (number, found)
                assert found.amount_minor % step == 0
                assert found.amount_minor + step > min(share, purchase.total_minor - purchase.returned_minor)
                assert 0 < found.credits <= before.available == found.unused
                made.append(refund_of(purchase, found.amount_minor, currency=purchase.currency))
                settle(session, purchase, *made, now=now)
                after = own()
                assert before.available - after.available == found.credits, (number, found)
                assert after.taken_back - before.taken_back == found.credits
                assert (after.spent, after.held, after.owed) == (before.spent, before.held, before.owed)
                assert balance(session, purchase.account_id, now=now).debt == debt
            session.rollback()
    assert quoted > STORIES / 2


def test_all_unused_credits_of_every_pack_are_worth_the_whole_price(buying, bought):
    now = utc_now()
    for pack in parts().catalog.packs:
        with Session(db.engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
            purchase = session.get_one(Purchase, (bought.account_id, bought.id))
            facts = {"source_kind": "purchase", "source_id": purchase.id, "key": "p"}
            posted = grant(session, purchase.account_id, kind="purchased", credits=pack.credits, now=now, **facts)
            purchase.amount_minor, purchase.refund_days, purchase.state = pack.amount_minor, 1, "paid"
            purchase.grant_seq, purchase.settled_at, purchase.payment_intent_id = posted.entry.seq, now, "pi_sim_1"
            session.flush()
            found = quote(session, purchase, stripe_mode="simulated", now=now)
            assert (found.credits, found.amount_minor, found.stays) == (pack.credits, pack.amount_minor, 0), pack.slug
            session.rollback()


def test_a_dispute_leaves_nothing_to_quote(buying, bought):
    settled = buying.settle(bought)
    now = utc_now()
    with Session(db.engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
        purchase = session.get_one(Purchase, (settled.account_id, settled.id))
        purchase.refund_days = 14
        told = MoneyBack(str(purchase.payment_intent_id), (), (dispute_of(purchase),), known_at=None)
        settle_money_back(session, purchase, told, now=now)
        with pytest.raises(RefundNotOffered) as caught:
            quote(session, purchase, stripe_mode="simulated", now=now)
        assert caught.value.why == "disputed"
        session.rollback()
