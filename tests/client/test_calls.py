"""What each call of the client sends, and what it makes of the answer."""

import datetime as dt

import pytest

from webapp.client import (
    Account,
    Entry,
    Estimate,
    HoldClosed,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidRequest,
    Lot,
    NotFound,
    Refill,
)

AT = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)


def test_a_spend_comes_back_as_an_entry_and_what_is_left(refill, played):
    booked = refill.spend(meter="call_minute", quantity=12, description="Call to Vienna", key="call-1")
    assert booked.entry == Entry(
        1, "spend", -36, 894, "Call to Vienna", "call_minute", 12, (Lot(1, "purchased", 36),), AT, AT, None
    )
    assert (booked.available, booked.held, booked.is_replayed) == (894, 0, False)
    (asked,) = played.asked
    assert (asked.method, asked.path) == ("POST", "/api/credits/spend")
    assert asked.body == {"meter": "call_minute", "quantity": 12, "description": "Call to Vienna"}
    assert asked.headers["Authorization"] == "Bearer rk_test_secret"
    assert (asked.headers["Idempotency-Key"], asked.headers["Refill-Account"]) == ("call-1", "external:user-7")


def test_a_repeated_spend_says_so(refill):
    first = refill.spend(credits=5, key="call-1")
    again = refill.spend(credits=5, key="call-1")
    assert (again.entry, again.is_replayed) == (first.entry, True)
    with pytest.raises(IdempotencyConflict) as refused:
        refill.spend(credits=6, key="call-1")
    assert (refused.value.status, refused.value.code, refused.value.key) == (422, "idempotency_conflict", "call-1")


def test_each_call_makes_a_key_of_its_own(refill, played):
    for _ in range(3):
        refill.spend(credits=5)
    assert len(set(played.keys())) == 3
    assert all(played.keys())


def test_late_use_is_sent_with_its_zone_and_details_as_they_are(refill, played):
    at = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    booked = refill.spend(credits=5, occurred_at=at, details={"to": "Vienna", "legs": [1, 2]})
    assert booked.entry.occurred_at == at
    assert played.asked[0].body["occurred_at"] == "2026-11-20T15:00:00+01:00"
    assert played.asked[0].body["details"] == {"to": "Vienna", "legs": [1, 2]}
    with pytest.raises(ValueError, match="its zone"):
        refill.spend(credits=5, occurred_at=at.replace(tzinfo=None))


def test_too_few_credits_come_with_all_that_helps(refill, played):
    with pytest.raises(InsufficientCredits) as refused:
        refill.spend(credits=931)
    error = refused.value
    assert (error.needed, error.available, error.facts["pack"]) == (931, 930, "small")
    assert error.buy_url == "https://credits.example.com/dashboard/credits#packs"
    assert len(played.asked) == 1


def test_a_hold_is_captured_in_part(refill, played):
    hold = refill.hold(meter="call_minute", quantity=10, lasts_seconds=60)
    assert (hold.credits, hold.state, hold.captured) == (30, "open", 0)
    assert hold.expires_at == AT + dt.timedelta(minutes=15)
    booked = hold.capture(quantity=4)
    assert (booked.entry.credits, booked.available, booked.held) == (-12, 918, 0)
    assert played.asked[1].body == {"meter": "call_minute", "quantity": 4}
    assert refill.find_hold(hold.id).state == "captured"


def test_a_block_that_says_nothing_takes_all(refill, played):
    with refill.hold(meter="call_minute", quantity=10, description="Call"):
        pass
    assert played.asked[1].body == {"meter": "call_minute", "quantity": 10}
    assert refill.balance().available == 900


def test_a_block_of_credits_takes_what_it_says(refill, played):
    with refill.hold(credits=10) as hold:
        hold.capture(credits=3)
    assert refill.balance().available == 927
    assert len(played.asked) == 3


def test_a_block_that_releases_costs_nothing(refill):
    with refill.hold(credits=10) as hold:
        assert hold.release().state == "released"
    assert (refill.balance().available, refill.balance().held) == (930, 0)


def test_a_block_that_fails_costs_nothing(refill):
    with pytest.raises(ZeroDivisionError), refill.hold(credits=10):
        raise ZeroDivisionError
    assert (refill.balance().available, refill.balance().held) == (930, 0)


def test_a_hold_that_ended_meanwhile_is_told(refill):
    hold = refill.hold(credits=10)
    refill.release(hold.id)
    with pytest.raises(HoldClosed) as refused:
        hold.capture()
    assert refused.value.facts["state"] == "released"


def test_a_hold_made_again_by_its_key_says_so_and_can_be_looked_at(refill):
    first = refill.hold(credits=10, key="call-1")
    assert not first.is_replayed
    first.capture(credits=4)
    again = refill.hold(credits=10, key="call-1")
    assert (again.id, again.is_replayed) == (first.id, True)
    assert refill.find_hold(again.id).state == "captured"


def test_a_hold_found_again_is_captured_whole(refill):
    found = refill.find_hold(refill.hold(credits=10).id)
    assert found.capture().entry.credits == -10


def test_a_spend_is_returned_in_part_and_whole(refill):
    spent = refill.spend(credits=10)
    assert refill.reverse(spent.entry.id, credits=4).entry.reverses == spent.entry.id
    assert refill.balance().available == 924


def test_a_batch_tells_each_line_for_itself(refill, played):
    results = refill.batch(
        [
            {"key": "a", "meter": "transcript", "quantity": 2, "occurred_at": AT},
            {"key": "b", "credits": 0},
            {"key": "c", "credits": 5, "account": "user-8"},
            {"key": "d", "credits": 1000, "account": 12},
        ]
    )
    assert [(one.key, one.status) for one in results] == [("a", 201), ("b", 422), ("c", 201), ("d", 402)]
    assert results[0].entry is not None
    assert results[0].error is None
    assert isinstance(results[1].error, InvalidRequest)
    assert isinstance(results[3].error, InsufficientCredits)
    assert results[3].error.needed == 1000
    told = played.asked[0].body["spends"]
    assert [line.get("account") for line in told] == [None, None, "external:user-8", "12"]
    assert told[0]["occurred_at"] == "2026-11-20T14:32:00+00:00"


def test_history_is_read_page_by_page_as_it_is_asked_for(refill, played):
    for number in range(1, 6):
        refill.spend(credits=number)
    played.asked.clear()
    entries = refill.history(type="usage", since=dt.date(2026, 11, 1), until=AT)
    assert next(entries).credits == -5
    assert len(played.asked) == 1
    assert [entry.credits for entry in entries] == [-4, -3, -2, -1]
    paths = [asked.path for asked in played.asked]
    assert paths[0] == (
        "/api/credits/history?type=usage&limit=100&from=2026-11-01&to=2026-11-20T14%3A32%3A00%2B00%3A00"
    )
    assert [path.partition("&cursor=")[2] for path in paths] == ["", "4", "2"]


def test_balance_and_estimate(refill):
    found = refill.balance()
    assert (found.available, found.kinds["purchased"], found.lots) == (930, 930, (Lot(1, "purchased", 930, None),))
    assert refill.estimate(meter="call_minute", quantity=311) == Estimate(933, 930, 3, is_covered=False)


def test_accounts_links_and_grants_of_a_product(played):
    refill = Refill(played.url, "rk_test_secret")
    found = refill.account(external_id="user-9", email="user-9@example.com")
    assert found == Account(2**53 - 1, "user-9", "user-9@example.com", has_user=True, time_zone="UTC")
    with pytest.raises(ValueError, match="whose link"):
        refill.login_link()
    mine = refill.for_account(found.account)
    link = mine.login_link(next="/dashboard/credits")
    assert link.url.endswith(f"/sign-in/{found.account}")
    assert mine.grant(kind="bonus", credits=60, reason="Welcome").entry.credits == 60
    told = [asked.headers.get("Refill-Account") for asked in played.asked]
    assert told == [None, str(2**53 - 1), str(2**53 - 1)]
    assert played.asked[1].body == {"next": "/dashboard/credits"}
    other = refill.for_account("user 1/2")
    other.login_link()
    assert played.asked[-1].path == "/api/accounts/external:user%201%2F2/login-link"
    refill.close()


def test_what_is_not_there_is_told(refill):
    with pytest.raises(NotFound) as refused:
        refill.find_hold(99)
    assert refused.value.code == "unknown_hold"
