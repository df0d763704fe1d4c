"""What a limit refuses, what it lets go, and in which words."""

import datetime as dt

import pytest
from sqlalchemy import text

from webapp.ledger import operations
from webapp.ledger.errors import InsufficientCredits, SpendingPaused, SpendLimitReached
from webapp.ledger.operations import SpendLine, spend, spend_batch
from webapp.ledger.queries import limit_standings

DAY = dt.timedelta(days=1)
HOUR = dt.timedelta(hours=1)
INSTANT = dt.timedelta(microseconds=1)
MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def test_a_spend_to_the_very_credit_goes_and_one_more_is_refused_with_all_that_stands(of, now):
    of.limit(10, now=now)
    of.spend(7, now=now)
    of.hold(2, now=now)
    of.spend(1, now=now)
    with pytest.raises(SpendLimitReached) as refused:
        of.spend(1, now=now)
    facts = {"needed": 1, "limit": 10, "used": 8, "held": 2, "left": 0, "period": "day", "key": None}
    assert refused.value.facts == facts | {"resets_at": "2026-11-21T00:00:00+00:00"}
    assert str(refused.value) == "This needs 1 credits, and 0 are left of the account's limit of 10 a day."
    assert (refused.value.account_id, refused.value.needed, refused.value.standing.used) == (of.account_id, 1, 8)


def test_a_new_window_lets_go_again_at_its_very_instant(of, now):
    of.limit(10, now=now)
    of.spend(10, now=now)
    with pytest.raises(SpendLimitReached):
        of.spend(1, now=MIDNIGHT - INSTANT)
    of.spend(10, now=MIDNIGHT)
    assert of.stands(MIDNIGHT) == (10, 0)


@pytest.mark.parametrize(("period", "lasts"), [("day", 1), ("week", 3), ("month", 11)])
def test_day_week_and_month_each_start_anew_at_their_own_midnight(of, now, period, lasts):
    of.limit(5, period, now=now)
    of.spend(5, now=now)
    ends_at = MIDNIGHT + (lasts - 1) * DAY
    with pytest.raises(SpendLimitReached) as refused:
        of.spend(1, now=ends_at - INSTANT)
    assert refused.value.facts["resets_at"] == ends_at.isoformat()
    of.spend(5, now=ends_at)


def test_of_several_limits_the_one_that_starts_anew_last_is_told(of, now):
    for period in ("week", "month", "day"):
        of.limit(5, period, now=now)
    with pytest.raises(SpendLimitReached) as refused:
        of.spend(6, now=now)
    assert refused.value.facts["period"] == "month"


def test_a_hold_is_refused_as_a_spend_is(of, now):
    of.limit(10, now=now)
    of.hold(10, now=now)
    with pytest.raises(SpendLimitReached):
        of.hold(1, now=now)
    with pytest.raises(SpendLimitReached):
        of.spend(1, now=now)


def test_a_hold_that_is_over_makes_room_within_the_same_spend(of, now):
    of.limit(10, now=now)
    of.hold(10, lasts_seconds=60, now=now)
    with pytest.raises(SpendLimitReached):
        of.spend(1, now=now + dt.timedelta(seconds=60) - INSTANT)
    of.spend(10, now=now + dt.timedelta(seconds=60))
    assert of.stands(now + HOUR) == (10, 0)


def test_a_limit_of_a_key_refuses_that_key_only(of, now):
    of.limit(5, key_id=7, now=now)
    of.spend(5, key_id=7, now=now)
    with pytest.raises(SpendLimitReached, match="this API key's limit of 5 a day") as refused:
        of.spend(1, key_id=7, now=now)
    assert refused.value.facts["key"] == 7
    of.spend(50, key_id=8, now=now)
    of.spend(50, now=now)
    assert of.stands(now, key_id=7) == (5, 0)


def test_a_key_counts_in_its_own_limit_and_in_the_accounts(of, now):
    of.limit(10, now=now)
    of.limit(8, key_id=7, now=now)
    of.spend(6, key_id=7, now=now)
    of.spend(3, now=now)
    assert (of.stands(now), of.stands(now, key_id=7)) == ((9, 0), (6, 0))
    with pytest.raises(SpendLimitReached) as refused:
        of.spend(2, key_id=7, now=now)
    assert refused.value.facts["key"] is None


def test_a_limit_that_only_tells_refuses_nothing_and_counts_on(of, now):
    of.limit(5, pauses=False, now=now)
    of.spend(20, now=now)
    (standing,) = limit_standings(of.session, of.account_id, now=now)
    assert (standing.used, standing.left, standing.is_reached) == (20, 0, True)


def test_refusals_come_in_order_paused_then_limit_then_credits(of, now):
    of.limit(10, now=now)
    with pytest.raises(SpendLimitReached):
        of.spend(5000, now=now)
    of.limit(10_000, now=now)
    with pytest.raises(InsufficientCredits):
        of.spend(5000, now=now)
    operations.pause_spending(of.session, of.account_id, now=now)
    of.limit(10, now=now)
    with pytest.raises(SpendingPaused):
        of.spend(5000, now=now)


def test_lines_of_a_batch_count_one_by_one_and_a_refused_one_counts_nothing(of, now):
    of.limit(1200, now=now)
    lines = [SpendLine(account_id=of.account_id, credits=n, key=f"b{n}") for n in (900, 1100, 400, 100, 1)]
    answers = [
        type(answer).__name__ if isinstance(answer, Exception) else answer.entry.credits
        for answer in spend_batch(of.session, lines, now=now)
    ]
    assert answers == [-900, "SpendLimitReached", "SpendLimitReached", -100, "InsufficientCredits"]
    assert of.stands(now) == (1000, 0)


def test_a_line_without_enough_credits_leaves_the_limit_to_the_next(of, now):
    of.limit(1500, now=now)
    lines = [SpendLine(account_id=of.account_id, credits=n, key=f"b{n}") for n in (1200, 1000)]
    short, paid = spend_batch(of.session, lines, now=now)
    assert isinstance(short, InsufficientCredits)
    assert paid.entry.credits == -1000


def test_a_key_that_is_told_again_is_answered_though_the_limit_is_reached(of, session, now):
    of.limit(10, now=now)
    first = spend(session, of.account_id, credits=10, key="once", now=now)
    again = spend(session, of.account_id, credits=10, key="once", now=now + HOUR)
    assert (again.replayed, again.entry) == (True, first.entry)
    assert of.stands(now) == (10, 0)


def test_a_refused_spend_leaves_nothing_and_its_key_is_free(of, session, now):
    of.limit(10, now=now)
    before = session.execute(text("SELECT used, held FROM limit_windows")).all()
    with pytest.raises(SpendLimitReached):
        of.tell("spend", credits=11, key="free", now=now)
    assert session.execute(text("SELECT used, held FROM limit_windows")).all() == before
    of.tell("spend", credits=10, key="free", now=now)
    assert of.stands(now) == (10, 0)


def test_saying_that_it_happened_earlier_does_not_get_round_a_limit(of, now):
    of.limit(10, now=now)
    of.spend(10, occurred_at=now - 3 * DAY, now=now)
    with pytest.raises(SpendLimitReached):
        of.spend(1, occurred_at=now - 3 * DAY, now=now)
    assert of.stands(now) == (10, 0)


def test_a_writer_whose_clock_is_behind_counts_in_the_window_of_its_own_clock(of, now):
    """At the edge of a window two clocks may differ: each window takes what was written in it, and no more."""
    of.limit(10, now=now)
    of.spend(6, now=MIDNIGHT)
    of.spend(4, now=MIDNIGHT - INSTANT)
    of.spend(4, now=MIDNIGHT + HOUR)
    assert (of.stands(MIDNIGHT - INSTANT), of.stands(MIDNIGHT)) == ((4, 0), (10, 0))
    of.spend(6, now=MIDNIGHT - INSTANT)
    for late in (MIDNIGHT - INSTANT, MIDNIGHT):
        with pytest.raises(SpendLimitReached):
            of.spend(1, now=late)


def test_owner_and_operator_pause_and_resume_each_for_themselves(of, session, now):
    assert operations.pause_as_owner(session, of.account_id, now=now) is True
    assert operations.pause_as_owner(session, of.account_id, now=now + HOUR) is False
    with pytest.raises(SpendingPaused) as refused:
        of.spend(1, now=now)
    assert refused.value.facts == {"paused_at": now.isoformat(), "paused_by": "owner"}
    operations.pause_spending(session, of.account_id, now=now + HOUR)
    assert operations.resume_as_owner(session, of.account_id) is True
    with pytest.raises(SpendingPaused) as refused:
        of.hold(1, now=now)
    assert refused.value.facts["paused_by"] == "operator"
    assert operations.resume_as_owner(session, of.account_id) is False
    operations.pause_as_owner(session, of.account_id, now=now)
    operations.resume_spending(session, of.account_id)
    with pytest.raises(SpendingPaused):
        of.spend(1, now=now)
    operations.resume_as_owner(session, of.account_id)
    assert of.spend(1, now=now)
