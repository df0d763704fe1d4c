"""Setting and dropping limits; who learns that an account has changed; and what limits cost."""

import datetime as dt
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from webapp.ledger import operations
from webapp.ledger.errors import InvalidRequest, LimitAlreadyReached, SpendLimitReached, UnknownAccount
from webapp.ledger.operations import SpendLimit, open_account, set_limit
from webapp.ledger.queries import changed_accounts, limit_standings
from webapp.ledger.verify import verify

HOUR = dt.timedelta(hours=1)


def limits_of(of, now):
    return [
        (one.limit.key_id, one.limit.period, one.limit.credits)
        for one in limit_standings(of.session, of.account_id, now=now)
    ]


@contextmanager
def statements(session):
    """How many statements are sent within the block, as the only item of a list."""
    engine, sent = session.get_bind(), [0]

    def count(*_):
        sent[0] += 1

    event.listen(engine, "before_cursor_execute", count)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", count)


def test_a_limit_that_is_reached_already_needs_a_word_that_it_may_stop_now(of, now):
    of.spend(8, now=now)
    of.hold(2, now=now)
    with pytest.raises(LimitAlreadyReached) as refused:
        of.limit(10, now=now)
    assert refused.value.facts == {"limit": 10, "used": 8, "held": 2}
    assert limits_of(of, now) == []
    of.limit(10, may_stop_now=True, now=now)
    with pytest.raises(SpendLimitReached):
        of.spend(1, now=now)


def test_a_limit_that_only_tells_may_be_reached_already(of, now):
    of.spend(8, now=now)
    standing = of.limit(5, pauses=False, now=now)
    assert (standing.used, standing.left, standing.is_reached) == (8, 0, True)


def test_a_limit_takes_the_place_of_the_one_for_the_same_key_and_period_and_counts_on(of, now):
    of.limit(10, now=now)
    of.spend(6, now=now)
    of.limit(20, now=now)
    of.limit(20, "week", now=now)
    assert limits_of(of, now) == [(0, "day", 20), (0, "week", 20)]
    assert of.stands(now) == of.stands(now, period="week") == (6, 0)
    with pytest.raises(SpendLimitReached):
        of.spend(15, now=now)


def test_a_refused_change_keeps_the_limit_as_it_was(of, session, now):
    of.limit(10, now=now)
    of.spend(6, now=now)
    with pytest.raises(LimitAlreadyReached), session.begin_nested():
        of.limit(6, now=now)
    assert limits_of(of, now) == [(0, "day", 10)]


def test_a_dropped_limit_refuses_no_more_and_set_anew_counts_all_of_its_window(of, session, now):
    of.limit(10, now=now)
    of.spend(10, now=now)
    assert operations.drop_limit(session, of.account_id, key_id=0, period="day") is True
    assert operations.drop_limit(session, of.account_id, key_id=0, period="day") is False
    of.spend(5, now=now)
    of.limit(20, now=now)
    assert of.stands(now) == (15, 0)


def test_the_limits_of_a_key_go_together_and_others_stay(of, session, now):
    for key_id in (0, 7, 8):
        for period in ("day", "week", "month"):
            of.limit(10, period, key_id=key_id, now=now)
    operations.drop_limits_of_key(session, of.account_id, 7)
    assert {key_id for key_id, _, _ in limits_of(of, now)} == {0, 8}
    assert verify(session, of.account_id, now=now).faults == ()


def test_setting_a_limit_writes_down_what_is_due(of, now):
    of.hold(10, lasts_seconds=60, now=now)
    of.limit(10, now=now + HOUR)
    assert of.stands(now + HOUR) == (0, 0)


@pytest.mark.parametrize(
    "limit",
    [
        SpendLimit(0, "day", 0, pauses=True, is_money=False),
        SpendLimit(0, "day", 10**9 + 1, pauses=True, is_money=False),
        SpendLimit(0, "day", True, pauses=True, is_money=False),
        SpendLimit(0, "year", 1, pauses=True, is_money=False),
        SpendLimit(-1, "day", 1, pauses=True, is_money=False),
    ],
)
def test_a_limit_that_no_limit_can_be_is_refused(session, account_id, now, limit):
    with pytest.raises(InvalidRequest):
        set_limit(session, account_id, limit, may_stop_now=False, now=now)


def test_limits_of_an_account_that_is_not_there(session, now):
    with pytest.raises(UnknownAccount):
        set_limit(session, 4711, SpendLimit(0, "day", 1, pauses=True, is_money=False), may_stop_now=False, now=now)
    with pytest.raises(UnknownAccount):
        operations.drop_limit(session, 4711, key_id=0, period="day")
    with pytest.raises(UnknownAccount):
        limit_standings(session, 4711, now=now)


def test_every_operation_lets_whoever_watches_look_again(of, session, now):
    acts = {
        "spend": lambda: of.spend(1, now=now),
        "hold": lambda: of.hold(1, now=now),
        "limit": lambda: of.limit(100, now=now),
        "drop": lambda: operations.drop_limit(session, of.account_id, key_id=0, period="day"),
        "limit of a key": lambda: of.limit(100, key_id=7, now=now),
        "drop of a key": lambda: operations.drop_limits_of_key(session, of.account_id, 7),
        "pause": lambda: operations.pause_as_owner(session, of.account_id, now=now),
        "resume": lambda: operations.resume_as_owner(session, of.account_id),
        "zone": lambda: of.zone("Asia/Tokyo"),
        "note": lambda: operations.note_change(session, of.account_id),
    }
    for name, act in acts.items():
        operations.note_seen(session, of.account_id)
        assert changed_accounts(session, limit=9) == ()
        act()
        assert changed_accounts(session, limit=9) == (of.account_id,), name


def test_accounts_that_have_changed_come_by_their_ids_and_in_pages(session, now):
    ids = sorted(open_account(session, now=now) for _ in range(3))
    assert changed_accounts(session, limit=9) == ()
    for account_id in ids:
        operations.note_change(session, account_id)
    assert changed_accounts(session, limit=2) == tuple(ids[:2])
    assert changed_accounts(session, after_id=ids[1], limit=2) == (ids[2],)


def test_three_limits_cost_a_spend_two_statements_more_than_a_limit_that_was_never_there(of, session, now):
    """And one that was dropped costs nothing: the account says how many limits it has."""
    of.spend(1, now=now)
    with statements(session) as without:
        of.spend(1, now=now)
    for period in ("day", "week", "month"):
        of.limit(100, period, now=now)
    of.spend(1, now=now)
    with statements(session) as with_limits:
        of.spend(1, now=now)
    for period in ("day", "week", "month"):
        operations.drop_limit(session, of.account_id, key_id=0, period=period)
    with statements(session) as after:
        of.spend(1, now=now)
    assert after[0] == without[0]
    if session.get_bind().dialect.name == "sqlite":  # on PostgreSQL the function writes what has no limits
        assert with_limits[0] == without[0] + 2
    assert with_limits[0] <= 16
    assert session.execute(text("SELECT count(*) FROM limit_windows")).scalar() == 0
