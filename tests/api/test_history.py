"""GET /api/credits/history: every entry once, newest first, with a running balance that is right across pages."""

import datetime as dt
import random
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from tests.api.books import grant, lapsing_grant, spend, spends
from tests.api.calling import Api, answer, problem
from tests.support.browsing import sign_in
from tests.support.people import make_user
from webapp.api.cursors import cursor_of
from webapp.extensions import db
from webapp.orm import utc_now

PATH = "/api/credits/history"
KEYS = {
    *("id", "kind", "credits", "balance_after", "description", "meter", "quantity", "lots"),
    *("occurred_at", "created_at", "reverses", "because"),
}


@pytest.fixture
def busy(other_api):
    """An account with a grant, 60 spends of many sizes and a grant in between."""
    account_id = other_api.user.account_id
    grant(account_id, 10_000, "bonus", description="Bonus")
    sizes = random.Random(7)
    spends(account_id, [sizes.randint(1, 90) for _ in range(30)])
    grant(account_id, 500, "purchased", source_kind="purchase", source_id="p1", description="Small pack")
    spends(account_id, [sizes.randint(1, 90) for _ in range(30)])
    return other_api


def ids(response):
    return [entry["id"] for entry in answer(response)["entries"]]


def test_an_entry_has_exactly_the_promised_fields(other_api):
    account_id = other_api.user.account_id
    grant(account_id, 20, "bonus", description="Referral bonus")
    grant(account_id, 100, "purchased")
    spend(account_id, 36, description="Outbound call", meter="call_minute", quantity=12)
    page = answer(other_api.get(PATH))
    assert set(page) == {"entries", "next_cursor"}
    assert page["next_cursor"] is None
    newest, *_, oldest = page["entries"]
    assert set(newest) == set(oldest) == KEYS
    told = ("id", "kind", "credits", "balance_after", "description", "meter", "quantity", "reverses")
    assert [newest[name] for name in told] == [3, "spend", -36, 84, "Outbound call", "call_minute", 12, None]
    assert newest["lots"] == [
        {"grant": 1, "kind": "bonus", "credits": 20},
        {"grant": 2, "kind": "purchased", "credits": 16},
    ]
    assert [oldest[name] for name in told] == [1, "grant", 20, 20, "Referral bonus", None, None, None]
    assert oldest["lots"] == [{"grant": 1, "kind": "bonus", "credits": 20}]
    for name in ("occurred_at", "created_at"):
        assert newest[name].endswith("Z")
        assert abs(dt.datetime.fromisoformat(newest[name]) - utc_now()) < dt.timedelta(minutes=1)


def test_pages_hold_every_entry_once_with_a_running_balance_across_their_edges(busy):
    for limit in (1, 7, 25, 61, 62, 100):
        pages = list(busy.pages(limit=limit))
        entries = [entry for page in pages for entry in page]
        assert [entry["id"] for entry in entries] == list(range(62, 0, -1))
        assert {len(page) for page in pages[:-1]} <= {limit}
        assert 1 <= len(pages[-1]) <= limit
        for newer, older in pairwise(entries):
            assert newer["balance_after"] == older["balance_after"] + newer["credits"]
        assert entries[-1]["balance_after"] == entries[-1]["credits"]
        assert entries[0]["balance_after"] == answer(busy.get("/api/credits/balance"))["balance"]


def test_without_a_limit_a_page_has_25_entries(busy):
    page = answer(busy.get(PATH))
    assert len(page["entries"]) == 25
    assert page["next_cursor"]


def test_entries_that_arrive_while_paging_shift_nothing(busy):
    first = answer(busy.get(PATH, limit=10))
    spends(busy.user.account_id, [1, 1, 1])
    second = answer(busy.get(PATH, limit=10, cursor=first["next_cursor"]))
    assert [entry["id"] for entry in second["entries"]] == list(range(52, 42, -1))


def test_each_type_tells_its_own_kinds_and_transactions_tell_all(busy):
    lapsing_grant(busy.user.account_id, 40)
    everything = {entry["id"]: entry["kind"] for page in busy.pages(type="transactions") for entry in page}
    assert everything == {entry["id"]: entry["kind"] for page in busy.pages() for entry in page}
    assert set(everything.values()) == {"grant", "spend", "expire"}
    kinds = {"usage": {"spend"}, "expired": {"expire"}, "purchases": {"grant"}, "grants": {"grant"}, "refunds": set()}
    told = {}
    for type_, expected in kinds.items():
        entries = [entry for page in busy.pages(type=type_, limit=7) for entry in page]
        assert {entry["kind"] for entry in entries} == expected, type_
        told[type_] = [entry["id"] for entry in entries]
    assert told["purchases"] == [32]
    assert 32 not in told["grants"]
    assert sorted(number for numbers in told.values() for number in numbers) == sorted(everything)


def test_credits_that_have_expired_are_in_the_history_that_is_read(other_api):
    grant(other_api.user.account_id, 50)
    lapsing_grant(other_api.user.account_id, 40)
    newest = answer(other_api.get(PATH))["entries"][0]
    assert (newest["kind"], newest["credits"], newest["balance_after"]) == ("expire", -40, 50)


class TestFromAndTo:
    """Days are days of the account's zone; instants are exact; `from` is included and an instant in `to` is not."""

    ZONE = ZoneInfo("America/New_York")

    @pytest.fixture
    def api(self, app):
        user = make_user("ny@example.com", time_zone="America/New_York")
        grant(user.account_id, 1000, now=self.at(1, 12))
        for day, hour in ((1, 23), (2, 0), (2, 23), (3, 0)):  # entries 2 to 5, the second on the day the clocks change
            spend(user.account_id, 1, now=self.at(day, hour, minute=30))
        return Api(app, sign_in(app, user), user)

    def at(self, day, hour, minute=0):
        return dt.datetime(2025, 11, day, hour, minute, tzinfo=self.ZONE)

    WINDOWS = (
        ({"from_": "2025-11-02"}, [5, 4, 3]),
        ({"to": "2025-11-02"}, [4, 3, 2, 1]),
        ({"from_": "2025-11-02", "to": "2025-11-02"}, [4, 3]),
        ({"from_": "2025-11-03", "to": "2025-11-01"}, []),
        ({"from_": "2025-11-02T00:30:00-04:00"}, [5, 4, 3]),
        ({"to": "2025-11-02T00:30:00-04:00"}, [2, 1]),
        ({"from_": "2025-11-03T04:30:00Z"}, [5, 4]),
        ({"from_": "2025-11-03T05:30:00Z"}, [5]),
        ({"from_": "2025-11-03T05:30:00.000001Z"}, []),
        ({"from_": "2025-11-02T23:30"}, [5, 4]),
        ({"to": "2025-11-02T23:30"}, [3, 2, 1]),
    )

    def test_a_window_holds_what_happened_in_it(self, api):
        for window, expected in self.WINDOWS:
            assert ids(api.get(PATH, **window)) == expected, window

    def test_a_window_is_kept_over_its_pages(self, api):
        entries = [entry["id"] for page in api.pages(limit=1, from_="2025-11-02", to="2025-11-03") for entry in page]
        assert entries == [5, 4, 3]


REFUSED = [
    ({"limit": 0}, "limit"),
    ({"limit": 101}, "limit"),
    ({"limit": -1}, "limit"),
    ({"limit": "ten"}, "limit"),
    ({"limit": "10.0"}, "limit"),
    ({"limit": "1e1"}, "limit"),
    ({"limit": " 10"}, "limit"),
    ({"limit": "١٠"}, "limit"),
    ({"limit": ""}, "limit"),
    ({"limit": "9" * 5000}, "limit"),
    ({"type": "everything"}, "type"),
    ({"type": ""}, "type"),
    ({"from_": "yesterday"}, "from"),
    ({"from_": "2025-02-30"}, "from"),
    ({"from_": "0001-01-01"}, "from"),
    ({"from_": "2025-11-01T25:00"}, "from"),
    ({"from_": "1763649120"}, "from"),
    ({"from_": ""}, "from"),
    ({"to": "9999-12-31"}, "to"),
    ({"to": "2025-11-01\x00"}, "to"),
    ({"cursor": "abc"}, "cursor"),
    ({"cursor": ""}, "cursor"),
    ({"cursor": "€"}, "cursor"),
    ({"cursor": "a" * 101}, "cursor"),
    ({"cursor": "../../etc/passwd"}, "cursor"),
    ({"cursor": "aDE6MA"}, "cursor"),  # h1:0
    ({"cursor": "aDE6LTE"}, "cursor"),  # h1:-1
    ({"cursor": "aDE6MDU"}, "cursor"),  # h1:05
    ({"cursor": "aDE6NQ=="}, "cursor"),  # h1:5, padded
    ({"cursor": "aDE6NQ\n"}, "cursor"),
    ({"cursor": "aDE6OTk5OTk5OTk5OTk5OTk5OTk5OTk"}, "cursor"),  # h1: and a number no database takes
]


def test_a_parameter_that_cant_be_is_refused_by_name(api):
    for query, field in REFUSED:
        found = problem(api.get(PATH, **query), 422, "invalid_request")
        assert [fault["field"] for fault in found["fields"]] == [field], query
        assert found["detail"].startswith(f"{field}: ")
        (value,) = map(str, query.values())
        assert len(value) <= 3 or value not in found["detail"]


def test_every_bad_parameter_is_told_at_once(api):
    found = problem(api.get(PATH, limit=0, type="x", to="x"), 422, "invalid_request")
    assert {fault["field"] for fault in found["fields"]} == {"limit", "type", "to"}


def test_a_cursor_past_the_end_gives_an_empty_page(api):
    assert answer(api.get(PATH, cursor=cursor_of(1))) == {"entries": [], "next_cursor": None}


def test_another_users_cursor_is_only_a_place_in_my_own_history(busy, api):
    cursor = answer(busy.get(PATH, limit=1))["next_cursor"]
    assert ids(api.get(PATH, cursor=cursor)) == ids(api.get(PATH)) == [1]


def test_parameters_we_dont_know_are_ignored(api, busy):
    mine = answer(api.get(PATH))
    for name in ("account", "userId", "page", "offset"):
        assert answer(api.get(PATH, **{name: busy.user.account_id})) == mine


def test_a_page_takes_the_same_queries_however_long_the_history_is(busy):
    sent = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: sent.append(given[2]))

    def queries():
        sent.clear()
        answer(busy.get(PATH, limit=25))
        return len([statement for statement in sent if statement.startswith("SELECT")])

    before = queries()
    spends(busy.user.account_id, [1] * 200)
    assert queries() == before <= 4


def test_a_history_of_nothing_is_empty(other_api):
    assert answer(other_api.get(PATH)) == {"entries": [], "next_cursor": None}


def test_nobody_has_no_history(anonymous_api):
    problem(anonymous_api.get(PATH), 401, "not_signed_in")


def test_a_description_is_inert_text(other_api):
    text_of_caller = "<script>alert(1)</script> =HYPERLINK() \u00fc 📞"
    grant(other_api.user.account_id, 5, description=text_of_caller)
    assert answer(other_api.get(PATH))["entries"][0]["description"] == text_of_caller
