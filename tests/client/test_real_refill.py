"""The client against Refill itself, over HTTP: every call once, and the refusals that matter."""

import datetime as dt

import pytest

from tests.app.one_database import database_url
from tests.support.people import make_user
from webapp.client import (
    HoldClosed,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidRequest,
    NotAllowed,
    NotFound,
    Refill,
    SpendingPaused,
    SpendLimitReached,
)
from webapp.extensions import transact
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.operations import pause_as_owner, set_limit
from webapp.orm import utc_now
from webapp.people.keyring import create_key

__all__ = ["database_url"]


@pytest.fixture
def user(app):
    """Somebody with 930 credits."""
    return make_user("someone@example.com", welcome_credits=930)


@pytest.fixture
def refill(address, user):
    """A client with a service key, about that account."""
    facts = {"account_id": None, "name": "Test", "scopes": ["read", "spend", "manage"], "now": utc_now()}
    _, secret = transact(lambda session: create_key(session, **facts))
    refill = Refill(address, secret, account=user.account_id, tries=1)
    yield refill
    refill.close()


def test_spends_replays_and_returns(refill):
    spent = refill.spend(meter="call_minute", quantity=12, description="Call", details={"legs": [1, 2]}, key="call-1")
    assert (spent.entry.credits, spent.entry.quantity, spent.available, spent.is_replayed) == (-36, 12, 894, False)
    again = refill.spend(meter="call_minute", quantity=12, description="Call", details={"legs": [1, 2]}, key="call-1")
    assert (again.entry, again.is_replayed) == (spent.entry, True)
    with pytest.raises(IdempotencyConflict):
        refill.spend(credits=1, key="call-1")
    assert refill.reverse(spent.entry.id, credits=6).available == 900
    assert refill.reverse(spent.entry.id).available == 930


def test_late_use_keeps_its_time(refill):
    at = utc_now().replace(microsecond=0) - dt.timedelta(days=2)
    assert refill.spend(credits=1, occurred_at=at).entry.occurred_at == at


def test_holds_are_captured_released_found_and_closed_once(refill):
    with refill.hold(meter="call_minute", quantity=10, lasts_seconds=60, description="Call") as hold:
        assert (hold.credits, hold.state, refill.balance().held) == (30, "open", 30)
        assert hold.capture(quantity=4).entry.credits == -12
    found = refill.find_hold(hold.id)
    assert (found.state, found.captured) == ("captured", 12)
    with pytest.raises(HoldClosed) as refused:
        found.release()
    assert refused.value.facts["state"] == "captured"
    with pytest.raises(ZeroDivisionError), refill.hold(credits=10):
        raise ZeroDivisionError
    with refill.hold(credits=10):
        pass
    assert (refill.balance().available, refill.balance().held) == (930 - 12 - 10, 0)
    assert (refill.subscription().state, refill.subscription().plan) == ("none", "free")


def test_too_few_credits_say_how_many(refill):
    with pytest.raises(InsufficientCredits) as refused:
        refill.hold(credits=931)
    assert (refused.value.needed, refused.value.available) == (931, 930)


def test_a_spend_limit_and_a_pause_are_told_apart_from_missing_credits(refill, user):
    limit = SpendLimit(0, "day", 10, pauses=True, is_money=False)
    transact(lambda session: set_limit(session, user.account_id, limit, may_stop_now=False, now=utc_now()))
    with pytest.raises(SpendLimitReached) as refused:
        refill.spend(credits=11)
    assert (refused.value.needed, refused.value.left, refused.value.facts["period"]) == (11, 10, "day")
    assert refused.value.resets_at > utc_now()
    transact(lambda session: pause_as_owner(session, user.account_id, now=utc_now()))
    with pytest.raises(SpendingPaused) as paused:
        refill.spend(credits=1)
    assert paused.value.facts["paused_by"] == "owner"


def test_batches_estimates_grants_and_history(refill, user):
    results = refill.batch(
        [
            {"key": "a", "meter": "transcript", "quantity": 2},
            {"key": "b", "credits": 0},
            {"key": "c", "credits": 5, "account": user.account_id},
            {"key": "d", "credits": 5, "account": "nobody"},
        ]
    )
    assert [(one.key, one.status) for one in results] == [("a", 201), ("b", 422), ("c", 201), ("d", 404)]
    assert isinstance(results[1].error, InvalidRequest)
    assert isinstance(results[3].error, NotFound)
    estimate = refill.estimate(meter="call_minute", quantity=311)
    assert (estimate.credits, estimate.available, estimate.missing, estimate.is_covered) == (933, 923, 10, False)
    ends_at = utc_now() + dt.timedelta(days=3)
    refill.grant(kind="bonus", credits=60, reason="Sorry", expires_at=ends_at)
    assert refill.balance().available == 983
    for _ in range(120):
        refill.spend(credits=1)
    entries = list(refill.history(type="usage", since=dt.date(2026, 1, 1)))
    assert (len(entries), sum(entry.credits for entry in entries)) == (122, -127)


def test_what_is_not_there_or_not_allowed_is_told(refill, address):
    with pytest.raises(NotFound):
        refill.find_hold(99)
    with pytest.raises(NotFound):
        refill.for_account("nobody").balance()
    stranger = Refill(address, "rfa_wrong", tries=1)
    with pytest.raises(NotAllowed):
        stranger.balance()
    stranger.close()
