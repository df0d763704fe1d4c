"""Currencies as Stripe counts them."""

from decimal import Decimal

import pytest
from babel.numbers import get_currency_precision
from hypothesis import given
from hypothesis import strategies as st

from webapp.money import (
    STRIPE_CURRENCIES,
    THREE_DECIMAL,
    WHOLE_IN_HUNDREDTHS,
    ZERO_DECIMAL,
    decimal_value,
    decimals_shown,
    exponent,
    is_stripe_currency,
    largest_charge_minor,
    smallest_step_minor,
)


@pytest.mark.parametrize(
    ("currency", "minor", "value"),
    [
        ("usd", 599, "5.99"),
        ("USD", -599, "-5.99"),
        ("eur", 4650, "46.50"),
        ("jpy", 500, "500"),
        ("krw", 1, "1"),
        ("kwd", 5120, "5.120"),
        ("isk", 500, "5.00"),
        ("ugx", 500, "5.00"),
        ("huf", 17500, "175.00"),
        ("twd", 80045, "800.45"),
        ("usd", 0, "0.00"),
    ],
)
def test_minor_units_become_the_exact_amount_that_stripe_charges(currency: str, minor: int, value: str) -> None:
    assert str(decimal_value(minor, currency)) == value


def test_stripes_tables_do_not_overlap_and_name_only_currencies_it_charges() -> None:
    assert not ZERO_DECIMAL & THREE_DECIMAL
    assert not WHOLE_IN_HUNDREDTHS & (ZERO_DECIMAL | THREE_DECIMAL)
    assert ZERO_DECIMAL | THREE_DECIMAL | WHOLE_IN_HUNDREDTHS < STRIPE_CURRENCIES
    assert len(STRIPE_CURRENCIES) >= 135
    assert all(len(code) == 3 and code.isalpha() and code.islower() for code in STRIPE_CURRENCIES)


def test_the_decimals_of_babel_would_be_wrong_for_some_currencies() -> None:
    different = {code for code in STRIPE_CURRENCIES if get_currency_precision(code.upper()) != exponent(code)}
    assert {"isk", "ugx"} <= different  # a hundred times too much, if babel were asked
    assert not different & {"usd", "eur", "gbp", "jpy", "krw", "kwd", "bhd"}


@pytest.mark.parametrize(
    ("currency", "decimals"), [("usd", 2), ("eur", 2), ("jpy", 0), ("isk", 0), ("ugx", 0), ("bhd", 3)]
)
def test_people_see_no_decimals_where_there_are_none(currency: str, decimals: int) -> None:
    assert decimals_shown(currency) == decimals


@pytest.mark.parametrize(("currency", "step"), [("usd", 1), ("jpy", 1), ("isk", 100), ("ugx", 100), ("kwd", 10)])
def test_some_currencies_are_charged_in_steps(currency: str, step: int) -> None:
    assert smallest_step_minor(currency) == step


@pytest.mark.parametrize(
    ("currency", "largest"),
    [("usd", 99_999_999), ("jpy", 99_999_999), ("inr", 999_999_999), ("idr", 10**9), ("cop", 10**9)],
)
def test_the_largest_charge_has_eight_digits_or_is_bounded_by_our_own_limit(currency: str, largest: int) -> None:
    assert largest_charge_minor(currency) == largest


@pytest.mark.parametrize("wrong", ["", "us", "dollar", "u5d", "€€€", "usd "])
def test_what_is_no_currency_code_is_refused(wrong: str) -> None:
    assert not is_stripe_currency(wrong)
    with pytest.raises(ValueError, match="not a currency code"):
        exponent(wrong)


@given(st.integers(-(2**53), 2**53), st.sampled_from(sorted(STRIPE_CURRENCIES)))
def test_no_minor_unit_is_lost_on_the_way(minor: int, currency: str) -> None:
    value = decimal_value(minor, currency)
    assert value * Decimal(10) ** exponent(currency) == minor
    assert value == decimal_value(minor, currency.upper())
