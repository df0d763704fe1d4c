import datetime as dt

import pytest
from sqlalchemy import text

from tests.ledger.by_hand import insert, post
from webapp.ledger.errors import InvalidRequest
from webapp.ledger.facts import LotTouched
from webapp.ledger.history import TYPES
from webapp.ledger.models import ENTRY_KINDS
from webapp.ledger.operations import expire, open_account, spend
from webapp.ledger.queries import entry, history
from webapp.ledger.verify import verify

DAY = dt.timedelta(days=1)


@pytest.fixture
def story(session, account_id, give, now):
    """Every kind of entry there is, one day after the other: entry n was written on day n."""

    def day(number):
        return now + number * DAY

    def by_hand(number, kind, *moves, **facts):
        assert post(session, account_id, kind, moves, now=day(number), **facts) == number

    give(100, now=day(1), source_kind="purchase", source_id="p1")
    give(20, "bonus", now=day(2), expires_at=day(5))
    spend(session, account_id, credits=30, key="k", now=day(3))
    by_hand(4, "hold", (1, "available", "held", 10))
    insert_hold(session, account_id, 4, 10, "captured", 6, now=day(4))
    used = {"used_on": day(5).date()}
    by_hand(5, "capture", (1, "held", "spent", 6), (1, "held", "available", 4), hold_seq=4, **used)
    by_hand(6, "hold", (1, "available", "held", 1))
    insert_hold(session, account_id, 6, 1, "released", 0, now=day(6))
    by_hand(7, "release", (1, "held", "available", 1), hold_seq=6)
    by_hand(8, "reverse", (2, "spent", "available", 20), reverses_seq=3, used_on=day(3).date())
    expire(session, account_id, now=day(9))
    by_hand(10, "freeze", (1, "available", "frozen", 5))
    by_hand(11, "unfreeze", (1, "frozen", "available", 5))
    by_hand(12, "void", (1, "available", "voided", 2))
    by_hand(13, "takeback", (1, "available", "voided", 4))
    by_hand(14, "giveback", (1, "voided", "available", 4))
    give(9, "allowance", now=day(15))
    return account_id


def insert_hold(session, account_id, seq, credits, state, captured, *, now):
    facts = {"seq": seq, "credits": credits, "captured": captured, "state": state}
    insert(session, "holds", account_id=account_id, **facts, expires_at=now, created_at=now)


def seqs(page):
    return [found.seq for found in page.entries]


def test_entries_are_told_newest_first_with_the_running_balance(session, story, now):
    entries = history(session, story, now=now).entries
    assert [(found.seq, found.credits, found.balance_after) for found in entries] == [
        (15, 9, 91),
        (14, 4, 82),
        (13, -4, 78),
        (12, -2, 82),
        (11, 0, 84),
        (10, 0, 84),
        (9, -20, 84),
        (8, 20, 104),
        (7, 0, 84),
        (6, 0, 84),
        (5, -6, 84),
        (4, 0, 90),
        (3, -30, 90),
        (2, 20, 120),
        (1, 100, 100),
    ]


@pytest.mark.parametrize(
    ("type", "expected"),
    [
        ("transactions", list(range(15, 0, -1))),
        ("purchases", [1]),
        ("grants", [15, 2]),
        ("usage", [8, 7, 6, 5, 4, 3]),
        ("refunds", [14, 13, 12, 11, 10]),
        ("expired", [9]),
    ],
)
def test_each_entry_is_told_under_its_type(session, story, now, type, expected):
    assert seqs(history(session, story, type=type, now=now)) == expected


def test_every_kind_of_entry_has_one_type():
    told = [kind for name, kinds in TYPES.items() if name != "purchases" for kind in kinds]
    assert sorted(told) == sorted(ENTRY_KINDS)


@pytest.mark.parametrize(
    ("seq", "lots"),
    [
        (1, [LotTouched(1, "purchased", 100)]),
        (3, [LotTouched(2, "bonus", 20), LotTouched(1, "purchased", 10)]),
        (4, [LotTouched(1, "purchased", 10)]),
        (5, [LotTouched(1, "purchased", 6)]),
        (7, [LotTouched(1, "purchased", 1)]),
        (8, [LotTouched(2, "bonus", 20)]),
        (9, [LotTouched(2, "bonus", 20)]),
        (10, [LotTouched(1, "purchased", 5)]),
        (11, [LotTouched(1, "purchased", 5)]),
        (12, [LotTouched(1, "purchased", 2)]),
        (13, [LotTouched(1, "purchased", 4)]),
        (14, [LotTouched(1, "purchased", 4)]),
    ],
)
def test_an_entry_tells_what_it_moved_in_each_lot(session, story, seq, lots):
    assert list(entry(session, story, seq).lots) == lots


def test_an_entry_that_takes_held_and_available_credits_tells_the_lot_once(session, account_id, give, now):
    give(10)
    post(session, account_id, "hold", [(1, "available", "held", 3)], now=now)
    moves = [(1, "held", "spent", 3), (1, "available", "spent", 4)]
    post(session, account_id, "capture", moves, hold_seq=2, used_on=now.date(), now=now)
    assert entry(session, account_id, 3).lots == (LotTouched(1, "purchased", 7),)


def test_a_reverse_says_what_it_reverses(session, story):
    assert entry(session, story, 8).reverses_seq == 3


def test_there_is_no_entry_with_that_number(session, story):
    assert entry(session, story, 16) is None


def test_pages_follow_each_other_without_gap_or_overlap(session, story, now):
    pages, before_seq = [], None
    while True:
        page = history(session, story, before_seq=before_seq, limit=4, now=now)
        pages.append(seqs(page))
        before_seq = page.next_before_seq
        if before_seq is None:
            break
    assert pages == [[15, 14, 13, 12], [11, 10, 9, 8], [7, 6, 5, 4], [3, 2, 1]]


def test_a_page_that_ends_with_the_last_entry_has_no_next(session, story, now):
    assert history(session, story, limit=15, now=now).next_before_seq is None
    assert history(session, story, limit=14, now=now).next_before_seq == 2
    assert history(session, story, type="usage", limit=6, now=now).next_before_seq is None


def test_a_page_stays_the_same_while_new_entries_arrive(session, story, give, now):
    second = history(session, story, before_seq=12, limit=3, now=now)
    give(1, now=now + 20 * DAY)
    assert history(session, story, before_seq=12, limit=3, now=now) == second


def test_since_is_included_and_until_is_not(session, story, now):
    page = history(session, story, since=now + 3 * DAY, until=now + 6 * DAY, now=now)
    assert seqs(page) == [5, 4, 3]
    assert seqs(history(session, story, since=now + 14 * DAY + dt.timedelta(microseconds=1), now=now)) == [15]
    assert seqs(history(session, story, type="grants", until=now + 3 * DAY, now=now)) == [2]


def test_a_page_has_at_most_a_hundred_entries(session, account_id, give, now):
    for _ in range(103):
        give(1)
    page = history(session, account_id, limit=1000, now=now)
    assert (len(page.entries), page.next_before_seq) == (100, 4)


@pytest.mark.parametrize(
    "facts",
    [
        {"type": "everything"},
        {"type": ""},
        {"limit": 0},
        {"limit": -1},
        {"before_seq": -1},
        {"before_seq": 2**63},
        {"since": dt.datetime(2026, 1, 1)},  # noqa: DTZ001  # that is the point
        {"until": dt.datetime(2026, 1, 1)},  # noqa: DTZ001  # that is the point
    ],
    ids=repr,
)
def test_what_no_page_can_be_is_refused(session, account_id, now, facts):
    with pytest.raises(InvalidRequest):
        history(session, account_id, **facts, now=now)


def test_another_accounts_entries_are_not_told(session, story, now):
    other = open_account(session, now=now)
    assert history(session, other, now=now).entries == ()
    assert entry(session, other, 1) is None


def test_the_story_holds_every_invariant(session, story, now):
    usage = {"used_on": (now + 5 * DAY).date(), "meter": "", "key_id": 0, "grant_kind": "purchased"}
    insert(session, "usage_daily", account_id=story, **usage, credits=6, count=1)
    reversed_use = text("UPDATE usage_daily SET credits = 0 WHERE account_id = :id AND grant_kind = 'bonus'")
    session.execute(reversed_use, {"id": story})
    assert verify(session, story, now=now).faults == ()
