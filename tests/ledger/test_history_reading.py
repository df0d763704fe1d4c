"""What the history page is made of: places by time, searches, stretches, counts, traces. On both databases."""

import datetime as dt

import pytest

from webapp.ledger import history as paging
from webapp.ledger import searching
from webapp.ledger.history import TYPES
from webapp.ledger.operations import capture, expire, hold, release, reverse, settle_takeback, spend, void
from webapp.ledger.queries import (
    Search,
    change_since,
    count_entries,
    history,
    stretch,
    totals,
    traces,
)
from webapp.ledger.spans import first_since

HOUR = dt.timedelta(hours=1)
END = 17  # after the last of them


@pytest.fixture
def busy(session, account_id, give, now):
    """Every kind of entry but those of disputes, an hour after the other."""

    def use(hours, credits, **more):
        return spend(session, account_id, credits=credits, key=f"s{hours}", now=now + hours * HOUR, **more)

    give(100, source_kind="purchase", source_id="p1", description="Popular pack", now=now)
    give(20, "bonus", expires_at=now + 5 * HOUR, now=now + HOUR)
    use(2, 30, description="Outbound CALL to Überlingen", meter="call_minute", quantity=10)
    use(3, 5, meter="transcript", quantity=5)
    use(4, 1)
    give(7, "allowance", expires_at=now + 6 * HOUR, now=now + 5 * HOUR)
    expire(session, account_id, now=now + 7 * HOUR)
    lasts = {"lasts_seconds": 3600, "now": now + 8 * HOUR}
    first = hold(session, account_id, credits=6, key="h1", **lasts).entry.seq
    capture(session, account_id, hold_seq=first, credits=4, key="c1", now=now + 8 * HOUR)
    second = hold(session, account_id, credits=6, key="h2", description="A call", **lasts).entry.seq
    release(session, account_id, hold_seq=second, key="r1", now=now + 8 * HOUR)
    reverse(session, account_id, entry_seq=3, credits=9, key="rev", now=now + 9 * HOUR)
    void(session, account_id, grant_seq=1, credits=2, key="v", description="Adjustment", now=now + 10 * HOUR)
    refund(session, account_id, 100, now + 11 * HOUR)
    return account_id


def refund(session, account_id, minor, now):
    money = {"total_minor": 100, "returned_minor": minor, "disputed_minor": 0}
    settle_takeback(session, account_id, source_kind="purchase", source_id="p1", **money, now=now)


def everything(session, account_id, now):
    return history(session, account_id, limit=100, now=now).entries


def seqs(page):
    return [entry.seq for entry in page.entries]


def test_a_place_by_time_is_the_first_entry_written_then_or_later(session, busy, now):
    entries = everything(session, busy, now)[::-1]
    for moment in sorted({entry.created_at for entry in entries} | {now - HOUR, now + 100 * HOUR, now + HOUR / 2}):
        expected = next((entry.seq for entry in entries if entry.created_at >= moment), len(entries) + 1)
        assert first_since(session, busy, moment) == expected
    assert first_since(session, busy + 1, now) == 1


@pytest.mark.parametrize("minutes", [(0, 10, 20, 16, 30), (0, 20, 16, 30, 40)])
def test_what_was_written_by_a_clock_that_was_late_is_told_in_its_time(session, account_id, give, now, minutes):
    at = [now + dt.timedelta(minutes=number) for number in minutes]
    for moment in at:
        give(1, now=moment)
    moment = now + dt.timedelta(minutes=17)
    for facts, expected in (
        ({"since": moment}, [seq for seq in range(5, 0, -1) if at[seq - 1] >= moment]),
        ({"until": moment}, [seq for seq in range(5, 0, -1) if at[seq - 1] < moment]),
    ):
        assert seqs(history(session, account_id, **facts, now=now)) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        (Search("call"), [10, 3]),
        (Search("OUTBOUND call"), [3]),
        (Search("pack"), [1]),
        (Search("%"), []),
        (Search("_"), []),
        (Search("zzz", meters=("transcript",)), [4]),
        (Search("zzz", kinds=("hold", "release")), [11, 10, 8]),
        (Search("zzz", bare_kinds=("spend",)), [5]),
        (Search("zzz", grant_kinds=("bonus",)), [14, 2]),
        (Search("zzz", source_ids=("p1",)), [16, 1]),
        (Search("adjustment", grant_kinds=("allowance",)), [15, 6]),
    ],
)
def test_a_search_finds_descriptions_and_what_pages_call_entries(session, busy, now, search, expected):
    assert seqs(history(session, busy, search=search, now=now)) == expected


def test_a_search_knows_large_letters_beyond_ascii(session, busy, now):
    assert seqs(history(session, busy, search=Search("ÜBERLINGEN"), now=now)) == [3]


def test_a_search_looks_through_so_many_and_says_how_far_it_came(session, account_id, give, now, monkeypatch):
    monkeypatch.setattr(paging, "SEARCHED_AT_ONCE", 4)
    for number in range(10):
        give(1, description="odd" if number % 2 else "even", now=now + number * HOUR)
    first = history(session, account_id, search=Search("odd"), now=now)
    assert (seqs(first), first.next_before_seq, first.looked_back_to) == ([10, 8], 7, now + 6 * HOUR)
    second = history(session, account_id, search=Search("odd"), before_seq=7, now=now)
    assert (seqs(second), second.next_before_seq) == ([6, 4], 3)
    last = history(session, account_id, search=Search("odd"), before_seq=3, now=now)
    assert (seqs(last), last.next_before_seq, last.looked_back_to) == ([2], None, None)
    short = history(session, account_id, search=Search("e"), limit=1, now=now)
    assert (seqs(short), short.next_before_seq, short.looked_back_to) == ([9], 9, None)
    assert searching.SEARCHED_AT_ONCE > 1000, "only this test looks so little"


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("size", [1, 4, 100])
def test_stretches_walk_through_what_pages_show(session, busy, now, type, size):
    expected = seqs(history(session, busy, type=type, limit=100, now=now))
    walked, looked, before_seq = [], 0, END
    while before_seq is not None:
        found = stretch(session, busy, type=type, before_seq=before_seq, size=size)
        walked += seqs(found)
        looked += found.looked
        before_seq = found.next_before_seq
    assert walked == expected
    assert looked == len(expected) == count_entries(session, busy, type=type, before_seq=END)


def test_a_stretch_of_a_search_tells_how_many_it_looked_through(session, busy):
    found = stretch(session, busy, type="usage", search=Search("call"), before_seq=END, size=100)
    assert seqs(found) == [10, 3]
    assert found.looked == count_entries(session, busy, type="usage", before_seq=END) > 2


@pytest.mark.parametrize("type", TYPES)
def test_counts_and_changes_are_those_of_the_entries(session, busy, now, type):
    for hours in range(-1, 14):
        since = now + hours * HOUR
        within = history(session, busy, type=type, since=since, limit=100, now=now).entries
        assert count_entries(session, busy, type=type, since=since, before_seq=END) == len(within)
        until = history(session, busy, type=type, until=since, limit=100, now=now).entries
        assert count_entries(session, busy, type=type, until=since, before_seq=END) == len(until)
        if within:
            older = [entry.credits for entry in within[1:]]
            assert change_since(session, busy, type=type, since=since, before_seq=within[0].seq) == sum(older)


def test_a_change_of_too_many_entries_is_not_worked_out(session, busy, now, monkeypatch):
    monkeypatch.setattr("webapp.ledger.counting.SUMMED_AT_ONCE", 3)
    assert change_since(session, busy, type="usage", since=now, before_seq=END) is None
    assert change_since(session, busy, type="transactions", since=now, before_seq=14) is not None


def test_a_trace_names_the_grants_behind_each_entry(session, busy, now):
    entries = everything(session, busy, now)
    found = traces(session, busy, [entry.seq for entry in entries])
    for entry in entries:
        told = [(lot.grant, lot.kind, lot.credits) for lot in found[entry.seq].lots]
        assert told == [(lot.grant, lot.kind, lot.credits) for lot in entry.lots]
    bonus, pack = found[3].lots
    assert (bonus.credits, bonus.description, bonus.expires_at) == (20, "", now + 5 * HOUR)
    assert (pack.credits, pack.description, pack.expires_at) == (10, "Popular pack", None)
    assert (pack.granted_at, pack.source_kind, pack.source_id) == (now, "purchase", "p1")


def test_a_trace_tells_of_the_debt_that_was_made_and_paid(session, account_id, give, now):
    give(100, source_kind="purchase", source_id="p1")
    spend(session, account_id, credits=90, key="s", now=now)
    refund(session, account_id, 100, now)
    give(30, "bonus")
    give(500)
    found = traces(session, account_id, [1, 2, 3, 4, 5])
    assert [(found[seq].made_debt, found[seq].paid_debt) for seq in (1, 2, 3, 4, 5)] == [
        *((0, 0), (0, 0), (90, 0), (0, 30), (0, 60))
    ]


def test_totals_are_what_became_of_what_was_received(session, busy, now):
    found = totals(session, busy, now=now + 12 * HOUR)
    entries = everything(session, busy, now)
    assert found.received == sum(entry.credits for entry in entries if entry.kind == "grant")
    assert found.used == -sum(entry.credits for entry in entries if entry.kind in {"spend", "capture", "reverse"})
    assert found.expired == -sum(entry.credits for entry in entries if entry.kind == "expire")
    assert found.taken == -sum(entry.credits for entry in entries if entry.kind in {"void", "takeback"})
    assert found.received - found.used - found.expired - found.taken == found.balance == entries[0].balance_after
    assert found.debt == -found.balance > 0
    assert found.purchased == 100
