"""Spends and batches do the same by the database's function, by the portable form beside it, and on SQLite."""

import datetime as dt
import shutil

import pytest
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import DBAPIError

from tests.ledger.two_forms import EVERYTHING, FUNCTIONS, NOBODY, STARTS_AT, assert_same, told
from webapp.ledger.models import accounts
from webapp.ledger.operations import SpendLimit, note_seen, open_account, spend
from webapp.orm import configure_engine

HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def engines(sqlite_template, postgresql_server, postgresql_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("conformance") / "shared.sqlite3"
    shutil.copy(sqlite_template, path)
    postgresql_server.run(f"CREATE DATABASE conformance TEMPLATE {postgresql_template}")
    made = [create_engine(url) for url in (f"sqlite:///{path}", postgresql_server.url("conformance"))]
    for engine in made:
        configure_engine(engine)
    yield made
    for engine in made:
        engine.dispose()


@pytest.fixture
def compare(engines):
    """Tell a scenario to all three, and the ways its spends went where the function is."""
    sqlite, postgresql = engines

    def run(scenario, functions=FUNCTIONS):
        fast = told(postgresql, scenario, is_portable=False, functions=functions)
        portable = told(postgresql, scenario, is_portable=True)
        assert set(portable.ways) <= {"both", "slow"}
        assert_same(fast, portable)
        if functions == FUNCTIONS:
            elsewhere = told(sqlite, scenario, is_portable=True)
            assert set(elsewhere.ways) <= {"slow"}
            assert_same(fast, elsewhere)
        return fast.ways

    return run


def burn_order(at):
    account = at.open()
    for kind in ("adjustment", "purchased", "gift", "bonus", "allowance"):
        for expires_at in (None, STARTS_AT + 2 * HOUR, STARTS_AT + HOUR, STARTS_AT + HOUR):
            at.grant(account, 7, kind, expires_at=expires_at)
    for number, wanted in enumerate((3, 4, 1, 20, 7, 50, 30, 24, 1)):
        at.spend(account, wanted, f"k{number}")


def many_lots(at):
    account, batched = at.open(), at.open()
    for number in range(100):
        at.grant(account, 3, "gift" if number % 3 else "bonus")
        at.grant(batched, 3, "gift" if number % 3 else "bonus")
    at.spend(account, 1, "one")
    at.spend(account, 100, "many")
    at.spend(account, 199, "the rest")
    at.batch((batched, 1, "one"), (batched, 100, "many"), (batched, 99, "more"), (batched, 100, "the rest"))


def facts(at):
    account, batched = at.open(), at.open()
    for one in (account, batched):
        at.grant(one, 10, "bonus")
        at.grant(one, 100)
    told_facts = [
        EVERYTHING,
        {"details": {}},
        {"details": EVERYTHING["details"]},
        {"description": "x" * 200, "meter": "m", "quantity": 0},
        {"meter": "m", "key_id": 7},
        {"occurred_at": STARTS_AT.replace(year=2000, microsecond=123456)},
        {"occurred_at": STARTS_AT.astimezone(dt.timezone(dt.timedelta(hours=-3, seconds=7))) + HOUR / 12},
        {},
    ]
    for number, more in enumerate(told_facts):
        at.spend(account, 4, f"ключ 🔑 '\" \\ {number}", **more)
    at.batch(*((batched, 4, f"ключ 🔑 '\" \\ {number}", more) for number, more in enumerate(told_facts)))


def days(at):
    """Days that begin and end elsewhere, on both sides of a change of the clocks; zones that are new and known."""
    moments = [
        dt.datetime(2026, month, day, hour, 30, tzinfo=dt.UTC)
        for month, day in ((3, 28), (3, 29), (10, 24), (10, 25), (11, 1))
        for hour in (3, 10, 22, 23)
    ]
    zones = ("UTC", "Europe/Vienna", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu", "Africa/Casablanca")
    places = [at.open(zone) for zone in zones]
    for account in places:
        at.grant(account, 1000)
    lines = [
        (account, 1, f"b{number}", {"occurred_at": moment})
        for number, moment in enumerate(moments)
        for account in places
    ]
    at.batch(*lines)
    for account in places:
        for number, moment in enumerate(moments[::3]):
            at.spend(account, 1, f"k{number}", occurred_at=moment)


def bare_days(at):
    """The first spend of a process in a zone that it hasn't met."""
    account = at.open("Pacific/Auckland")
    at.grant(account, 10)
    at.spend(account, 1, "k", occurred_at=STARTS_AT.replace(hour=11))


def large_numbers(at):
    account = at.open()
    at.grant(account, 10**9)
    at.grant(account, 10**9)
    at.grant(account, 10**9)
    at.spend(account, 10**9, "k")
    at.batch((account, 10**9, "b1"), (account, 10**9 - 1, "b2"))
    at.spend(account, 1, "last")


def with_held_and_frozen(at):
    account = at.open()
    at.grant(account, 10, source_kind="purchase", source_id="1")
    at.grant(account, 10)
    at.do("hold", account, credits=4, key="h")
    claim = {"source_kind": "purchase", "source_id": "1", "total_minor": 1000, "returned_minor": 0}
    at.do("settle_takeback", account, **claim, disputed_minor=300)
    at.spend(account, 3, "uses up what is available of the first")
    at.spend(account, 5, "k")
    at.batch((account, 1, "b1"), (account, 4, "b2"))


def with_held_in_batch(at):
    account = at.open()
    at.grant(account, 10)
    at.do("hold", account, credits=4, key="h")
    at.batch((account, 3, "a"), (account, 3, "b"))
    at.do("release", account, 2, key="r")
    at.batch((account, 1, "c"), (account, 3, "d"))


def thousand(at):
    places = [at.open() for _ in range(7)]
    for account in places:
        for number in range(30):
            at.grant(account, 40, ("bonus", "purchased", "gift")[number % 3])
    line = [
        (places[(number * number) % 7], 1 + number % 5, f"k{number}", {"meter": f"m{number % 3}"})
        for number in range(1000)
    ]
    at.batch(*line)


def seen(at):
    one, many = at.open(), at.open()
    for account in (one, many):
        at.grant(account, 10)
        note_seen(at.session, at.accounts[account])
    at.spend(one, 1, "k")
    at.batch((many, 1, "a"), (many, 1, "b"))


PLAIN = {
    burn_order: ["fast"] * 9,
    many_lots: ["fast"] * 4,
    facts: ["fast"] * 9,
    days: ["fast"] * 43,
    bare_days: ["fast"],
    large_numbers: ["fast"] * 3,
    with_held_and_frozen: ["fast"] * 3,
    with_held_in_batch: ["fast"] * 2,
    thousand: ["fast"],
    seen: ["fast"] * 2,
}


@pytest.mark.parametrize("scenario", PLAIN, ids=lambda scenario: scenario.__name__)
def test_what_is_plain_goes_the_fast_way_and_does_the_same(compare, scenario):
    assert compare(scenario) == PLAIN[scenario]


def replays(at):
    account = at.open()
    at.grant(account, 100)
    at.spend(account, 5, "same", **EVERYTHING)
    at.spend(account, 5, "same", **EVERYTHING)
    at.spend(account, 6, "same")
    at.spend(account, 1, "g0")
    at.batch((account, 1, "new"), (account, 5, "same", EVERYTHING), (account, 1, "same"))
    at.batch((account, 1, "new"))
    at.batch((account, 1, "new"), (account, 1, "newer"))


def refusals(at):
    account = at.open()
    at.spend(account, 1, "none yet")
    at.grant(account, 10)
    at.spend(account, 11, "too much")
    at.spend(account, 10, "too much")
    at.spend(NOBODY, 1, "nobody")
    at.spend(account, 0, "nothing")
    at.spend(account, 1, "")


def due(at):
    account = at.open()
    at.grant(account, 10, expires_at=at.now + HOUR)
    at.grant(account, 10, expires_at=at.now + 4 * HOUR)
    at.grant(account, 50)
    at.do("hold", account, credits=15, key="h", lasts_seconds=7200)
    at.wait(seconds=3599)
    at.spend(account, 1, "before")
    at.wait(seconds=1)
    at.spend(account, 4, "lot has nothing available", occurred_at=at.now - HOUR)
    at.wait(hours=1)
    at.spend(account, 2, "hold is due")
    at.spend(account, 2, "settled")
    at.wait(hours=2)
    at.spend(account, 60, "too much, and due")
    at.batch((account, 60, "refused"), (account, 2, "lot is due"), (account, 3, "after"))
    at.spend(account, 2, "settled again")


def due_in_batch(at):
    account = at.open()
    at.grant(account, 10)
    at.do("hold", account, credits=5, key="h", lasts_seconds=60)
    at.wait(seconds=60)
    at.batch((account, 2, "a"), (account, 2, "b"))
    at.grant(account, 5, "allowance", expires_at=at.now + HOUR)
    at.wait(hours=1)
    at.batch((account, 1, "c"), (account, 1, "d"))


def due_at_the_instant(at):
    account = at.open()
    at.grant(account, 5, "allowance", expires_at=at.now + HOUR)
    at.grant(account, 5)
    at.wait(seconds=3599.999999)
    at.spend(account, 1, "just before")
    at.wait(seconds=0.000001)
    at.spend(account, 1, "just then")
    at.spend(account, 1, "after")


def paused(at):
    account, own = at.open(), at.open()
    at.grant(account, 10)
    at.grant(own, 10)
    at.spend(account, 1, "before")
    at.session.execute(update(accounts).where(accounts.c.id == at.accounts[account]).values(spending_paused_at=at.now))
    at.spend(account, 1, "k")
    at.spend(account, 1, "before")
    at.batch((account, 1, "a"), (account, 1, "b"))
    at.do("pause_as_owner", own)
    at.spend(own, 1, "k")
    at.batch((own, 1, "a"), (own, 1, "b"))


def limited(at):
    free, bound = at.open(), at.open()
    at.grant(free, 10)
    at.grant(bound, 10)
    at.do("set_limit", bound, SpendLimit(0, "day", 3, pauses=True, is_money=False), may_stop_now=False)
    at.spend(bound, 2, "within")
    at.spend(bound, 2, "above")
    at.batch((free, 4, "a"), (bound, 1, "b"), (bound, 1, "c"))


def debt(at):
    account = at.open()
    at.grant(account, 10, source_kind="purchase", source_id="1")
    at.spend(account, 9, "k")
    claim = {"source_kind": "purchase", "source_id": "1", "total_minor": 1000, "disputed_minor": 0}
    at.do("settle_takeback", account, **claim, returned_minor=1000)
    at.spend(account, 1, "owes")
    at.grant(account, 20)
    at.spend(account, 1, "has paid")
    at.do("settle_takeback", account, **claim, returned_minor=500)
    at.spend(account, 6, "got some back")


def batches(at):
    places = [at.open("UTC"), at.open("Asia/Tokyo"), at.open("UTC"), at.open("Asia/Tokyo")]
    for account in places[:3]:
        at.grant(account, 10, "bonus")
        at.grant(account, 10)
    at.grant(places[2], 5, "allowance", expires_at=at.now + HOUR)
    at.wait(hours=1)
    at.batch(
        (places[3], 1, "has nothing"),
        (places[0], 3, "a"),
        (places[1], 4, "twin"),
        (NOBODY, 1, "nobody"),
        (places[0], 3, "b", EVERYTHING),
        (places[1], 4, "twin"),
        (places[1], 5, "twin"),
        (places[2], 12, "due first"),
        (places[0], -1, "bad"),
        (places[0], 1, "bad too", {"meter": "no meter"}),
        (places[0], 14, "last credits"),
    )
    at.batch((places[0], 1, "nothing left"), (places[1], 20, "too much"), (places[1], 3, "enough"))
    at.batch(*((places[1], 1, f"n{number}") for number in range(20)))


NOT_PLAIN = {
    replays: ["fast"] + ["both"] * 6,
    refusals: ["both", "both", "fast", "both", "slow", "slow"],
    due: ["fast", "fast", "both", "fast", "both", "both", "fast"],
    due_in_batch: ["both"] * 2,
    due_at_the_instant: ["fast", "both", "fast"],
    paused: ["fast"] + ["both"] * 5,
    limited: ["both"] * 3,
    debt: ["fast", "both", "fast", "fast"],
    batches: ["both", "both", "both"],
}


@pytest.mark.parametrize("scenario", NOT_PLAIN, ids=lambda scenario: scenario.__name__)
def test_what_is_not_plain_is_left_to_the_portable_form(compare, scenario):
    assert compare(scenario) == NOT_PLAIN[scenario]


def test_a_database_without_the_function_is_an_error_and_no_slower_way(engines, session_of):
    with session_of(engines[1]) as session:
        account_id = open_account(session, now=STARTS_AT)
        session.execute(text("DROP FUNCTION spend_line(json, timestamptz)"))
        with pytest.raises(DBAPIError, match="spend_line"):
            spend(session, account_id, credits=1, key="k", now=STARTS_AT)


def test_the_functions_run_with_the_callers_rights_and_a_fixed_search_path(engines):
    with engines[1].connect() as connection:
        asked = text("SELECT prosecdef, provolatile, proconfig[1] FROM pg_proc WHERE proname LIKE 'spend_line%'")
        assert connection.execute(asked).all() == [(False, "v", "search_path=public, pg_temp")] * 2


MUTANTS = {
    "burn order, one": (
        burn_order,
        "        ORDER BY priority, expires_at, seq\n    LOOP",
        "        ORDER BY seq\n    LOOP",
    ),
    "burn order, many": (
        many_lots,
        "BY account_id ORDER BY priority, expires_at, seq)",
        "BY account_id ORDER BY -seq)",
    ),
    "order of lines": (facts, "(PARTITION BY account_id ORDER BY place)", "(PARTITION BY account_id ORDER BY -place)"),
    "day, one": (days, "account.id, asked.used_on, asked.meter", "account.id, asked.occurred_at::date, asked.meter"),
    "day, many": (days, "SELECT account_id, used_on, meter", "SELECT account_id, used_on - 1, meter"),
    "count, one": (burn_order, "(missing = asked.credits)::integer", "1"),
    "count, many": (many_lots, "count(*) FILTER (WHERE is_first)", "count(*)"),
    "usage forgotten": (facts, "DO UPDATE SET credits = day.credits + excluded.credits, count", "DO UPDATE SET count"),
    "zone, one": (bare_days, "account.time_zone <> asked.time_zone", "account.time_zone <> account.time_zone"),
    "key, one": (replays, "EXISTS (SELECT FROM entries WHERE account_id = account.id AND key = asked.key)", "false"),
    "key, many": (replays, "SELECT account_id FROM line JOIN entries", "SELECT -1 FROM line JOIN entries"),
    "twin": (batches, "AND is_once\n", "\n"),
    "lot due, one": (due_at_the_instant, "expires_at <= written_at AND avail", "expires_at < written_at AND avail"),
    "lot due, many": (due_in_batch, "expires_at <= written_at AND grants.", "false AND grants."),
    "hold due, one": (due, "account_id = account.id AND state = 'open' AND expires_at <= written_at", "false"),
    "hold due, many": (due_in_batch, "account_id = id AND state = 'open' AND expires_at <= written_at", "false"),
    "paused, one": (paused, "OR account.spending_paused_at IS NOT NULL", ""),
    "paused, many": (paused, "AND spending_paused_at IS NULL", ""),
    "paused by its owner, one": (paused, "OR account.owner_paused_at IS NOT NULL", ""),
    "paused by its owner, many": (paused, "AND owner_paused_at IS NULL", ""),
    "limited, one": (limited, "OR account.limits <> 0", ""),
    "limited, many": (limited, "AND limits = 0", ""),
    "has changed, one": (seen, "seq = entry_seq, has_changed = true", "seq = entry_seq"),
    "has changed, many": (seen, "seq + asked.lines, has_changed = true", "seq + asked.lines"),
    "details, many": (facts, "seq + number, description, details::json", "seq + number, description, NULL::json"),
    "held after, one": (with_held_and_frozen, "held_left := account.held", "held_left := 0"),
    "balance, one": (with_held_and_frozen, "account.held + account.frozen - account.debt", "account.held"),
    "balance, many": (with_held_and_frozen, "available + held + frozen - debt AS", "available + held AS"),
    "used up, one": (
        with_held_and_frozen,
        "is_used_up = lot.has = lot_credits",
        "is_used_up = available = lot_credits",
    ),
    "used up, many": (with_held_in_batch, "available = taken AND held = 0 AND frozen = 0", "available = taken"),
    "too little, many": (batches, "AND available >= credits", ""),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_function_with_a_planted_fault_is_found_out(compare, name):
    """It answers or leaves something else, goes another way, or the database refuses what it writes."""
    scenario, right, wrong = MUTANTS[name]
    assert FUNCTIONS.count(right) >= 1
    with pytest.raises((AssertionError, DBAPIError)):
        assert compare(scenario, FUNCTIONS.replace(right, wrong)) == (PLAIN | NOT_PLAIN)[scenario]
