"""Amounts as people type them: what is read, and the sentence where nothing can be."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples import money_catalog, sample_catalog
from webapp.web.amounts import UnreadableAmount, credits_worth, read_amount, read_credits, read_money
from webapp.web.display import credits_number, money, worth_minor
from webapp.web.typed import read_number

UNIT = sample_catalog().unit
GERMAN, FRENCH, SWISS, INDIAN = "de_DE", "fr_FR", "de_CH", "en_IN"
NARROW = "\N{NARROW NO-BREAK SPACE}"
WRITTEN = [
    ("40", "usd", "en_US", 4000),
    ("40.00", "usd", "en_US", 4000),
    ("40.5", "usd", "en_US", 4050),
    (" $40 ", "usd", "en_US", 4000),
    ("$ 1,234.50", "usd", "en_US", 123450),
    ("1 234.50", "usd", "en_US", 123450),
    ("40 USD", "usd", "en_US", 4000),
    ("usd 40.00", "usd", "en_US", 4000),
    ("US$40", "usd", "en_US", 4000),
    ("CA$40", "cad", "en_US", 4000),
    ("40", "usd", GERMAN, 4000),
    ("40,00", "usd", GERMAN, 4000),
    ("40,00 $", "usd", GERMAN, 4000),
    ("1.234,50 €", "eur", GERMAN, 123450),
    ("1.234", "eur", GERMAN, 123400),
    ("40,00", "eur", FRENCH, 4000),
    (f"1{NARROW}234,50\N{NO-BREAK SPACE}€", "eur", FRENCH, 123450),
    ("1 234 567", "eur", FRENCH, 123456700),
    ("CHF 1’234.50", "chf", SWISS, 123450),
    ("1'234.50", "chf", SWISS, 123450),
    ("1,234.50", "eur", "de_DE@comma_dot", 123450),
    ("1,00,000", "inr", INDIAN, 10_000_000),
    ("100,000", "inr", INDIAN, 10_000_000),
    ("¥4,000", "jpy", "en_US", 4000),
    ("4000 jpy", "jpy", "en_US", 4000),
    ("1.234", "kwd", "en_US", 1234),
    ("500", "isk", "en_US", 50000),
]
NO_AMOUNTS = [
    *(
        "",
        "forty",
        "-40",
        "−40",
        "+40",
        "$-40",
        "-$40",
        "40.",
        ".5",
        "40.005",
        "40,00",
        "4,00,000",
        "1,234,56",
        "1.2.3",
    ),
    *(
        "1,234 567",
        "€40",
        "40 EUR",
        "CA$40",
        "$40 USD",
        "40 credits",
        "4e3",
        "0x28",
        "٤٠",
        "４０",
        "1.2.3",
        "NaN",
        "1_000",
    ),
    "9" * 21,
]


@pytest.mark.parametrize(("typed", "currency", "locale", "amount_minor"), WRITTEN)
def test_money_is_read_as_the_reader_writes_it(typed, currency, locale, amount_minor):
    assert read_money(typed, currency, locale) == amount_minor


@pytest.mark.parametrize("typed", NO_AMOUNTS)
def test_what_is_no_amount_of_this_money_is_told_how_to_type_one(typed):
    with pytest.raises(UnreadableAmount) as refused:
        read_money(typed, "usd", "en_US")
    assert refused.value.sentence == "Enter an amount like 40 or 40.00."


@pytest.mark.parametrize(
    ("typed", "currency", "locale", "words"),
    [
        ("40.00", "usd", GERMAN, "Enter an amount like 40 or 40,00."),
        ("1.23", "eur", GERMAN, "Enter an amount like 40 or 40,00."),
        ("40.00", "eur", FRENCH, "Enter an amount like 40 or 40,00."),
        ("40,00", "chf", SWISS, "Enter an amount like 40 or 40.00."),
        ("$40", "cad", "en_CA", "Enter an amount like 40 or 40.00."),
        ("40.00", "jpy", "en_US", "Enter an amount like 40."),
        ("40.0", "isk", "en_US", "Enter an amount like 40."),
        ("1.2345", "kwd", "en_US", "Enter an amount like 40 or 40.000."),
    ],
)
def test_the_example_is_written_in_the_readers_style_with_the_decimals_of_the_currency(typed, currency, locale, words):
    with pytest.raises(UnreadableAmount) as refused:
        read_money(typed, currency, locale)
    assert refused.value.sentence == words


@pytest.mark.parametrize(
    ("typed", "decimals", "locale", "credits"),
    [
        ("800", 0, "en_US", 800),
        ("1,000 credits", 0, "en_US", 1000),
        ("1.000 Credits", 0, GERMAN, 1000),
        ("1 credit", 0, "en_US", 1),
        ("8", 2, "en_US", 800),
        ("8.5", 2, "en_US", 850),
        ("1.234,56", 2, GERMAN, 123456),
        ("1,000,000,000", 0, "en_US", 10**9),
    ],
)
def test_credits_are_read_in_their_smallest_unit(typed, decimals, locale, credits):
    assert read_credits(typed, dataclasses.replace(UNIT, decimals=decimals), locale) == credits


@pytest.mark.parametrize(
    ("typed", "decimals", "words"),
    [
        ("$40", 0, "Enter a number of credits like 800."),
        ("8.5", 0, "Enter a number of credits like 800."),
        ("-1", 0, "Enter a number of credits like 800."),
        ("8.505", 2, "Enter a number of credits like 8."),
        ("0", 0, "Enter at least 1 credit."),
        ("0", 2, "Enter at least 0.01 credits."),
        ("1,000,000,001", 0, "Enter at most 1,000,000,000 credits."),
    ],
)
def test_what_is_no_number_of_credits_says_what_to_type(typed, decimals, words):
    with pytest.raises(UnreadableAmount) as refused:
        read_credits(typed, dataclasses.replace(UNIT, decimals=decimals), "en_US")
    assert refused.value.sentence == words


@pytest.mark.parametrize(
    ("worth", "typed", "credits"),
    [((5, 1), "40", 800), ((5, 1), "0.09", 1), ((1, 3), "0.01", 3), ((7, 3), "0.03", 1), ((7, 3), "1", 42)],
)
def test_money_becomes_the_credits_it_is_worth_rounded_down(worth, typed, credits):
    unit = dataclasses.replace(UNIT, worth_minor=worth[0], worth_credits=worth[1])
    assert read_amount(typed, unit, "en_US", is_money=True) == credits


@pytest.mark.parametrize(
    ("worth", "currency", "typed", "words"),
    [
        ((5, 1), "usd", "0", "Enter at least $0.05."),
        ((5, 1), "usd", "0.04", "Enter at least $0.05."),
        ((7, 3), "usd", "0.02", "Enter at least $0.03."),
        ((5, 1), "usd", "50000000.05", "Enter at most $50,000,000.00."),
        ((5, 1), "jpy", "4", "Enter at least ¥5."),
        ((5, 1), "isk", "0", "Enter at least ISK\N{NO-BREAK SPACE}1."),
    ],
)
def test_money_that_no_credit_or_too_many_are_worth_is_told_its_bounds(worth, currency, typed, words):
    unit = dataclasses.replace(UNIT, worth_minor=worth[0], worth_credits=worth[1], currency=currency)
    with pytest.raises(UnreadableAmount) as refused:
        read_amount(typed, unit, "en_US", is_money=True)
    assert refused.value.sentence == words


def test_in_a_catalogue_of_money_an_amount_is_its_credits():
    unit = money_catalog().unit
    assert read_amount("12.30", unit, "en_US", is_money=True) == 1230 * unit.worth_credits // unit.worth_minor


@given(
    amount=st.integers(1, 10**10),
    currency=st.sampled_from(["usd", "eur", "jpy", "chf", "kwd"]),
    locale=st.sampled_from(["en_US", GERMAN, FRENCH, SWISS, INDIAN, "en_US@space_comma", "de_DE@apostrophe_dot"]),
)
def test_whatever_the_pages_write_is_read_back_exactly(amount, currency, locale):
    assert read_money(money(amount, currency, locale), currency, locale) == amount
    assert read_credits(credits_number(amount % 10**9 + 1, UNIT, locale), UNIT, locale) == amount % 10**9 + 1


@given(amount_minor=st.integers(1, 10**8), worth=st.integers(1, 50), credits=st.integers(1, 50))
def test_the_credits_of_money_are_never_worth_more_than_it_and_one_more_would_be(amount_minor, worth, credits):
    unit = dataclasses.replace(UNIT, worth_minor=worth, worth_credits=credits)
    try:
        found = credits_worth(amount_minor, unit)
    except UnreadableAmount:
        return
    assert worth_minor(found, unit) <= amount_minor
    assert (found + 1) * worth > amount_minor * credits


@given(st.text(max_size=40))
def test_no_text_whatever_breaks_the_reading(typed):
    for locale in ("en_US", GERMAN, FRENCH, INDIAN):
        found = read_number(typed, locale)
        assert found is None or found >= 0
