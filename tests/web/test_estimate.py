"""How many credits a month's work takes, and which pack is named for it."""

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples import money_catalog, pack, sample_catalog
from webapp.catalog import Catalog, Plan, Tier
from webapp.web.estimate import UnreadableQuantity, estimate, estimate_label, months_text, read_quantity

CATALOG = sample_catalog()
MINUTES = CATALOG.meters[0]


def plan(slug: str) -> Plan:
    found = CATALOG.plan(slug)
    assert found is not None
    return found


def text(typed: str, on: Plan | None = None) -> str:
    answer = estimate(typed, CATALOG, on)
    assert answer is not None
    return answer.text


def test_the_answer_is_the_one_of_the_design() -> None:
    answer = estimate("300", CATALOG, plan("plus"))
    assert answer is not None
    assert (answer.quantity, answer.needed_credits, answer.covered_credits, answer.rest_credits) == (300, 900, 500, 400)
    assert answer.pack == CATALOG.pack("popular")
    assert answer.href == "#pack-popular"
    assert (answer.lead, answer.cover) == ("About 900 credits a month.", "Your Plus allowance covers 500.")
    assert (answer.before, answer.pack_words, answer.after) == (
        "A ", "Popular pack", " covers the other 400 for about 2½ months.",
    )  # fmt: skip


MONTH = "About {} credits a month."


@pytest.mark.parametrize(
    ("typed", "slug", "needed", "words"),
    [
        ("300", None, "900", "A Popular pack covers that for about 1 month."),
        ("300", "free", "900", "A Popular pack covers that for about 1 month."),
        ("100", "plus", "300", "Your Plus allowance covers all of it."),
        ("1", None, "3", "A Starter pack covers that for more than a year."),
        ("30", None, "90", "A Starter pack covers that for about 1 month."),
        ("50", None, "150", "A Popular pack covers that for about 6½ months."),
        (
            "200",
            "plus",
            "600",
            "Your Plus allowance covers 500. A Starter pack covers the other 100 for about 1 month.",
        ),
        ("40", None, "120", "A Small pack covers that for about 4 months."),
        (
            "1,000",
            "pro",
            "3,000",
            "Your Pro allowance covers 2,000. A Popular pack covers the other 1,000 for about 1 month.",
        ),
        ("1500", None, "4,500", "A Power pack covers that for about 1 month."),
        ("10000", None, "30,000", "For that you need about 3 Maximum packs a month."),
        (
            "10000",
            "plus",
            "30,000",
            "Your Plus allowance covers 500. For the other 29,500 you need about 3 Maximum packs a month.",
        ),
    ],
)
def test_a_pack_is_named_that_suits_the_rest(typed: str, slug: str | None, needed: str, words: str) -> None:
    assert text(typed, plan(slug) if slug else None) == f"{MONTH.format(needed)} {words}"


def test_only_packs_on_sale_and_open_to_the_person_are_named() -> None:
    only_plus = dataclasses.replace(CATALOG, packs=CATALOG.packs[5:])
    for_nobody = estimate("300", only_plus, None)
    assert for_nobody is not None
    assert (for_nobody.pack, for_nobody.href, for_nobody.text) == (None, "#packs", "About 900 credits a month.")
    for_plus = estimate("200", only_plus, plan("plus"))
    assert for_plus is not None
    assert for_plus.pack == CATALOG.pack("plus-extra")
    hidden = tuple(dataclasses.replace(each, is_active=False) for each in CATALOG.packs)
    off_sale = estimate("300", dataclasses.replace(CATALOG, packs=hidden), None)
    assert off_sale is not None
    assert off_sale.pack is None


def test_in_a_catalogue_of_money_the_answer_is_money() -> None:
    answer = estimate("300", money_catalog(), None)
    assert answer is not None
    assert answer.text == "About $45.00 a month. A Pro pack covers that for about 1 month."


def test_an_article_fits_its_name() -> None:
    catalog = dataclasses.replace(CATALOG, packs=(pack(10_000, 100, name="Office"),))
    answer = estimate("300", catalog, None)
    assert answer is not None
    assert answer.text.endswith("An Office pack covers that for about 11 months.")


def test_without_a_main_meter_there_is_nothing_to_estimate() -> None:
    assert estimate("300", dataclasses.replace(CATALOG, main_meter=None), None) is None


def test_what_to_type_is_named_by_the_meter() -> None:
    assert estimate_label(MINUTES) == "Minutes of calls a month"
    assert estimate_label(CATALOG.meters[2]) == "Tokens a month"


@pytest.mark.parametrize(
    ("typed", "quantity"),
    [
        ("300", 300),
        (" 300 ", 300),
        ("1,000", 1000),
        ("1 000", 1000),
        ("1\u00a0000", 1000),
        ("1000000", 1_000_000),
        ("1,000,000", 1_000_000),
        ("300 min", 300),
        ("300 Minutes", 300),
        ("1minute", 1),
        ("007", 7),
    ],
)
def test_numbers_are_read_as_people_type_them(typed: str, quantity: int) -> None:
    assert read_quantity(typed, MINUTES) == quantity


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "many",
        "-5",
        "−5",
        "+5",
        "1.5",
        "1,5",
        "1,0000",
        "1e9",
        "0x10",
        "٣٠٠",
        "½",
        "300 pages",
        "1 2",
        "min",
        "9" * 99,
    ],
)
def test_nonsense_is_answered_with_what_to_type(typed: str) -> None:
    with pytest.raises(UnreadableQuantity) as caught:
        read_quantity(typed, MINUTES)
    assert caught.value.sentence == "Enter minutes as a whole number, like 300."
    assert caught.value.code == "unreadable_quantity"


@pytest.mark.parametrize("typed", ["0", "000", "1000001", "99999999999999999999"])
def test_what_is_too_small_or_too_large_is_answered_with_the_range(typed: str) -> None:
    with pytest.raises(UnreadableQuantity) as caught:
        estimate(typed, CATALOG, None)
    assert caught.value.sentence == "Enter a number of minutes from 1 to 1,000,000."


@pytest.mark.parametrize(
    ("typed", "locale"),
    [
        ("1.000", "de_DE"),
        ("1 000", "de_DE"),
        ("1\u202f000", "fr_FR"),
        ("1'000", "de_CH"),
        ("1’000", "de_CH"),
        ("1000", "de"),
    ],
)
def test_thousands_are_read_as_the_reader_writes_them(typed: str, locale: str) -> None:
    assert read_quantity(typed, MINUTES, locale) == 1000


def priced(*tiers: Tier, minimum_credits: int = 0) -> Catalog:
    """The sample, with another price of a minute."""
    return dataclasses.replace(
        CATALOG, main_meter=dataclasses.replace(MINUTES, tiers=tiers, minimum_credits=minimum_credits)
    )


def test_where_several_spends_cost_more_than_one_the_estimate_is_the_least() -> None:
    falling, rising = (Tier(100, 3, 1), Tier(None, 2, 1)), (Tier(100, 2, 1), Tier(None, 3, 1))
    answers = [
        estimate("300", catalog, None)
        for catalog in (priced(*falling), priced(*rising), priced(Tier(None, 3, 1), minimum_credits=6))
    ]
    assert [answer.lead for answer in answers if answer] == [
        "At least 700 credits a month.",
        "About 800 credits a month.",
        "At least 900 credits a month.",
    ]


def test_more_than_the_ledger_can_take_at_once_is_not_estimated() -> None:
    assert estimate("1000", priced(Tier(None, 10**6, 1)), None) is not None
    with pytest.raises(UnreadableQuantity) as caught:
        estimate("1001", priced(Tier(None, 10**6, 1)), None)
    assert caught.value.sentence == "That is more than we can estimate. Enter fewer minutes."


@pytest.mark.parametrize(("typed", "locale"), [("1,000", "de_DE"), ("1.000", "en_US"), ("1.000", "de_DE@comma_dot")])
def test_what_may_be_a_decimal_is_not_taken_for_thousands(typed: str, locale: str) -> None:
    with pytest.raises(UnreadableQuantity):
        read_quantity(typed, MINUTES, locale)


def test_the_range_is_told_as_the_reader_writes_it() -> None:
    with pytest.raises(UnreadableQuantity) as caught:
        read_quantity("0", MINUTES, "de_DE")
    assert caught.value.sentence == "Enter a number of minutes from 1 to 1.000.000."


@given(st.text())
def test_no_text_does_harm(typed: str) -> None:
    try:
        quantity = read_quantity(typed, MINUTES)
    except UnreadableQuantity:
        return
    assert 1 <= quantity <= 1_000_000


@pytest.mark.parametrize(
    ("credits", "a_month", "words"),
    [
        (1000, 400, "about 2½ months"),
        (1000, 1000, "about 1 month"),
        (1999, 1000, "about 1½ months"),
        (1499, 1000, "about 1 month"),
        (2000, 1000, "about 2 months"),
        (500, 1000, "about half a month"),
        (499, 1000, "less than half a month"),
        (12_499, 1000, "about 12 months"),
        (12_500, 1000, "more than a year"),
    ],
)
def test_how_long_credits_last_is_rounded_down(credits: int, a_month: int, words: str) -> None:
    assert months_text(credits, a_month) == words


@given(st.integers(1, 1_000_000), st.sampled_from([None, "free", "plus", "pro"]))
def test_the_parts_add_up_and_the_pack_is_one_that_may_be_bought(minutes: int, slug: str | None) -> None:
    on = plan(slug) if slug else None
    answer = estimate(str(minutes), CATALOG, on)
    assert answer is not None
    assert answer.needed_credits == 3 * minutes
    assert answer.covered_credits + answer.rest_credits == answer.needed_credits
    if answer.rest_credits == 0:
        assert answer.pack is None
        return
    assert answer.pack is not None
    assert answer.pack.is_open_to(on)
    lasts = Fraction(answer.pack.credits, answer.rest_credits)
    if lasts < 1:
        assert answer.pack == CATALOG.pack("maximum")
        needed = int(answer.before.rstrip().rsplit(" ", 1)[1].replace(",", ""))
        assert (needed - 1) * answer.pack.credits < answer.rest_credits <= needed * answer.pack.credits
    if answer.pack.is_featured:
        assert lasts >= 1
