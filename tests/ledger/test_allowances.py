"""Allowances by the instant they end: what was used of them, and what can't be used any more."""

import datetime as dt

from webapp.ledger.allowances import Allowance, allowances
from webapp.ledger.operations import grant, hold, open_account, reverse, spend, void

NOON = dt.datetime(2026, 3, 20, 12, tzinfo=dt.UTC)
ENDS_AT = NOON + dt.timedelta(days=11)


def give(session, account_id, credits, number, kind="allowance", expires_at=ENDS_AT):
    source = {"key": f"g{number}", "source_kind": "test", "source_id": str(number)}
    return grant(session, account_id, kind=kind, credits=credits, expires_at=expires_at, now=NOON, **source)


def test_grants_that_end_together_are_one_allowance_and_only_its_use_counts(session):
    account_id = open_account(session, now=NOON)
    first = give(session, account_id, 400, 1)
    give(session, account_id, 100, 2)
    give(session, account_id, 70, 3, expires_at=ENDS_AT + dt.timedelta(days=1))
    give(session, account_id, 60, 4, kind="bonus")
    give(session, account_id, 50, 5, expires_at=None)
    used = spend(session, account_id, credits=300, key="s", now=NOON)
    reverse(session, account_id, entry_seq=used.entry.seq, credits=40, key="r", now=NOON)
    void(session, account_id, grant_seq=first.entry.seq, credits=30, key="v", description="given twice", now=NOON)
    hold(session, account_id, credits=20, key="h", lasts_seconds=600, now=NOON)

    found = allowances(session, account_id, now=NOON)
    assert found[0] == Allowance(ENDS_AT, granted=500, available=190, held=20, frozen=0, used=260)
    assert (found[0].limit, found[0].lost) == (470, 30)
    assert [(one.ends_at, one.granted, one.used) for one in found[1:]] == [
        (ENDS_AT + dt.timedelta(days=1), 70, 0),
        (None, 50, 0),
    ]


def test_used_up_allowance_still_counts_until_it_ends(session):
    account_id = open_account(session, now=NOON)
    give(session, account_id, 500, 1)
    spend(session, account_id, credits=500, key="s", now=NOON)
    (found,) = allowances(session, account_id, now=NOON)
    assert (found.used, found.limit, found.available) == (500, 500, 0)
    assert allowances(session, account_id, now=ENDS_AT) == (), "it has ended"
    assert allowances(session, open_account(session, now=NOON), now=NOON) == ()
