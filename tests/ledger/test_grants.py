import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import text

from webapp.ledger.errors import IdempotencyConflict
from webapp.ledger.facts import LotTouched
from webapp.ledger.operations import grant, open_account, settle_takeback, spend
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify
from webapp.orm import NEVER


def lot_row(session, account_id, seq):
    found = text("SELECT * FROM grants WHERE account_id = :id AND seq = :seq")
    return session.execute(found, {"id": account_id, "seq": seq}).mappings().one()


def test_a_callers_fingerprint_alone_tells_whether_a_repeat_is_the_same(session, account_id, now):
    facts = {"kind": "bonus", "source_kind": "test", "source_id": "1", "key": "k", "now": now}
    first = grant(session, account_id, credits=10, fingerprint="one", **facts)
    assert grant(session, account_id, credits=10, fingerprint="one", **facts) == replace(first, replayed=True)
    with pytest.raises(IdempotencyConflict):
        grant(session, account_id, credits=10, fingerprint="other", **facts)


def test_a_grant_raises_the_balance_and_makes_a_lot(session, account_id, now):
    posted = grant(
        session,
        account_id,
        kind="purchased",
        credits=1000,
        key="purchase:p1",
        source_kind="purchase",
        source_id="p1",
        description="Popular pack",
        actor_kind="stripe",
        now=now,
    )
    entry = posted.entry
    assert (entry.seq, entry.kind, entry.credits, entry.balance_after) == (1, "grant", 1000, 1000)
    assert (entry.description, entry.source_kind, entry.source_id) == ("Popular pack", "purchase", "p1")
    assert entry.lots == (LotTouched(1, "purchased", 1000),)
    assert entry.occurred_at == entry.created_at == now
    assert (posted.available, posted.held, posted.replayed) == (1000, 0, False)
    assert history(session, account_id, now=now).entries == (entry,)
    assert verify(session, account_id, now=now).faults == ()


@pytest.mark.parametrize(
    ("kind", "priority"), [("allowance", 10), ("bonus", 20), ("gift", 20), ("adjustment", 30), ("purchased", 30)]
)
def test_the_kind_decides_the_priority(session, account_id, give, kind, priority):
    give(5, kind)
    assert lot_row(session, account_id, 1)["priority"] == priority


def test_without_an_expiry_credits_are_there_for_ever(session, account_id, give, now):
    give(5)
    assert balance(session, account_id, now=NEVER - dt.timedelta(seconds=1)).available == 5
    assert balance(session, account_id, now=now).lots[0].expires_at is None


def test_the_same_key_grants_once(session, account_id, give, now):
    first = give(10, key="once", source_id="s")
    again = give(10, key="once", source_id="s", now=now + dt.timedelta(days=3), description="told differently")
    assert again.replayed
    assert again.entry == first.entry
    assert balance(session, account_id, now=now).available == 10


def test_one_source_is_granted_once_whatever_the_key(session, account_id, give, now):
    first = give(10, key="webhook", source_kind="purchase", source_id="p1")
    again = give(10, key="sweep", source_kind="purchase", source_id="p1")
    assert again.replayed
    assert again.entry == first.entry
    assert balance(session, account_id, now=now).available == 10


@pytest.mark.parametrize(
    "other", [{"credits": 11}, {"kind": "gift"}, {"expires_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}], ids=repr
)
@pytest.mark.parametrize("key", ["first", "second"])
def test_one_source_is_not_granted_something_else(session, account_id, give, now, key, other):
    give(10, "bonus", key="first", source_id="p1")
    facts = {"credits": 10, "kind": "bonus", "key": key, "source_id": "p1"} | other
    with pytest.raises(IdempotencyConflict, match="was used before") as refused:
        give(facts.pop("credits"), facts.pop("kind"), **facts)
    assert refused.value.facts == {"entry": 1}
    assert balance(session, account_id, now=now).available == 10


def test_one_key_does_not_grant_two_sources(give):
    give(10, key="same", source_id="a")
    with pytest.raises(IdempotencyConflict, match="This key"):
        give(10, key="same", source_id="b")


def test_two_sources_are_two_lots(session, account_id, give, now):
    give(10)
    give(10)
    assert [lot.grant for lot in balance(session, account_id, now=now).lots] == [1, 2]


def test_a_source_belongs_to_its_account(session, account_id, give, now):
    give(10, source_id="welcome")
    other = open_account(session, now=now)
    posted = grant(
        session, other, kind="bonus", credits=7, key="give:1", source_kind="test", source_id="welcome", now=now
    )
    assert (posted.available, posted.replayed) == (7, False)


def test_a_grant_that_expired_meanwhile_is_still_answered_again(give, now):
    soon = now + dt.timedelta(minutes=1)
    first = give(10, key="once", source_id="s", expires_at=soon)
    again = give(10, key="once", source_id="s", expires_at=soon, now=now + dt.timedelta(days=1))
    assert again.replayed
    assert again.entry == first.entry


def test_the_same_instant_in_another_zone_is_the_same_request(give, now):
    soon = now + dt.timedelta(minutes=1)
    first = give(10, key="once", source_id="s", expires_at=soon)
    there = soon.astimezone(dt.timezone(dt.timedelta(hours=5)))
    assert give(10, key="once", source_id="s", expires_at=there).entry == first.entry


@pytest.fixture
def indebted(session, account_id, give, now):
    """1,000 bought, 900 spent, all refunded: 100 were voided, 900 are owed."""
    give(1000)
    spend(session, account_id, credits=900, key="spend", now=now)
    money = {"total_minor": 3500, "returned_minor": 3500, "disputed_minor": 0}
    settle_takeback(session, account_id, source_kind="test", source_id="1", **money, now=now)
    assert verify(session, account_id, now=now).faults == ()
    return account_id


def test_what_is_owed_is_paid_from_the_next_grant(session, indebted, give, now):
    posted = give(500)
    assert (posted.entry.credits, posted.entry.balance_after, posted.available) == (500, -400, 0)
    assert posted.entry.lots == (LotTouched(4, "purchased", 500),)
    found = balance(session, indebted, now=now)
    assert (found.available, found.debt, found.balance) == (0, 400, -400)
    assert lot_row(session, indebted, 4)["owed"] == 500
    assert verify(session, indebted, now=now).faults == ()


def test_what_is_left_after_debt_is_available(session, indebted, give, now):
    posted = give(1000)
    assert (posted.entry.credits, posted.entry.balance_after, posted.available) == (1000, 100, 100)
    found = balance(session, indebted, now=now)
    assert (found.available, found.debt, found.lots[0].credits) == (100, 0, 100)
    assert verify(session, indebted, now=now).faults == ()


def test_a_grant_that_paid_debt_is_answered_again_as_it_was(indebted, give):
    first = give(1000, key="once", source_id="s")
    again = give(1000, key="once", source_id="s")
    assert (again.entry, again.available, again.replayed) == (first.entry, 100, True)
