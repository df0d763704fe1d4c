"""Acts on an account: what is done and the row that says so are one; a form is done once."""

import datetime as dt

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from webapp.ledger.errors import (
    InsufficientCredits,
    InvalidCredits,
    InvalidRequest,
    SpendingPaused,
    VoidAboveAvailable,
)
from webapp.ledger.models import Entry
from webapp.ledger.operations import hold, lock_account, spend
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify
from webapp.operators import accounts
from webapp.operators.acts import MOST_REASON_CHARACTERS
from webapp.operators.errors import (
    FormKeyMissing,
    FormUsed,
    InvalidChoice,
    InvalidWords,
    NothingToDo,
    ReasonMissing,
)
from webapp.operators.models import OperatorAct
from webapp.operators.queries import act_called, acts


@pytest.fixture(autouse=True)
def everything_adds_up(session, customer, now):
    yield
    assert verify(session, customer.account_id, now=now).faults == ()


def number_of(session, table):
    return session.scalar(select(func.count()).select_from(table))


def give(session, asked, credits=30, **facts):
    given = {"kind": "gift", "expires_at": None} | facts
    return accounts.grant(session, asked, credits=credits, **given)


def test_a_grant_is_an_entry_and_a_row_with_who_why_before_and_after(session, asked, customer, operator, now):
    ends_at = now + dt.timedelta(days=30)
    act = give(session, asked("  Call dropped,\n twice "), expires_at=ends_at, words="Sorry")
    (entry, *_) = history(session, customer.account_id, now=now).entries
    assert (entry.seq, entry.kind, entry.credits, entry.description) == (3, "grant", 30, "Sorry")
    assert session.get_one(Entry, (customer.account_id, 3)).actor_kind == "operator"
    assert balance(session, customer.account_id, now=now).lots[0].expires_at == ends_at
    row = session.scalars(select(OperatorAct)).one()
    assert (row.operator_id, row.account_id, row.act, row.acted_at) == (operator.id, customer.account_id, "grant", now)
    assert row.reason == "Call dropped, twice"
    assert row.facts == {"kind": "gift", "credits": 30, "expires_at": ends_at.isoformat(), "words": "Sorry"}
    assert row.before == {"balance": 150, "available": 150, "held": 0, "frozen": 0, "debt": 0}
    assert row.after == row.before | {"balance": 180, "available": 180}
    assert row.entry_seqs == [3]
    assert (act.id, act.entry_seqs, act.is_again) == (row.id, (3,), False)


def test_the_same_form_again_does_nothing_and_answers_the_first_act(session, asked, customer, now):
    first = asked()
    act = give(session, first)
    again = give(session, first)
    assert again.is_again
    assert (again.id, again.before, again.after) == (act.id, act.before, act.after)
    assert balance(session, customer.account_id, now=now).available == 180
    assert number_of(session, OperatorAct) == 1


def test_a_form_that_did_something_else_is_refused(session, asked, customer, now):
    first = asked()
    act = give(session, first)
    for other in (
        lambda: give(session, first, credits=31),
        lambda: give(session, asked("Another reason", form_key=first.form_key)),
        lambda: accounts.pause(session, first),
    ):
        with pytest.raises(FormUsed) as refused:
            other()
        assert refused.value.facts == {"act": act.id}
    assert balance(session, customer.account_id, now=now).available == 180


@pytest.mark.parametrize("reason", ["", " \n\t ", "x" * (MOST_REASON_CHARACTERS + 1), "left\u202eright", "a\x00b"])
def test_without_a_reason_that_can_be_read_nothing_is_done(session, asked, customer, now, reason):
    for act in (give, accounts.pause):
        with pytest.raises(ReasonMissing, match="Say why, in 1 to 500 characters"):
            act(session, asked(reason))
    assert balance(session, customer.account_id, now=now).available == 150
    assert lock_account(session, customer.account_id).spending_paused_at is None
    assert number_of(session, OperatorAct) == 0


@pytest.mark.parametrize("form_key", ["", "x" * 65, "ключ", "a\nb"])
def test_without_a_key_that_can_be_kept_nothing_is_done(session, asked, form_key):
    with pytest.raises(FormKeyMissing):
        give(session, asked(form_key=form_key))


@pytest.mark.parametrize("credits", [0, -1, 10**9 + 1, 2**53 + 1, 1.5, True, "7"])
def test_what_is_no_amount_is_refused_and_leaves_no_row(session, asked, customer, now, credits):
    for act in (give, accounts.take):
        with pytest.raises(InvalidCredits):
            act(session, asked(), credits=credits)
    assert number_of(session, OperatorAct) == 0
    assert len(history(session, customer.account_id, now=now).entries) == 2


def test_a_grant_must_end_in_the_future_and_be_of_a_kind_that_is_given(session, asked, now):
    for ends_at in (now, now - dt.timedelta(seconds=1)):
        with pytest.raises(InvalidRequest, match="expiry in the future"):
            give(session, asked(), expires_at=ends_at)
    for kind in ("allowance", "purchased", "", "GIFT"):
        with pytest.raises(InvalidChoice) as refused:
            give(session, asked(), kind=kind)
        assert refused.value.field == "kind"
    for words in ("x" * 201, "a\u2028b\u202e", "\x00"):
        with pytest.raises(InvalidWords):
            give(session, asked(), words=words)


def test_taking_takes_what_would_be_used_first(session, asked, customer, now):
    act = accounts.take(session, asked(), credits=70, words="Given twice")
    (entry, *_) = history(session, customer.account_id, now=now).entries
    assert (entry.kind, entry.credits, entry.description) == ("void", -70, "Given twice")
    assert [(lot.grant, lot.credits) for lot in entry.lots] == [(2, 50), (1, 20)]
    assert (act.before["balance"], act.after["balance"]) == (150, 80)


def test_more_than_is_available_cannot_be_taken(session, asked, customer, now):
    hold(session, customer.account_id, credits=40, key="h", now=now)
    with pytest.raises(VoidAboveAvailable) as refused:
        accounts.take(session, asked(), credits=111)
    assert refused.value.facts == {"needed": 111, "available": 110}
    assert accounts.take(session, asked(), credits=110).after["balance"] == 40


def test_ending_a_lot_takes_all_that_is_available_of_it_alone(session, asked, customer, now):
    hold(session, customer.account_id, credits=20, key="h", now=now)
    act = accounts.end_lot(session, asked(), lot=2)
    assert (act.before["available"], act.after["available"], act.after["held"]) == (130, 100, 20)
    assert act.facts == {"lot": 2}
    for lot in (2, 99):
        with pytest.raises(NothingToDo, match="Nothing of this lot is available"):
            accounts.end_lot(session, asked(), lot=lot)


def test_paused_spending_lets_nothing_be_taken_until_it_is_resumed(session, asked, customer, now):
    act = accounts.pause(session, asked())
    assert (act.before, act.after) == ({"spending": None}, {"spending": now.isoformat()})
    with pytest.raises(SpendingPaused):
        spend(session, customer.account_id, credits=1, key="s", now=now)
    with pytest.raises(NothingToDo, match="paused already"):
        accounts.pause(session, asked())
    assert accounts.resume(session, asked()).after == {"spending": None}
    with pytest.raises(NothingToDo, match="on already"):
        accounts.resume(session, asked())
    assert spend(session, customer.account_id, credits=1, key="s", now=now).available == 149
    with pytest.raises(InsufficientCredits):
        spend(session, customer.account_id, credits=150, key="t", now=now)


@pytest.mark.parametrize("statement", ["UPDATE operator_acts SET reason = 'x'", "DELETE FROM operator_acts"])
def test_a_row_can_neither_be_changed_nor_deleted(session, asked, statement):
    give(session, asked())
    savepoint = session.begin_nested()
    with pytest.raises(DBAPIError, match="operator_acts are append-only"):
        session.execute(text(statement))
    savepoint.rollback()


def test_acts_are_listed_newest_first_in_pages_and_by_account(session, asked, customer, operator, now):
    for number in range(4):
        give(session, asked(now=now + dt.timedelta(seconds=number // 2)), credits=number + 1)
    other = give(session, asked(account_id=operator.account_id))
    first = acts(session, limit=3)
    rest = acts(session, after=first.next_after, limit=3)
    listed = [line.act for line in (*first.lines, *rest.lines)]
    assert len(listed) == len({act.id for act in listed}) == 5
    assert [act.acted_at for act in listed] == sorted((act.acted_at for act in listed), reverse=True)
    assert rest.next_after is None
    mine = acts(session, customer.account_id)
    assert {line.act.facts["credits"] for line in mine.lines} == {1, 2, 3, 4}
    assert {(line.by, line.of) for line in mine.lines} == {(operator.email, customer.email)}
    assert act_called(session, other.id).of == operator.email
    assert act_called(session, "nothing") is None
    assert acts(session, after="nothing").lines == ()
