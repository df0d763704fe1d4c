"""Credits, money, minutes and shares as people read them (pages 3.1). The minus is U+2212 throughout."""

import dataclasses
from fractions import Fraction

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples import in_currency, money_catalog, pack, sample_catalog
from webapp.catalog import Pack
from webapp.web.display import (
    MINUS,
    Figure,
    activity_text,
    amount,
    credits_number,
    credits_text,
    credits_word,
    display_filters,
    equivalent,
    figure,
    meter_price,
    minutes_text,
    money,
    number,
    percent_used,
    price_rate,
    quantity_text,
    saving_percent,
    saving_text,
    short_amount,
    signed_amount,
    signed_credits,
    signed_money,
    unit_price,
    usage_text,
    worth,
    worth_minor,
)

UNIT = sample_catalog().unit
NBSP = "\u00a0"


def test_the_minus_is_the_true_one() -> None:
    assert MINUS == "\u2212"
    assert "-" not in money(-599, "usd") + number(-1) + signed_credits(-36, UNIT) + credits_text(-1, UNIT)


@pytest.mark.parametrize(
    ("credits", "text"),
    [
        (0, "0 credits"),
        (1, "1 credit"),
        (2, "2 credits"),
        (1000, "1,000 credits"),
        (-1, "−1 credit"),
        (-12, "−12 credits"),
    ],
)
def test_credits_carry_their_word(credits: int, text: str) -> None:
    assert credits_text(credits, UNIT) == text


@pytest.mark.parametrize(("credits", "text"), [(500, "+500"), (-36, "−36"), (0, "0"), (1000, "+1,000")])
def test_gains_carry_a_plus(credits: int, text: str) -> None:
    assert signed_credits(credits, UNIT) == text


def test_credits_may_have_decimals_or_a_symbol() -> None:
    fine = dataclasses.replace(UNIT, decimals=2)
    assert credits_text(150, fine) == "1.50 credits"
    assert credits_text(100, fine) == "1.00 credit"
    assert credits_text(1, fine) == "0.01 credits"
    assert signed_credits(-150, fine, "de") == "−1,50"
    marked = dataclasses.replace(UNIT, symbol="◎")
    assert credits_text(-12, marked) == "−◎12"
    assert signed_credits(12, marked) == "+◎12"
    assert credits_word(1, marked) == ""


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (4650, "usd", "$46.50"),
        (125_000, "usd", "$1,250.00"),
        (0, "usd", "$0.00"),
        (5, "usd", "$0.05"),
        (-599, "usd", "−$5.99"),
        (599, "USD", "$5.99"),
        (500, "cad", "CA$5.00"),
        (500, "aud", "A$5.00"),
        (500, "nzd", "NZ$5.00"),
        (-500, "sgd", f"−SGD{NBSP}5.00"),
        (4650, "eur", "€46.50"),
        (-599, "eur", "−€5.99"),
        (125_000, "jpy", "¥125,000"),
        (-500, "jpy", "−¥500"),
        (0, "jpy", "¥0"),
        (3500, "gbp", "£35.00"),
        (500_000, "isk", f"ISK{NBSP}5,000"),
        (500_000, "ugx", f"UGX{NBSP}5,000"),
        (5120, "kwd", f"KWD{NBSP}5.120"),
    ],
)
def test_money_carries_the_symbol_and_the_decimals_of_its_currency(amount_minor: int, currency: str, text: str) -> None:
    assert money(amount_minor, currency) == text


@pytest.mark.parametrize(
    ("locale", "currency", "text"),
    [
        ("de", "usd", f"−1.234,56{NBSP}$"),
        ("de_DE", "eur", f"−1.234,56{NBSP}€"),
        ("en_AU", "usd", "−$1,234.56"),
        ("en_AU", "aud", "−A$1,234.56"),
        ("en-GB", "gbp", "−£1,234.56"),
        ("fr", "cad", f"−1\u202f234,56{NBSP}CA$"),
        ("ja", "jpy", "−¥123,456"),
        ("sv", "sek", f"−1{NBSP}234,56{NBSP}SEK"),
        ("ar", "usd", f"−1,234.56{NBSP}$"),
    ],
)
def test_the_locale_places_the_symbol_but_never_changes_it(locale: str, currency: str, text: str) -> None:
    assert money(-123_456, currency, locale) == text


def test_changes_of_money_carry_their_sign() -> None:
    assert [signed_money(minor, "usd") for minor in (599, -599, 0)] == ["+$5.99", "−$5.99", "$0.00"]
    assert signed_money(599, "jpy") == "+¥599"


@given(st.integers(-(2**53), 2**53), st.sampled_from(["usd", "eur", "jpy", "kwd", "cad"]))
def test_every_minor_unit_can_be_read_back_from_the_text(amount_minor: int, currency: str) -> None:
    text = money(amount_minor, currency)
    digits = "".join(letter for letter in text if letter.isdigit())
    assert int(digits) == abs(amount_minor)
    assert text.startswith(MINUS) == (amount_minor < 0)
    decimals = {"jpy": 0, "kwd": 3}.get(currency, 2)
    assert len(text.partition(".")[2]) == decimals


@pytest.mark.parametrize(
    ("credits", "text"),
    [
        (930, "$46.50 (~310 min)"),
        (929, "$46.45 (~309 min)"),
        (3, "$0.15 (~1 min)"),
        (5, "$0.25 (~1 min)"),
        (2, "$0.10 (under 1 min)"),
        (1, "$0.05 (under 1 min)"),
        (0, "$0.00 (0 min)"),
        (-12, "−$0.60 (0 min)"),
        (25_000, "$1,250.00 (~8,333 min)"),
    ],
)
def test_a_balance_tells_its_worth_and_its_minutes(credits: int, text: str) -> None:
    assert equivalent(credits, sample_catalog()) == text


def test_a_balance_of_money_is_money_with_its_minutes() -> None:
    catalog = money_catalog()
    assert equivalent(1230, catalog) == "$12.30 (~82 min)"
    assert figure(1230, catalog) == Figure(value="$12.30", unit="(~82 min)", below="")
    assert figure(1230, catalog).text == "$12.30 (~82 min)"
    assert amount(1230, catalog) == short_amount(1230, catalog) == "$12.30"
    assert [signed_amount(change, catalog) for change in (-36, 36, 0)] == ["−$0.36", "+$0.36", "$0.00"]


def test_a_balance_of_credits_stands_above_its_worth() -> None:
    catalog = sample_catalog()
    assert figure(930, catalog) == Figure(value="930", unit="credits", below="$46.50 (~310 min)")
    assert figure(1, catalog).text == "1 credit"
    assert figure(-12, catalog) == Figure(value="−12", unit="credits", below="−$0.60 (0 min)")
    assert (amount(930, catalog), short_amount(930, catalog)) == ("930 credits", "930")
    assert [signed_amount(change, catalog) for change in (-36, 500, 0)] == ["−36", "+500", "0"]


def test_without_a_main_meter_no_minutes_are_told() -> None:
    catalog = dataclasses.replace(sample_catalog(), main_meter=None)
    assert equivalent(930, catalog) == "$46.50"
    assert minutes_text(930, catalog) == activity_text(930, catalog) == ""
    assert figure(930, dataclasses.replace(money_catalog(), main_meter=None)) == Figure("$9.30", "", "")


def test_the_worth_of_yen_has_no_decimals() -> None:
    assert equivalent(930, in_currency(sample_catalog(), "jpy")) == "¥4,650 (~310 min)"
    assert equivalent(930, in_currency(sample_catalog(), "eur")) == "€46.50 (~310 min)"
    assert equivalent(930, sample_catalog(), "de") == f"46,50{NBSP}$ (~310 min)"


@given(st.integers(-(10**9), 10**12), st.integers(1, 10**6), st.integers(1, 10**6))
def test_worth_is_never_rounded_up(credits: int, minor: int, per: int) -> None:
    unit = dataclasses.replace(UNIT, worth_minor=minor, worth_credits=per)
    exact = Fraction(credits * minor, per)
    assert exact - 1 < worth_minor(credits, unit) <= exact


def test_a_third_of_a_cent_is_no_cent() -> None:
    unit = dataclasses.replace(UNIT, worth_minor=1, worth_credits=3)
    assert [worth(few, unit) for few in (0, 1, 2, 3, 5)] == ["$0.00", "$0.00", "$0.00", "$0.01", "$0.01"]
    assert worth(-1, unit) == "−$0.01"


@given(st.integers(-100, 10**7))
def test_a_minute_is_never_promised_that_the_credits_do_not_pay(credits: int) -> None:
    text = minutes_text(credits, sample_catalog())
    if text.startswith("~"):
        promised = int(text[1:].removesuffix(" min").replace(",", ""))
        assert promised * 3 <= credits < (promised + 1) * 3
    else:
        assert text == ("0 min" if credits <= 0 else "under 1 min")
        assert credits < 3


def test_units_other_than_minutes_have_their_own_words() -> None:
    transcript, tokens = sample_catalog().meters[1:]
    by_page = dataclasses.replace(sample_catalog(), main_meter=transcript)
    by_token = dataclasses.replace(sample_catalog(), main_meter=tokens)
    assert [minutes_text(few, by_page) for few in (0, 1, 2)] == ["0 pages", "~1 page", "~2 pages"]
    assert minutes_text(930, by_token) == "~465,000 tokens"
    assert activity_text(930, by_token) == "~465,000 tokens"
    assert activity_text(100, sample_catalog()) == "~33 min of calls"


def test_a_line_of_history_names_what_was_metered() -> None:
    call, transcript, tokens = sample_catalog().meters
    assert usage_text(call, 12) == "Outbound call · 12 min"
    assert usage_text(call, 1) == "Outbound call · 1 min"
    assert usage_text(transcript, 1) == "Transcript · 1 page"
    assert usage_text(tokens, 1200) == "Tokens · 1,200 tokens"
    assert usage_text(call, None) == "Outbound call"
    assert quantity_text(1200, tokens, "de") == "1.200 tokens"


def test_a_meter_tells_its_price_and_its_rounding() -> None:
    prices = [meter_price(meter, sample_catalog()) for meter in sample_catalog().meters]
    assert prices == ["3 credits per started minute", "1 credit per page", "2 credits per 1,000 tokens"]
    assert [meter_price(meter, money_catalog()) for meter in money_catalog().meters] == ["$0.15 per started minute"]


def test_the_compare_table_is_right_to_the_third_decimal() -> None:
    catalog = sample_catalog()
    rows = [(p.name, unit_price(p, catalog.unit), saving_text(p, catalog.packs[:5])) for p in catalog.packs]
    assert rows == [
        ("Starter", "$0.050", ""),
        ("Small", "$0.040", "Save 20%"),
        ("Popular", "$0.035", "Save 30%"),
        ("Power", "$0.030", "Save 40%"),
        ("Maximum", "$0.025", "Save 50%"),
        ("Plus extra", "$0.030", "Save 40%"),
    ]
    assert [activity_text(p.credits, catalog) for p in catalog.packs] == [
        "~33 min of calls", "~166 min of calls", "~333 min of calls", "~1,666 min of calls", "~3,333 min of calls",
        "~66 min of calls",
    ]  # fmt: skip
    assert price_rate(catalog.packs[2], catalog) == "$0.035 per credit"


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (pack(1000, 3500, "eur"), "€0.035"),
        (pack(1000, 3500, "jpy"), "¥3.5"),
        (pack(1000, 5000, "jpy"), "¥5"),
        (pack(10, 50_000, "jpy"), "¥5,000"),
        (pack(3, 1000, "jpy"), "¥333.333"),
        (pack(1000, 3500, "kwd"), f"KWD{NBSP}0.004"),
        (pack(1000, 350_000, "isk"), f"ISK{NBSP}3.5"),
        (pack(10_000, 125), "under $0.001"),
        (pack(10**6, 500), "under $0.001"),
        (pack(8, 1), "$0.001"),
        (pack(1, 99_999_999), "$999,999.990"),
    ],
)
def test_the_price_of_a_credit_has_three_decimals_where_the_currency_has_cents(made: Pack, text: str) -> None:
    assert unit_price(made, UNIT) == text


@given(st.integers(1, 10**9), st.integers(1, 99_999_999))
def test_the_price_of_a_credit_is_the_nearest_thousandth(credits: int, amount_minor: int) -> None:
    text = unit_price(pack(credits, amount_minor), UNIT)
    exact = Fraction(amount_minor, 100 * credits)
    shown = Fraction(text.removeprefix("under ").removeprefix("$").replace(",", ""))
    if text.startswith("under"):
        assert exact < shown == Fraction(1, 1000)
    else:
        assert abs(exact - shown) <= Fraction(1, 2000)


def test_packs_of_money_are_compared_by_the_minute() -> None:
    catalog = money_catalog()
    assert [price_rate(p, catalog) for p in catalog.packs] == [
        "$0.150 per min", "$0.136 per min", "$0.125 per min", "$0.120 per min",
    ]  # fmt: skip
    assert price_rate(catalog.packs[0], dataclasses.replace(catalog, main_meter=None)) == ""
    assert unit_price(pack(150, 599), dataclasses.replace(UNIT, decimals=2)) == "$3.993"


def test_savings_count_only_against_packs_on_sale() -> None:
    dear, cheap = pack(100, 1000), pack(100, 500)
    assert saving_percent(cheap, [dear, cheap]) == 50
    assert saving_percent(cheap, [dataclasses.replace(dear, is_active=False), cheap]) == 0
    assert saving_percent(dear, [dear, cheap]) == 0
    assert saving_percent(pack(100, 2000), [dear, cheap]) == 0
    assert saving_percent(cheap, []) == 0
    assert saving_text(cheap, [cheap]) == ""


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=6))
def test_a_saving_is_never_overstated(sizes: list[tuple[int, int]]) -> None:
    packs = [pack(size, amount_minor) for size, amount_minor in sizes]
    dearest = max(Fraction(p.amount_minor, p.credits) for p in packs)
    for p in packs:
        exact = 100 * (1 - Fraction(p.amount_minor, p.credits) / dearest)
        assert exact - 1 < saving_percent(p, packs) <= exact


@pytest.mark.parametrize(
    ("used", "limit", "text"),
    [
        (0, 500, "0%"),
        (1, 500, "under 1%"),
        (2, 500, "under 1%"),
        (3, 500, "1%"),
        (399, 500, "80%"),
        (400, 500, "80%"),
        (414, 500, "83%"),
        (499, 500, "99%"),
        (999_999, 1_000_000, "99%"),
        (500, 500, "100%"),
        (600, 500, "120%"),
        (-5, 500, "0%"),
        (5, 0, "100%"),
        (0, 0, "0%"),
    ],
)
def test_shares_are_honest_at_both_ends(used: int, limit: int, text: str) -> None:
    assert percent_used(used, limit) == text


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_a_share_is_full_only_at_the_limit(used: int, limit: int) -> None:
    text = percent_used(used, limit)
    assert (text == "under 1%") == (Fraction(used, limit) < Fraction(1, 200))
    if used < limit and text != "under 1%":
        assert 1 <= int(text[:-1]) <= 99
    elif used >= limit:
        assert int(text[:-1].replace(",", "")) >= 100


def test_templates_know_every_rule_by_its_name() -> None:
    app = Flask("test")
    app.jinja_env.filters.update(display_filters())
    template = app.jinja_env.from_string(
        "{{ 930|equivalent(catalog) }}|{{ -36|signed_amount(catalog) }}|{{ 599|money('usd', 'de') }}|"
        "{{ (930|figure(catalog)).value }}|{{ pack|price_rate(catalog) }}|{{ pack|saving_text(catalog.packs) }}"
    )
    catalog = sample_catalog()
    text = template.render(catalog=catalog, pack=catalog.pack("popular"))
    assert text == f"$46.50 (~310 min)|−36|5,99{NBSP}$|930|$0.035 per credit|Save 30%"


def test_no_rule_of_display_takes_the_place_of_a_filter_of_jinja() -> None:
    assert not set(display_filters()) & set(Flask("test").jinja_env.filters)
    assert all(callable(rule) for rule in display_filters().values())


def test_credits_and_whole_numbers_follow_the_locale() -> None:
    assert [number(-1234567, locale) for locale in ("en_US", "de", "fr")] == [
        "−1,234,567", "−1.234.567", "−1\u202f234\u202f567",
    ]  # fmt: skip
    assert credits_number(1000, UNIT, "de") == "1.000"
    assert credits_text(1000, UNIT, "de") == "1.000 credits"
