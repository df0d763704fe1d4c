"""Where holds, captures, releases and reverses count; each window is compared with its entries after each look."""

import datetime as dt
import random

import pytest
from sqlalchemy import text

from webapp.ledger.errors import LedgerRefusal, SpendLimitReached
from webapp.ledger.operations import expire

HOUR = dt.timedelta(hours=1)
MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
EVENING = MIDNIGHT - HOUR / 2
NIGHT = MIDNIGHT + HOUR / 4


@pytest.fixture
def limited(of, now):
    """A limit of the account that is never reached, and one of key 7."""
    of.limit(500, now=now)
    of.limit(500, key_id=7, now=now)
    return of


def stands(of, moment):
    """(used, held) of the account, and of key 7."""
    return of.stands(moment), of.stands(moment, key_id=7)


def test_an_open_hold_counts_for_its_key(limited, now):
    limited.hold(20, key_id=7, now=now)
    limited.hold(5, key_id=8, now=now)
    assert stands(limited, now) == ((0, 25), (0, 20))


@pytest.mark.parametrize(("captured", "used"), [(5, 5), (20, 20), (28, 28)])
def test_a_capture_below_at_or_above_its_hold_counts_what_it_took(limited, now, captured, used):
    hold = limited.hold(20, key_id=7, now=now)
    limited.capture(hold, captured, key_id=7, now=now)
    assert stands(limited, now) == ((used, 0), (used, 0))


def test_a_capture_by_another_key_counts_with_the_hold_and_only_what_is_above_with_itself(limited, now):
    hold = limited.hold(20, key_id=7, now=now)
    limited.capture(hold, 26, key_id=8, now=now)
    assert stands(limited, now) == ((26, 0), (20, 0))
    hold = limited.hold(10, key_id=8, now=now)
    limited.capture(hold, 13, key_id=7, now=now)
    assert stands(limited, now) == ((39, 0), (23, 0))


def test_a_capture_counts_in_the_window_of_its_hold_and_what_is_above_in_its_own(limited):
    hold = limited.hold(20, key_id=7, now=EVENING)
    limited.spend(1, now=NIGHT)
    assert stands(limited, NIGHT) == ((1, 0), (0, 0))
    limited.capture(hold, 28, key_id=7, now=NIGHT)
    assert stands(limited, EVENING) == ((20, 0), (20, 0))
    assert stands(limited, NIGHT) == ((9, 0), (8, 0))


def test_a_capture_within_its_hold_is_honoured_whatever_the_limit_says(of, now):
    hold = of.hold(20, now=now)
    of.limit(5, may_stop_now=True, now=now)
    of.capture(hold, 20, now=now)
    assert of.stands(now) == (20, 0)


def test_what_a_capture_takes_above_its_hold_is_refused_beyond_the_limit_and_the_hold_stays(of, now):
    of.limit(25, now=now)
    hold = of.hold(20, now=now)
    with pytest.raises(SpendLimitReached) as refused:
        of.capture(hold, 26, now=now)
    assert (refused.value.facts["needed"], refused.value.facts["left"]) == (6, 5)
    assert of.stands(now) == (0, 20)
    of.capture(hold, 25, now=now)
    assert of.stands(now) == (25, 0)


def test_a_release_lets_go_where_the_hold_was_made(limited):
    hold = limited.hold(20, key_id=7, now=EVENING)
    limited.hold(3, now=NIGHT)
    limited.release(hold, now=NIGHT)
    assert stands(limited, EVENING) == ((0, 0), (0, 0))
    assert stands(limited, NIGHT) == ((0, 3), (0, 0))


def test_a_hold_counts_until_the_entry_of_its_end_is_written(limited, session, now):
    limited.hold(20, key_id=7, lasts_seconds=60, now=now)
    assert stands(limited, now + HOUR) == ((0, 20), (0, 20))
    expire(session, limited.account_id, now=now + HOUR)
    assert stands(limited, now + HOUR) == ((0, 0), (0, 0))


def test_a_reverse_takes_off_where_the_spend_was_counted(limited):
    used = limited.spend(20, key_id=7, now=EVENING)
    limited.spend(4, now=NIGHT)
    limited.reverse(used, 15, now=NIGHT)
    assert stands(limited, EVENING) == ((5, 0), (5, 0))
    assert stands(limited, NIGHT) == ((4, 0), (0, 0))


def test_a_reverse_of_a_capture_above_its_hold_takes_off_first_what_was_above(limited):
    hold = limited.hold(20, key_id=7, now=EVENING)
    capture = limited.capture(hold, 30, key_id=7, now=NIGHT)
    for returned, above, within in ((4, 6, 20), (8, 0, 18), (18, 0, 0)):
        limited.reverse(capture, returned, now=NIGHT + HOUR)
        assert stands(limited, NIGHT) == ((above, 0), (above, 0))
        assert stands(limited, EVENING) == ((within, 0), (within, 0))


def test_what_is_returned_may_be_used_again(of, now):
    of.limit(10, now=now)
    used = of.spend(10, now=now)
    of.reverse(used, 4, now=now)
    of.spend(4, now=now)
    with pytest.raises(SpendLimitReached):
        of.spend(1, now=now)


def test_a_limit_set_in_the_middle_of_its_window_counts_what_was_before(of, now):
    hold = of.hold(20, key_id=7, now=EVENING)
    capture = of.capture(hold, 30, key_id=7, now=NIGHT)
    of.reverse(capture, 12, now=NIGHT)
    of.hold(5, key_id=7, now=NIGHT)
    of.limit(500, now=NIGHT)
    of.limit(500, "month", key_id=7, now=NIGHT)
    of.limit(500, key_id=8, now=NIGHT)
    assert of.stands(NIGHT) == (0, 5)
    assert of.stands(NIGHT, key_id=7, period="month") == (18, 5)
    assert of.stands(NIGHT, key_id=8) == (0, 0)


def test_another_time_zone_counts_its_own_day_anew(of):
    at = dt.datetime(2026, 11, 20, 12, 30, tzinfo=dt.UTC)
    of.limit(10, now=at)
    of.spend(6, now=at - 3 * HOUR)
    hold = of.hold(3, lasts_seconds=4 * 3600, now=at - 2 * HOUR)
    of.spend(1, now=at)
    of.zone("Pacific/Kiritimati")  # where the day began at 10:00 UTC
    assert of.stands(at) == (1, 3)
    of.capture(hold, 3, now=at)
    of.spend(6, now=at)
    with pytest.raises(SpendLimitReached):
        of.spend(1, now=at)
    of.zone("UTC")
    assert of.stands(at) == (16, 0)


def test_the_same_time_zone_again_forgets_no_window(of, session, now):
    of.limit(10, now=now)
    of.zone("UTC")
    assert session.execute(text("SELECT count(*) FROM limit_windows")).scalar() == 1


def test_windows_that_are_long_over_are_forgotten(of, session, now):
    of.limit(10, now=now)
    for days in range(6):
        of.spend(1, now=now + days * 24 * HOUR)
    assert session.execute(text("SELECT count(*) FROM limit_windows")).scalar() <= 4


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_each_window_is_what_its_entries_say(of, seed):
    """A random walk over three midnights, with a look after each step: `stands` verifies the account."""
    chance, moment = random.Random(seed), EVENING
    of.limit(60, now=moment)
    of.limit(40, "week", key_id=7, pauses=False, now=moment)
    of.limit(90, "month", now=moment)
    holds, uses, refused = [], [], 0
    for _ in range(40):
        moment += chance.choice((0, 0, 1, 4)) * HOUR
        try:
            with of.session.begin_nested():
                step(of, chance, holds, uses, moment)
        except LedgerRefusal:
            refused += 1
        of.stands(moment)
    assert refused
    assert uses


def step(of, chance, holds, uses, moment):
    part, key_id = chance.randint(1, 20), chance.choice((0, 7))
    acts = [lambda: uses.append(of.spend(part, key_id=key_id, now=moment))]
    acts += [lambda: holds.append(of.hold(part, key_id=key_id, lasts_seconds=4 * 3600, now=moment))] * 2
    if holds:
        acts.append(lambda: uses.append(of.capture(chance.choice(holds), part, key_id=key_id, now=moment)))
        acts.append(lambda: of.release(chance.choice(holds), now=moment))
    if uses:
        acts.append(lambda: of.reverse(chance.choice(uses), chance.randint(1, 6), now=moment))
    if chance.random() < 0.1:
        acts = [lambda: of.zone(chance.choice(("UTC", "America/Havana")))]
    chance.choice(acts)()
