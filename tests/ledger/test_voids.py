"""Voids: an operator cancels what is left of a grant, and a refund doesn't take it once more."""

from dataclasses import replace

import pytest

from webapp.ledger.errors import IdempotencyConflict, InvalidRequest, UnknownGrant, VoidAboveAvailable
from webapp.ledger.facts import LotTouched
from webapp.ledger.operations import hold, open_account, settle_takeback, spend, void, void_in_order
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify


@pytest.fixture(autouse=True)
def everything_adds_up(session, account_id, now):
    yield
    assert verify(session, account_id, now=now).faults == ()


def test_a_void_takes_from_one_grant_alone(session, account_id, give, now):
    give(50, "bonus")
    give(100)
    posted = void(session, account_id, 2, credits=30, key="v", description="Adjustment: test", now=now)
    assert (posted.entry.kind, posted.entry.credits, posted.entry.balance_after) == ("void", -30, 120)
    assert posted.entry.lots == (LotTouched(2, "purchased", 30),)
    assert [lot.credits for lot in balance(session, account_id, now=now).lots] == [50, 70]


def test_only_what_is_available_can_be_voided(session, account_id, give, now):
    give(100)
    spend(session, account_id, credits=20, key="s", now=now)
    hold(session, account_id, credits=30, key="h", now=now)
    with pytest.raises(VoidAboveAvailable, match="cancel 51 credits, and 50 of the grant are available") as refused:
        void(session, account_id, 1, credits=51, key="v", now=now)
    assert refused.value.facts == {"needed": 51, "available": 50}
    assert void(session, account_id, 1, credits=50, key="v", now=now).available == 0


def test_an_expired_grant_has_nothing_to_void(session, account_id, give, now):
    give(100, expires_at=now.replace(hour=20))
    with pytest.raises(VoidAboveAvailable):
        void(session, account_id, 1, credits=1, key="v", now=now.replace(hour=20))
    assert len(history(session, account_id, now=now).entries) == 1


def test_a_full_refund_takes_what_the_operator_left(session, account_id, give, now):
    give(100)
    void(session, account_id, 1, credits=40, key="v", now=now)
    money = {"total_minor": 1000, "returned_minor": 1000, "disputed_minor": 0}
    (entry,) = settle_takeback(session, account_id, source_kind="test", source_id="1", **money, now=now)
    assert (entry.kind, entry.credits, entry.balance_after) == ("takeback", -60, 0)


def test_a_repeated_key_voids_once(session, account_id, give, now):
    give(100)
    first = void(session, account_id, 1, credits=40, key="v", now=now)
    assert void(session, account_id, 1, credits=40, key="v", now=now) == replace(first, replayed=True)
    with pytest.raises(IdempotencyConflict):
        void(session, account_id, 1, credits=41, key="v", now=now)


def test_an_unknown_grant_and_another_accounts_grant(session, account_id, give, now):
    give(100)
    spend(session, account_id, credits=1, key="s", now=now)
    for of_account, seq in ((account_id, 2), (account_id, 99), (open_account(session, now=now), 1)):
        with pytest.raises(UnknownGrant) as refused:
            void(session, of_account, seq, credits=1, key="v", now=now)
        assert refused.value.facts == {"grant": seq}


@pytest.mark.parametrize("seq", [0, 2**63, "1", None], ids=repr)
def test_no_number_of_a_grant(session, account_id, give, now, seq):
    give(100)
    with pytest.raises(InvalidRequest, match="whole number from 1"):
        void(session, account_id, seq, credits=1, key="v", now=now)


def test_a_void_in_order_takes_what_would_be_used_first_in_one_entry(session, account_id, give, now):
    give(100)
    give(50, "bonus")
    posted = void_in_order(session, account_id, credits=70, key="v", description="Given twice", now=now)
    assert (posted.entry.kind, posted.entry.credits, posted.entry.balance_after) == ("void", -70, 80)
    assert posted.entry.lots == (LotTouched(2, "bonus", 50), LotTouched(1, "purchased", 20))
    assert [(lot.grant, lot.credits) for lot in balance(session, account_id, now=now).lots] == [(1, 80)]


def test_a_void_in_order_takes_only_what_is_available(session, account_id, give, now):
    give(30)
    give(20, "bonus", expires_at=now.replace(hour=20))
    hold(session, account_id, credits=5, key="h", now=now)
    with pytest.raises(VoidAboveAvailable, match="cancel 46 credits, and 45 are available") as refused:
        void_in_order(session, account_id, credits=46, key="v", now=now)
    assert refused.value.facts == {"needed": 46, "available": 45}
    later = now.replace(hour=20)
    with pytest.raises(VoidAboveAvailable, match="and 30 are available"):
        void_in_order(session, account_id, credits=31, key="v", now=later)
    assert void_in_order(session, account_id, credits=30, key="v", now=later).available == 0


def test_a_refund_takes_what_a_void_in_order_left_of_its_lot(session, account_id, give, now):
    give(100)
    give(10, "bonus")
    void_in_order(session, account_id, credits=50, key="v", now=now)
    money = {"total_minor": 1000, "returned_minor": 1000, "disputed_minor": 0}
    (entry,) = settle_takeback(session, account_id, source_kind="test", source_id="1", **money, now=now)
    assert (entry.credits, entry.balance_after) == (-60, 0)


def test_a_void_in_order_may_be_told_again_and_is_no_void_of_one_grant(session, account_id, give, now):
    give(100)
    first = void_in_order(session, account_id, credits=40, key="v", now=now)
    assert void_in_order(session, account_id, credits=40, key="v", now=now) == replace(first, replayed=True)
    for again in (
        lambda: void_in_order(session, account_id, credits=41, key="v", now=now),
        lambda: void(session, account_id, 1, credits=40, key="v", now=now),
    ):
        with pytest.raises(IdempotencyConflict):
            again()
