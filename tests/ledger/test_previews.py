"""What a take-back would do, told before: exactly what it then does, and telling it changes nothing."""

import datetime as dt

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.ledger.test_takeback_orders import CREDITS, LOTS, Before, lots_of, session_of
from webapp.ledger.errors import UnknownAccount
from webapp.ledger.models import entries
from webapp.ledger.operations import expire, hold, settle_takeback, spend
from webapp.ledger.queries import Standing, balance, preview_takeback

USES = st.lists(st.tuples(st.sampled_from([spend, spend, hold]), CREDITS), min_size=1, max_size=4)
MONEY = st.tuples(st.integers(0, 100), st.integers(0, 60))
FIXED = settings(settings.get_profile("gate"), phases=(Phase.generate,), max_examples=30)


def standing(account):
    found = balance(account.session, account.account_id, now=account.now)
    return Standing(found.available, found.held, found.frozen, found.debt, found.balance)


@FIXED
@given(
    lots=LOTS,
    uses=USES,
    waits=st.sampled_from([0, 1, 2, 3]),
    told=st.lists(st.tuples(st.integers(0, 3), MONEY), max_size=3),
    number=st.integers(0, 4),
    money=MONEY,
    is_floor=st.booleans(),
)
def test_a_preview_is_what_happens(shared_engine, lots, uses, waits, told, number, money, is_floor):
    with session_of(shared_engine) as session:
        account = Before(session, lots, uses, waits)
        for other, earlier in told:
            account.tell(other, earlier, is_floor=is_floor)
        facts = {"source_kind": "purchase", "source_id": f"p{number}", "total_minor": 100, "is_floor": is_floor}
        facts |= {"returned_minor": money[0], "disputed_minor": money[1], "now": account.now}
        entries_before = len(entries_of(account))
        foreseen = preview_takeback(session, account.account_id, **facts)
        assert foreseen.before == standing(account)
        assert len(entries_of(account)) == entries_before, "looking ahead writes nothing"
        expire(session, account.account_id, now=account.now)  # what is due is no part of what is taken
        lots_before = lots_of(account)
        assert foreseen.before == standing(account)
        settle_takeback(session, account.account_id, **facts)
        assert foreseen.after == standing(account)
        source = ("purchase", f"p{number}")
        voided = [books[source][5] if source in books else 0 for books in (lots_before, lots_of(account))]
        assert foreseen.taken == voided[1] - voided[0]
        assert preview_takeback(session, account.account_id, **facts).taken == 0


def entries_of(account):
    chosen = entries.select().where(entries.c.account_id == account.account_id)
    return account.session.execute(chosen).all()


@pytest.mark.parametrize(
    ("is_floor", "expected"),
    [(False, (90, 10, 0, 60)), (True, (30, 10, 60, 0))],
    ids=["debt", "floor"],
)
def test_a_preview_tells_what_waits_for_a_hold_and_what_is_let_go(shared_engine, is_floor, expected):
    with session_of(shared_engine) as session:
        account = Before(session, [("purchased", 100, None)], [(spend, 60), (hold, 10)], 0)
        facts = {"source_kind": "purchase", "source_id": "p0", "total_minor": 500, "disputed_minor": 0}
        facts |= {"is_floor": is_floor, "now": account.now}
        found = preview_takeback(session, account.account_id, returned_minor=500, **facts)
        assert (found.taken, found.waits, found.let_go, found.after.debt) == expected
        assert found.before == Standing(available=30, held=10, frozen=0, debt=0, balance=40)
        assert found.after.balance == 40 - found.taken


def test_a_preview_of_less_asked_back_gives_to_who_paid_the_debt(shared_engine):
    """The lot that paid is used up, and another one's refund fails: ledger.md's example, looked at before."""
    with session_of(shared_engine) as session:
        account = Before(session, [("purchased", 40, None)], [(spend, 40)], 0)
        account.tell(0, (100, 0))
        account.grant(1, "purchased", 40)
        facts = {"source_kind": "purchase", "source_id": "p0", "total_minor": 100, "disputed_minor": 0}
        found = preview_takeback(session, account.account_id, returned_minor=0, **facts, now=account.now)
        assert (found.taken, found.before.available, found.after.available) == (-40, 0, 40)
        account.tell(0, (0, 0))
        assert standing(account) == found.after


def test_a_payment_without_a_lot_takes_nothing_and_an_unknown_account_is_refused(session: Session) -> None:
    now = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)
    facts = {"total_minor": 5, "returned_minor": 5, "disputed_minor": 0, "source_kind": "purchase", "now": now}
    account = Before(session, [("purchased", 100, None)], [], 0)
    found = preview_takeback(session, account.account_id, source_id="none", **facts)
    assert (found.before, found.taken, found.waits, found.let_go) == (found.after, 0, 0, 0)
    with pytest.raises(UnknownAccount):
        preview_takeback(session, 5, source_id="none", **facts)
