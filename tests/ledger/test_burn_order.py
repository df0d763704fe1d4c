"""Which lots pay: the pure part against every order, and the database against the pure part."""

import datetime as dt
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.ledger.accounts import locked
from webapp.ledger.burndown import Lot, allocate, in_burn_order
from webapp.ledger.facts import LotTouched
from webapp.ledger.lots import open_sheet
from webapp.ledger.operations import spend
from webapp.ledger.queries import balance
from webapp.orm import NEVER

EARLY, LATE = dt.datetime(2027, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 2, 1, tzinfo=dt.UTC)


def lot(grant, priority=30, available=10, expires_at=NEVER):
    return Lot(grant=grant, kind="purchased", priority=priority, granted=10, available=available, expires_at=expires_at)


# In this order, whatever order they come in: priority first, then soonest expiry, then oldest.
ORDERED = [lot(7, 10, expires_at=LATE), lot(5, 20, expires_at=EARLY), lot(6, 20, expires_at=EARLY), lot(1, 20), lot(2)]


@pytest.mark.parametrize("lots", list(itertools.permutations(ORDERED)))
def test_burn_order_does_not_depend_on_the_order_of_reading(lots):
    assert in_burn_order(lots) == ORDERED


@pytest.mark.parametrize(
    ("credits", "shares"),
    [(1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5]), (50, [10, 10, 10, 10, 10])],
)
def test_each_lot_pays_all_it_has_before_the_next(credits, shares):
    assert allocate(credits, [(lot, 10) for lot in ORDERED]) == list(zip(ORDERED, shares, strict=False))


def test_lots_that_hold_less_are_an_error_and_not_a_smaller_answer():
    with pytest.raises(ValueError, match="1 credits short of 51"):
        allocate(51, [(lot, 10) for lot in ORDERED])


def test_an_empty_part_gives_nothing():
    assert allocate(3, [("empty", 0), ("full", 10)]) == [("full", 3)]


@given(st.lists(st.integers(0, 50), max_size=8), st.data())
def test_shares_always_sum_to_what_was_asked(amounts, data):
    wanted = data.draw(st.integers(0, sum(amounts)))
    shares = allocate(wanted, enumerate(amounts))
    assert sum(share for _, share in shares) == wanted
    assert all(0 < share <= amounts[number] for number, share in shares)
    assert all(share == amounts[number] for number, share in shares[:-1])


@pytest.mark.parametrize("seed", range(5))
def test_the_database_reads_lots_in_burn_order(session, account_id, give, seed, now):
    chance = random.Random(seed)
    for _ in range(12):
        kind = chance.choice(["allowance", "bonus", "gift", "adjustment", "purchased"])
        give(chance.randint(1, 9), kind, expires_at=chance.choice([None, EARLY, LATE]))
    read = list(open_sheet(session, locked(session, account_id), now=now).lots.values())
    assert len(read) == 12
    assert read == in_burn_order(read)


def test_a_spend_takes_from_lots_in_burn_order_with_ties(session, account_id, give, now):
    give(5)  # 1: bought, last
    give(5, "gift", expires_at=LATE)  # 2
    give(5, "bonus", expires_at=EARLY)  # 3: sooner than 2
    give(5, "bonus", expires_at=EARLY)  # 4: as soon, but younger than 3
    give(5, "adjustment", expires_at=LATE)  # 5: burns with what was bought, and before it as it expires
    give(5, "allowance", expires_at=LATE)  # 6: first of all
    posted = spend(session, account_id, credits=28, key="k", now=now)
    assert posted.entry.lots == (
        LotTouched(6, "allowance", 5),
        LotTouched(3, "bonus", 5),
        LotTouched(4, "bonus", 5),
        LotTouched(2, "gift", 5),
        LotTouched(5, "adjustment", 5),
        LotTouched(1, "purchased", 3),
    )
    assert [found.grant for found in balance(session, account_id, now=now).lots] == [1]


def test_a_hundred_open_lots_pay_in_order(session, account_id, give, now):
    for _ in range(100):
        give(1)
    posted = spend(session, account_id, credits=99, key="k", now=now)
    assert [touched.grant for touched in posted.entry.lots] == list(range(1, 100))
    assert posted.available == 1
