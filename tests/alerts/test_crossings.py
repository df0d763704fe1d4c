"""Which thresholds stand, from facts alone: no database."""

import datetime as dt
from dataclasses import replace

import pytest

from webapp.alerts.crossings import crossings, dismissed_at, is_dismissible, is_over
from webapp.alerts.facts import AccountFacts, Choices, Known
from webapp.alerts.models import RaisedAlert
from webapp.billing.models import Purchase
from webapp.billing.subscriptions.models import Subscription
from webapp.ledger.allowances import Allowance
from webapp.ledger.balances import Balance, LotFacts
from webapp.ledger.limits.facts import LimitStanding, SpendLimit, Window

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MONTH_ENDS = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
ALL = Choices(allowance_50=True, low_credits=100)


def stands(available=1000, *, used=0, lots=(), limits=0, debt=0):
    kinds = {"allowance": 0, "bonus": 0, "purchased": available}
    return Balance(1, available, 0, 0, debt, available - debt, kinds, tuple(lots), 0, used, False, "UTC", None, limits)


def facts(balance=None, **more):
    none = {"allowance": None, "limits": (), "subscription": None, "failed_purchase": None, "now": NOW}
    return AccountFacts(balance or stands(), **none | more)


def allowance(used, limit=500, ends_at=MONTH_ENDS):
    return Allowance(ends_at, limit, limit - used, 0, 0, used)


def limit(counted, *, of=100, pauses=True, key_id=0, held=0, day=20):
    window = Window(NOW.replace(day=day, hour=0), NOW.replace(day=day, hour=0) + dt.timedelta(days=1))
    return LimitStanding(SpendLimit(key_id, "day", of, pauses, False), window, counted - held, held, is_stored=True)


def lot(days, credits=10, kind="bonus", grant=1):
    return LotFacts(grant, kind, credits, credits, NOW + dt.timedelta(days=days))


def stored(crossing, **more):
    """The row that a crossing becomes."""
    row = {name: getattr(crossing, name) for name in ("kind", "subject", "occasion", "threshold", "id", "facts")}
    return RaisedAlert(account_id=1, raised_at=NOW, ends_at=crossing.ends_at, **row | more)


def found(given, choices=ALL, raised=()):
    return crossings(given, Known(choices, tuple(raised)))


def thresholds(given, choices=ALL, raised=()):
    return [(crossing.kind, crossing.threshold) for crossing in found(given, choices, raised)]


@pytest.mark.parametrize(
    ("used", "told"), [(0, []), (249, []), (250, [50]), (399, [50]), (400, [80]), (499, [80]), (500, [100])]
)
def test_an_allowance_is_told_at_the_share_that_was_chosen_and_not_a_credit_before(used, told):
    assert thresholds(facts(allowance=allowance(used))) == [("allowance", share) for share in told]


@pytest.mark.parametrize(("used", "told"), [(250, []), (400, [80]), (500, [100])])
def test_by_default_half_an_allowance_is_not_told(used, told):
    assert thresholds(facts(allowance=allowance(used)), Choices()) == [("allowance", share) for share in told]


def test_a_share_that_is_no_whole_number_of_credits_is_reached_by_the_credit_above_it():
    assert thresholds(facts(allowance=allowance(5, 7))) == [("allowance", 50)], "5 of 7 are 71.4 %"
    assert thresholds(facts(allowance=allowance(6, 7))) == [("allowance", 80)]


def test_a_jump_over_several_thresholds_is_one_crossing_at_the_worst():
    assert thresholds(facts(allowance=allowance(500))) == [("allowance", 100)]


def test_what_falls_back_and_rises_again_is_the_crossing_that_was_seen():
    (first,) = found(facts(allowance=allowance(500)))
    row = stored(first, dismissed_at=NOW)
    assert thresholds(facts(allowance=allowance(10)), raised=[row]) == []
    assert not is_over(row, (), now=NOW), "the period goes on"
    (again,) = found(facts(allowance=allowance(420)), raised=[row])
    assert (again.id, again.facts["used"]) == (first.id, 420)
    assert dismissed_at(again, [row]) == NOW


def test_the_next_threshold_and_the_next_period_are_other_crossings():
    (at_80,) = found(facts(allowance=allowance(400)))
    row = stored(at_80, dismissed_at=NOW)
    (at_100,) = found(facts(allowance=allowance(500)), raised=[row])
    (next_month,) = found(facts(allowance=allowance(400, ends_at=MONTH_ENDS + dt.timedelta(31))), raised=[row])
    assert len({at_80.id, at_100.id, next_month.id}) == 3
    assert dismissed_at(at_100, [row]) is dismissed_at(next_month, [row]) is None
    assert is_over(row, (next_month,), now=MONTH_ENDS)
    assert not is_over(row, (next_month,), now=MONTH_ENDS - dt.timedelta(seconds=1))


def test_an_allowance_of_nothing_or_without_an_end_crosses_nothing():
    assert thresholds(facts(allowance=allowance(0, 0))) == []
    assert thresholds(facts(allowance=allowance(500, ends_at=None))) == []


@pytest.mark.parametrize(("available", "told"), [(101, []), (100, []), (99, [("low", 100)])])
def test_a_balance_is_low_under_the_chosen_line_and_not_on_it(available, told):
    assert thresholds(facts(stands(available))) == told


def test_nobody_is_told_of_a_low_balance_by_default():
    assert thresholds(facts(stands(1)), Choices()) == []


def test_each_fall_of_the_balance_is_an_episode_of_its_own():
    (first,) = found(facts(stands(99)))
    row = stored(first, dismissed_at=NOW)
    (same,) = found(facts(stands(5)), raised=[row])
    assert same.id == first.id
    assert is_over(row, found(facts(stands(100)), raised=[row]), now=NOW)
    row.ended_at = NOW
    (second,) = found(facts(stands(99)), raised=[row])
    assert (first.occasion, second.occasion) == ("00000001", "00000002")
    assert dismissed_at(second, [row]) is None


def test_a_lower_line_is_a_worse_threshold_and_a_higher_one_is_not_told_again():
    (under_100,) = found(facts(stands(40)))
    row = stored(under_100)
    (under_50,) = found(facts(stands(40)), replace(ALL, low_credits=50), [row])
    (under_200,) = found(facts(stands(40)), replace(ALL, low_credits=200), [row])
    assert under_50.id != under_100.id == under_200.id


def test_out_of_credits_goes_before_a_low_balance_unless_that_was_told_before():
    gone = facts(stands(0, used=20))
    assert thresholds(gone) == [("depleted", 0)]
    (low,) = found(facts(stands(5, used=15)))
    assert thresholds(gone, raised=[stored(low)]) == [("depleted", 0), ("low", 100)], "its episode isn't over"


def test_an_account_that_never_used_anything_is_not_out_of_credits():
    assert thresholds(facts(stands(0)), Choices()) == []


def test_credits_that_come_back_end_the_episode_and_are_told_for_a_day():
    (out,) = found(facts(stands(0, used=20)), Choices())
    row = stored(out)
    (back,) = found(facts(stands(500, used=20)), Choices(), [row])
    assert (back.kind, back.occasion) == ("recovered", out.occasion)
    assert is_over(row, (back,), now=NOW)
    row.ended_at, told = NOW, stored(back)
    later = facts(stands(500, used=20), now=NOW + dt.timedelta(hours=23))
    assert thresholds(later, Choices(), [row, told]) == [("recovered", 0)]
    assert thresholds(replace(later, now=NOW + dt.timedelta(days=1)), Choices(), [row, told]) == []
    (again,) = found(facts(stands(0, used=520)), Choices(), [row, told])
    assert (again.kind, again.occasion) == ("depleted", "00000002")


def test_who_was_never_seen_out_of_credits_is_not_told_of_new_ones():
    assert thresholds(facts(stands(500, used=20)), Choices()) == []


@pytest.mark.parametrize(
    ("days", "told"), [(30.01, []), (30, [30]), (7.01, [30]), (7, [7]), (1.01, [7]), (1, [1]), (0.01, [1])]
)
def test_credits_that_expire_are_told_30_days_7_days_and_a_day_before(days, told):
    assert thresholds(facts(stands(lots=[lot(days)]))) == [("expiring", share) for share in told]


def test_an_allowance_that_ends_is_not_told_as_expiring_and_nothing_is_if_nobody_wants_to_hear_it():
    assert thresholds(facts(stands(lots=[lot(1, kind="allowance"), LotFacts(2, "bonus", 5, 5, None)]))) == []
    assert thresholds(facts(stands(lots=[lot(1)])), replace(ALL, expiring=False)) == []


def test_each_grant_that_expires_is_told_by_itself_soonest_first():
    both = found(facts(stands(lots=[lot(20, grant=1), lot(5, grant=2)])))
    assert [(crossing.subject, crossing.threshold) for crossing in both] == [("2", 7), ("1", 30)]


def test_a_day_before_is_worse_than_a_week_before():
    (week,) = found(facts(stands(lots=[lot(5)])))
    row = stored(week, dismissed_at=NOW)
    (day,) = found(facts(stands(lots=[lot(1)])), raised=[row])
    assert day.threshold == 1
    assert dismissed_at(day, [row]) is None


@pytest.mark.parametrize(("counted", "told"), [(79, []), (80, [80]), (99, [80]), (100, [100]), (140, [100])])
def test_a_spend_limit_is_told_at_80_and_at_100_percent(counted, told):
    assert thresholds(facts(limits=[limit(counted)])) == [("limit", share) for share in told]


def test_open_holds_count_toward_a_limit():
    assert thresholds(facts(limits=[limit(100, held=90)])) == [("limit", 100)]


def test_whoever_wants_to_hear_nothing_of_limits_hears_of_one_that_pauses():
    silent = replace(ALL, limits=False)
    assert thresholds(facts(limits=[limit(100), limit(80, key_id=7)]), silent) == [("limit", 100)]
    assert thresholds(facts(limits=[limit(100, pauses=False)]), silent) == []


def test_another_window_another_limit_and_another_end_of_it_are_told_anew():
    ids = {
        found(facts(limits=[one]))[0].id
        for one in (
            limit(100),
            limit(100, day=21),
            limit(200, of=200),
            limit(100, pauses=False),
            limit(100, key_id=7),
        )
    }
    assert len(ids) == 5


def test_only_what_stops_use_or_a_payment_can_not_be_put_away():
    given = facts(
        stands(0, used=9),
        allowance=allowance(500),
        limits=[limit(100), limit(100, pauses=False, key_id=1), limit(80, key_id=2)],
        failed_purchase=Purchase(id="p1", pack_slug="small"),
    )
    assert [
        (crossing.kind, crossing.subject)
        for crossing in found(given)
        if not is_dismissible(crossing.kind, crossing.threshold, crossing.facts)
    ] == [("depleted", ""), ("payment", "p1"), ("limit", "0:day")]


def test_a_failed_payment_of_a_plan_is_one_crossing_however_often_it_is_tried():
    def failing(attempt, **more):
        row = Subscription(id="sub_1", problem="failed", problem_attempt=attempt, **more)
        return [crossing.id for crossing in found(facts(subscription=row))]

    assert failing("in_1:1") == failing("in_1:2") != failing("in_2:1")
    assert failing("in_1:1", ended_at=NOW) == []
    assert found(facts(subscription=Subscription(id="sub_1", problem="", problem_attempt=""))) == ()
