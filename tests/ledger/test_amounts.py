"""What is no whole number of credits from 1 to 10^9 is refused in a sentence, and nothing is written."""

import math

import pytest
from sqlalchemy import text

from webapp.ledger.errors import InvalidCredits, InvalidRequest
from webapp.ledger.operations import (
    SpendLine,
    capture,
    grant,
    hold,
    reverse,
    settle_takeback,
    spend,
    spend_batch,
    void,
)

NO_CREDITS = [0, -1, True, False, 1.5, 2.0, "7", None, math.nan, math.inf, 2**31, 10**9 + 1, 2**53 + 1, 2**63, [7]]


@pytest.mark.parametrize("credits", NO_CREDITS, ids=repr)
def test_no_such_grant(session, account_id, now, credits):
    with pytest.raises(InvalidCredits, match=r"whole number from 1 to 1,000,000,000") as refused:
        grant(session, account_id, kind="bonus", credits=credits, key="k", source_kind="t", source_id="1", now=now)
    assert refused.value.facts == {"largest": 10**9}
    assert written(session, account_id) == (0, 0, 0)


@pytest.mark.parametrize("credits", NO_CREDITS, ids=repr)
def test_no_such_spend(session, account_id, give, now, credits):
    give(100)
    with pytest.raises(InvalidCredits, match=r"whole number from 1 to 1,000,000,000"):
        spend(session, account_id, credits=credits, key="k", now=now)
    assert written(session, account_id) == (1, 1, 100)


@pytest.fixture
def ready(session, account_id, give, now):
    """100 bought by entry 1, 10 on hold by 2, 20 spent by 3: something to close, to return and to cancel."""
    give(100)
    hold(session, account_id, credits=10, key="h", now=now)
    spend(session, account_id, credits=20, key="s", now=now)
    return {
        "hold": lambda asked: hold(session, account_id, credits=asked, key="k", now=now),
        "capture": lambda asked: capture(session, account_id, 2, credits=asked, key="k", now=now),
        "reverse": lambda asked: reverse(session, account_id, 3, credits=asked, key="k", now=now),
        "void": lambda asked: void(session, account_id, 1, credits=asked, key="k", now=now),
    }


@pytest.mark.parametrize("credits", NO_CREDITS, ids=repr)
@pytest.mark.parametrize("operation", ["hold", "capture", "reverse", "void"])
def test_no_such_credits_of_any_operation(session, account_id, ready, operation, credits):
    asked = 0 if (operation, credits) == ("reverse", None) else credits  # None is all that is left
    with pytest.raises(InvalidCredits, match=r"whole number from 1 to 1,000,000,000"):
        ready[operation](asked)
    assert written(session, account_id) == (3, 1, 70)


@pytest.mark.parametrize("credits", NO_CREDITS, ids=repr)
def test_no_such_line_of_a_batch_and_the_others_stand(session, account_id, give, now, credits):
    give(100)
    lines = [SpendLine(account_id=account_id, credits=n, key=f"k{n!r}") for n in (2, credits, 3)]
    before, refused, after = spend_batch(session, lines, now=now)
    assert isinstance(refused, InvalidCredits)
    assert (before.available, after.available) == (98, 95)
    assert written(session, account_id) == (3, 1, 95)


@pytest.mark.parametrize("minor", [-1, True, 1.5, "7", None, math.nan, 9 * 10**9 + 1, 2**63], ids=repr)
@pytest.mark.parametrize("amount", ["total_minor", "returned_minor", "disputed_minor"])
def test_no_such_money_of_a_takeback(session, account_id, give, now, amount, minor):
    give(100)
    money = {"total_minor": 1000, "returned_minor": 500, "disputed_minor": 0} | {amount: minor}
    with pytest.raises(InvalidRequest, match=r"whole number from 0 to 9,000,000,000"):
        settle_takeback(session, account_id, source_kind="test", source_id="1", **money, now=now)
    assert written(session, account_id) == (1, 1, 100)


@pytest.mark.parametrize("credits", [1, 999_999_999, 10**9])
def test_the_least_and_the_largest_are_taken(session, account_id, give, now, credits):
    give(credits)
    assert spend(session, account_id, credits=credits, key="k", now=now).available == 0


def test_a_balance_beyond_exact_json_numbers_is_refused(session, account_id, give, now):
    give(10)
    session.execute(text("UPDATE accounts SET available = :most WHERE id = :id"), {"most": 2**53 - 5, "id": account_id})
    with pytest.raises(InvalidCredits, match=r"balance can't be more than 9,007,199,254,740,992"):
        give(6)
    assert give(5).available == 2**53


def test_held_and_frozen_credits_count_against_the_largest_balance(session, account_id, give):
    update = text("UPDATE accounts SET held = :held, frozen = :frozen WHERE id = :id")
    session.execute(update, {"held": 2**52, "frozen": 2**52 - 5, "id": account_id})
    with pytest.raises(InvalidCredits, match="balance can't be more"):
        give(6)
    assert give(5).available == 5


def written(session, account_id):
    """How many entries and lots there are, and what is available."""
    counts = (
        session.execute(text(f"SELECT count(*) FROM {table} WHERE account_id = :id"), {"id": account_id}).scalar()
        for table in ("entries", "grants")
    )
    available = session.execute(text("SELECT available FROM accounts WHERE id = :id"), {"id": account_id}).scalar()
    return (*counts, available)
