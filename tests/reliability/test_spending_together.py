"""Spends of many writers, in threads of one process and in processes: all are told the truth, none is spent twice."""

from collections import Counter

import pytest

from tests.reliability.crowd import spend_at_once
from tests.reliability.work import LIMIT_OF_TEN

WRITERS = 64
CROWDS = {"threads": 1, "processes": 8}
SPENDS_EACH = 40
MOST_SECONDS = 1.0
TRIES = 3


@pytest.mark.parametrize("crowd", CROWDS)
def test_sixty_four_spends_of_a_balance_of_ten_succeed_ten_times(given, ledger, tmp_path, crowd, rounds):
    accounts = [ledger.account(10) for _ in range(rounds)]
    lists = [[(account_id, f"key-{writer}") for account_id in accounts] for writer in range(WRITERS)]
    told = spend_at_once(given, tmp_path, lists, processes=CROWDS[crowd])
    assert len(told) == rounds * WRITERS
    for account_id in accounts:
        mine = [one for one in told if one.account_id == account_id]
        spent = [one for one in mine if one.seq is not None]
        assert (len(mine), len(spent)) == (WRITERS, 10)
        assert sorted(one.seq for one in spent) == list(range(2, 12))
        assert sorted(one.available for one in spent) == list(range(10))
        assert {one.available for one in mine if one.seq is None} == {0}
        assert not any(one.is_replayed for one in mine)
        assert len(ledger.keys(account_id)) == 10
        ledger.assert_sound(account_id, available=0)


@pytest.mark.parametrize("crowd", CROWDS)
def test_sixty_four_spends_under_a_limit_of_ten_succeed_ten_times(given, ledger, tmp_path, crowd, rounds):
    """The same with holds among them, and with a limit that is set while they come: never above it from then on."""
    spending, mixed = ([ledger.account(100, LIMIT_OF_TEN) for _ in range(rounds)] for _ in range(2))
    unlimited = [ledger.account(100) for _ in range(rounds)]
    kinds = [("spend", account_id) for account_id in spending] + [("mixed", account_id) for account_id in mixed]
    kinds += [("set", account_id) for account_id in unlimited]
    lists = [[(account_id, key_of(kind, writer)) for kind, account_id in kinds] for writer in range(WRITERS)]
    told = spend_at_once(given, tmp_path, lists, processes=CROWDS[crowd])
    for kind, account_id in kinds:
        mine = [one for one in told if one.account_id == account_id]
        taken = [one for one in mine if one.seq is not None]
        refused = [one for one in mine if one.refused]
        used, held = ledger.counted(account_id)
        when_set = next((one.available for one in mine if one.key == "limit"), 0)
        assert len(taken) == used + held == max(10, when_set)
        assert {(one.refused, one.available) for one in refused} <= {("spend_limit_reached", 0)}
        assert len(refused) == WRITERS - (kind == "set") - len(taken)
        assert held == sum(one.key.startswith("hold") for one in taken)
        ledger.assert_sound(account_id, available=100 - len(taken))


def key_of(kind, writer):
    """Every other writer puts on hold where both are wanted; one in the midst sets the limit where it is set late."""
    if kind == "mixed" and writer % 2:
        return f"hold-{writer}"
    return "limit" if kind == "set" and writer == WRITERS // 2 else f"key-{writer}"


@pytest.mark.parametrize("crowd", CROWDS)
def test_fifty_requests_with_one_new_key_are_one_entry_and_equal_answers(given, ledger, tmp_path, crowd, rounds):
    accounts = [ledger.account(10) for _ in range(rounds)]
    lists = [[(account_id, "same") for account_id in accounts] for _ in range(50)]
    told = spend_at_once(given, tmp_path, lists, processes=CROWDS[crowd])
    for account_id in accounts:
        mine = [one for one in told if one.account_id == account_id]
        assert Counter((one.seq, one.available) for one in mine) == {(2, 9): 50}
        assert Counter(one.is_replayed for one in mine) == {True: 49, False: 1}
        assert ledger.keys(account_id) == ["same"]
        ledger.assert_sound(account_id, available=9)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_eight_writers_in_four_processes_on_sqlite_never_find_it_locked_and_wait_less_than_a_second(
    given, ledger, tmp_path
):
    """SQLite itself waits its turn, so nothing is retried behind the scenes either.

    A machine that is busy with something else may spoil the times of one try, hardly those of three in a row.
    """
    spoiled = []
    for number in range(TRIES):
        accounts = [ledger.account(SPENDS_EACH) for _ in range(8)]
        lists = [[(account_id, f"{number}-{spend}") for spend in range(SPENDS_EACH)] for account_id in accounts]
        told = spend_at_once(given, tmp_path, lists, processes=4)
        assert sum(one.seq is not None for one in told) == 8 * SPENDS_EACH
        for account_id in accounts:
            ledger.assert_sound(account_id, available=0)
        slow = sorted(one.seconds for one in told)[int(0.99 * len(told))]
        tries = max(one.tries for one in told)
        if slow < MOST_SECONDS and tries == 1:
            return
        spoiled.append((slow, tries))
    pytest.fail(f"seconds of the slowest hundredth and most tries, three times: {spoiled}")
