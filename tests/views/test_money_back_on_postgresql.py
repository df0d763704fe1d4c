"""What is told of refunds and disputes, on PostgreSQL: those tests behind which each query stands once."""

import pytest

from tests.views.test_money_back import (
    bought,
    test_a_payment_that_was_refunded_in_full_is_verified_as_refunded,
    test_a_refund_in_full_is_told_in_money_and_credits,
    test_an_open_dispute_of_an_old_purchase_is_told_too,
    test_credits_that_were_on_hold_are_taken_later_without_the_money_twice,
    test_files_and_the_api_say_the_same,
    test_refund_and_dispute_of_one_purchase_are_told_apart,
    test_refunds_and_disputes_are_found_by_what_they_are_called,
    test_the_life_of_a_dispute_at_stripe_is_told_at_each_step,
)

__all__ = [
    "bought",
    "test_a_payment_that_was_refunded_in_full_is_verified_as_refunded",
    "test_a_refund_in_full_is_told_in_money_and_credits",
    "test_an_open_dispute_of_an_old_purchase_is_told_too",
    "test_credits_that_were_on_hold_are_taken_later_without_the_money_twice",
    "test_files_and_the_api_say_the_same",
    "test_refund_and_dispute_of_one_purchase_are_told_apart",
    "test_refunds_and_disputes_are_found_by_what_they_are_called",
    "test_the_life_of_a_dispute_at_stripe_is_told_at_each_step",
]


@pytest.fixture
def database_url(postgresql_database):
    """The other module has them on SQLite."""
    return postgresql_database()
