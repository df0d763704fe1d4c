"""What is no whole number of credits from 1 to 10^9 is refused in a sentence, and nothing is written."""

import math

import pytest
from sqlalchemy import text

from webapp.ledger.errors import InvalidCredits
from webapp.ledger.operations import grant, spend

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
