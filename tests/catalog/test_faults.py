"""Each fault of a catalogue is told with its line. `# HERE` marks the line that the sentence must name."""

from pathlib import Path

import pytest

from tests.support.catalogs import GOOD, changed, faults, load


def test_the_good_catalogue_is_good(tmp_path: Path) -> None:
    catalog = load(tmp_path, GOOD)
    assert [pack.slug for pack in catalog.packs] == ["starter", "plus-extra"]
    assert catalog.meters[0].unit_plural == "minutes"


def test_a_policy_of_refunds_is_read_and_none_is_none(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).refund_days == 0
    assert load(tmp_path, changed("[[meters]]", "[refunds]\nwindow_days = 14\n[[meters]]")).refund_days == 14


STARTER, PLUS_EXTRA, FREE, PLUS = "credits = 100\n", "credits = 200\n", "amount_minor = 0\n", "amount_minor = 1900\n"

ONE_FAULT = {
    "bool for credits": (STARTER, "credits = true # HERE\n", "credits must be a whole number, not true"),
    "text for credits": (STARTER, 'credits = "100" # HERE\n', 'credits must be a whole number, not "100"'),
    "decimal point": (STARTER, "credits = 100.0 # HERE\n", "credits must be a whole number, not 100.0"),
    "not a number": (STARTER, "credits = nan # HERE\n", "credits must be a whole number, not nan"),
    "date": (STARTER, "credits = 2026-11-20 # HERE\n", "credits must be a whole number, not 2026-11-20"),
    "list": (STARTER, "credits = [100] # HERE\n", "credits must be a whole number, not a list"),
    "table": (STARTER, "credits = {a = 1} # HERE\n", "credits must be a whole number, not a table"),
    "no credits": (STARTER, "credits = 0 # HERE\n", "credits must be from 1 to 1,000,000,000, not 0"),
    "negative credits": (STARTER, "credits = -5 # HERE\n", "credits must be from 1 to 1,000,000,000, not -5"),
    "too many credits": (
        STARTER,
        "credits = 1_000_000_001 # HERE\n",
        "credits must be from 1 to 1,000,000,000, not 1,000,000,001",
    ),
    "number for a flag": ("featured = true", "featured = 1 # HERE", "featured must be true or false, not 1"),
    "text for a flag": ("featured = true", 'active = "no" # HERE', 'active must be true or false, not "no"'),
    "free pack": (
        "amount_minor = 500\n",
        "amount_minor = 0 # HERE\n",
        "amount_minor must be from 1 to 99,999,999, not 0",
    ),
    "dear pack": (
        "amount_minor = 500\n",
        "amount_minor = 100_000_000 # HERE\n",
        "amount_minor must be from 1 to 99,999,999, not 100,000,000",
    ),
    "negative plan": (PLUS, "amount_minor = -1 # HERE\n", "amount_minor must be from 0 to 99,999,999, not -1"),
    "misspelt key": (
        "amount_minor = 500\n",
        "amount_minor = 500\ncredit = 5 # HERE\n",
        'there is no key "credit" here (did you mean credits?).',
    ),
    "key of nobody": (STARTER, f"{STARTER}zzz = 1 # HERE\n", 'there is no key "zzz" here.'),
    "policy without its days": ("[[meters]]", "[refunds] # HERE\n[[meters]]", "[refunds]: window_days is missing."),
    "policy of no days": (
        "[[meters]]",
        "[refunds]\nwindow_days = 0 # HERE\n[[meters]]",
        "[refunds]: window_days must be from 1 to 365, not 0",
    ),
    "policy of too many days": (
        "[[meters]]",
        "[refunds]\nwindow_days = 366 # HERE\n[[meters]]",
        "[refunds]: window_days must be from 1 to 365, not 366",
    ),
    "policy in words": (
        "[[meters]]",
        '[refunds]\nwindow_days = "14 days" # HERE\n[[meters]]',
        '[refunds]: window_days must be a whole number, not "14 days"',
    ),
    "policy with another key": (
        "[[meters]]",
        "[refunds]\nwindow_days = 14\nwindow_hours = 1 # HERE\n[[meters]]",
        '[refunds]: there is no key "window_hours" here (did you mean window_days?).',
    ),
    "policy that is no table": ("[credit]", "refunds = 14 # HERE\n[credit]", "refunds must be a table, not 14"),
    "misspelt policy": (
        "[[meters]]",
        "[refund] # HERE\n[[meters]]",
        'there is no key "refund" here (did you mean refunds?)',
    ),
    "unknown table": ("[[meters]]", "[coupons] # HERE\n[[meters]]", 'there is no key "coupons" here.'),
    "unknown credit key": ("worth_minor = 5", "worth_minor = 5\nworht = 1 # HERE", 'there is no key "worht" here'),
    "capital slug": ('slug = "starter"', 'slug = "Starter" # HERE', 'not "Starter"'),
    "slug with space": ('slug = "starter"', 'slug = "a b" # HERE', "slug must be lower-case letters"),
    "slug of a part of the page": ('slug = "starter"', 'slug = "grid" # HERE', "a name of the credits page itself"),
    "slug with dash at the end": ('slug = "starter"', 'slug = "a-" # HERE', "slug must be lower-case letters"),
    "slug of digits": ('slug = "starter"', 'slug = "1" # HERE', "beginning with a letter"),
    "slug of another script": ('slug = "starter"', 'slug = "стартер" # HERE', "slug must be lower-case letters"),
    "slug with new line": ('slug = "starter"', 'slug = "a\\n" # HERE', 'not "a\\n"'),
    "long slug": ('slug = "starter"', f'slug = "{"a" * 41}" # HERE', "at most 40 characters"),
    "slug twice": (
        'slug = "plus-extra"',
        'slug = "starter" # HERE',
        'another one above has the slug "starter" already',
    ),
    "empty name": (
        'name = "Starter"',
        'name = "" # HERE',
        'name must be one line of text without spaces around it, not ""',
    ),
    "blank name": ('name = "Starter"', 'name = "  " # HERE', "name must be one line of text"),
    "name with spaces around": ('name = "Starter"', 'name = " Starter" # HERE', "without spaces around it"),
    "name of two lines": ('name = "Starter"', 'name = "Star\\nter" # HERE', "name must be one line of text"),
    "name that turns the text around": (
        'name = "Starter"',
        'name = "a\\u202eb" # HERE',
        "name must be one line of text",
    ),
    "long name": ('name = "Starter"', f'name = "{"n" * 41}" # HERE', "name is 41 characters long; at most 40 fit"),
    "number for a name": ('name = "Starter"', "name = 7 # HERE", "name must be text, not 7"),
    "long badge": ("featured = true", f'badge = "{"b" * 25}" # HERE', "badge is 25 characters long; at most 24 fit"),
    "empty badge is left out instead": ("featured = true", 'badge = "\\t" # HERE', "badge must be one line of text"),
    "second featured": (PLUS_EXTRA, f"{PLUS_EXTRA}featured = true # HERE\n", 'pack "starter" is featured already'),
    "unknown audience": ('audience = "plan:plus"', 'audience = "friends" # HERE', 'not "friends"'),
    "audience of no plan": (
        'audience = "plan:plus"',
        'audience = "plan:gold" # HERE',
        'audience names the plan "gold", which is not in',
    ),
    "audience without a slug": ('audience = "plan:plus"', 'audience = "plan:" # HERE', 'audience names the plan ""'),
    "audience in capitals": ('audience = "plan:plus"', 'audience = "plan:Plus" # HERE', 'names the plan "Plus"'),
    "audience of a list": (
        'audience = "plan:plus"',
        'audience = ["plan:plus"] # HERE',
        "audience must be text, not a list",
    ),
    "unknown takeback": (
        "featured = true",
        'takeback = "keep" # HERE',
        'takeback must be "debt" or "floor", not "keep"',
    ),
    "unknown interval": (PLUS, f'{PLUS}interval = "week" # HERE\n', 'interval must be "month" or "year", not "week"'),
    "second free plan": (PLUS, "amount_minor = 0 # HERE\n", 'plan "free" costs nothing already'),
    "a free plan by the year": (
        "welcome_credits = 20",
        'allowance_every = "year" # HERE',
        "a plan that costs nothing gives its allowance every month",
    ),
    "a trial of what is free": ("welcome_credits = 20", "trial_days = 7 # HERE", "for plans that cost something"),
    "a free plan that is not sold": ("welcome_credits = 20", "active = false # HERE", "leave the table out"),
    "a year's allowance of a month": (
        PLUS,
        f'{PLUS}allowance_every = "year" # HERE\n',
        "this plan is paid every month",
    ),
    "nothing to roll over": (PLUS, f"{PLUS}rollover_credits = 5 # HERE\n", "needs an allowance"),
    "an endless trial": (PLUS, f"{PLUS}trial_days = 731 # HERE\n", "trial_days must be from 0 to 730"),
    "welcome of a subscription": (PLUS, f"{PLUS}welcome_credits = 5 # HERE\n", "welcome_credits are for new accounts"),
    "negative welcome": ("welcome_credits = 20", "welcome_credits = -1 # HERE", "welcome_credits must be from 0 to"),
    "unknown currency": (
        'currency = "usd"',
        'currency = "xyz" # HERE',
        'currency "xyz" is none that Stripe can charge',
    ),
    "short currency": ('currency = "usd"', 'currency = "us" # HERE', 'currency "us" is none that Stripe can charge'),
    "symbol for a currency": (
        'currency = "usd"',
        'currency = "$" # HERE',
        'currency "$" is none that Stripe can charge',
    ),
    "other currency of a pack": (
        STARTER,
        f'{STARTER}currency = "eur" # HERE\n',
        'currency is "eur", but the catalogue is in "usd"',
    ),
    "other currency of a plan": (
        PLUS,
        f'{PLUS}currency = "eur" # HERE\n',
        'currency is "eur", but the catalogue is in "usd"',
    ),
    "unknown currency of a pack": (STARTER, f'{STARTER}currency = "usx" # HERE\n', 'currency "usx" is none'),
    "unknown display": ('display = "credits"', 'display = "euros" # HERE', 'display must be "credits" or "money"'),
    "unknown main meter": (
        'main_meter = "call_minute"',
        'main_meter = "calls" # HERE',
        'main_meter names the meter "calls"',
    ),
    "worth nothing": ("worth_minor = 5", "worth_minor = 0 # HERE", "worth_minor must be from 1 to"),
    "too many decimals": ("worth_minor = 5", "worth_minor = 5\ndecimals = 5 # HERE", "decimals must be from 0 to 4"),
    "no rounding": ('rounding = "started"', 'rounding = "down" # HERE', 'rounding must be "started" or "total"'),
    "meter without price": ("credits = 3\n", "credits = 0 # HERE\n", "credits must be from 1 to"),
    "meter per nothing": ("credits = 3\n", "credits = 3\nper = 0 # HERE\n", "per must be from 1 to"),
    "long unit": ('unit = "minute"', f'unit = "{"u" * 21}" # HERE', "unit is 21 characters long; at most 20 fit"),
}


@pytest.mark.parametrize(("old", "new", "words"), ONE_FAULT.values(), ids=ONE_FAULT.keys())
def test_a_fault_is_told_alone_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = changed(old, new)
    line = 1 + next(number for number, line in enumerate(text.splitlines()) if "# HERE" in line)
    ((found_line, sentence),) = faults(tmp_path, text)
    assert words in sentence
    assert found_line == line


@pytest.mark.parametrize(
    ("removed", "line", "words"),
    [
        ('currency = "usd"\n', 1, "currency is missing."),
        ("worth_minor = 5\n", 4, "[credit]: worth_minor is missing."),
        ('slug = "starter"\n', 6, "pack number 1: slug is missing."),
        ('name = "Starter"\n', 6, 'pack "starter": name is missing.'),
        ("credits = 200\n", 12, 'pack "plus-extra": credits is missing.'),
        ("amount_minor = 1900\n", 23, 'plan "plus": amount_minor is missing.'),
        ('title = "Outbound call"\n', 28, 'meter "call_minute": title is missing.'),
        ('unit = "minute"\n', 28, 'meter "call_minute": unit is missing.'),
        ('rounding = "started"\n', 28, 'meter "call_minute": rounding is missing.'),
    ],
)
def test_a_missing_key_is_told_with_the_line_of_its_table(tmp_path: Path, removed: str, line: int, words: str) -> None:
    assert faults(tmp_path, changed(removed, "")) == [(line, words)]


def test_every_fault_is_told_at_once_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = changed("credits = 100\n", 'credits = "many"\n').replace("[[meters]]", "[[metres]]")
    text = text.replace('name = "Plus"', 'name = "Plus"\nallowance = 3').replace("credits = 200", "credits = 0")
    assert faults(tmp_path, text) == [
        (3, 'main_meter names the meter "call_minute", which is not in this file.'),
        (9, 'pack "starter": credits must be a whole number, not "many".'),
        (15, 'pack "plus-extra": credits must be from 1 to 1,000,000,000, not 0.'),
        (26, 'plan "plus": there is no key "allowance" here (did you mean allowance_every?).'),
        (29, 'there is no key "metres" here (did you mean meters?).'),
    ]


def test_slugs_that_differ_only_in_case_are_duplicates(tmp_path: Path) -> None:
    found = faults(tmp_path, changed('slug = "plus-extra"', 'slug = "STARTER"'))
    assert [line for line, _ in found] == [13, 13]
    assert any('another one above has the slug "starter"' in sentence for _, sentence in found)


def test_a_pack_a_plan_and_a_meter_may_share_a_slug(tmp_path: Path) -> None:
    assert load(tmp_path, changed('slug = "starter"', 'slug = "plus"')).pack("plus") is not None


@pytest.mark.parametrize("key", ["packs", "plans", "meters"])
def test_packs_plans_and_meters_are_arrays_of_tables(tmp_path: Path, key: str) -> None:
    text = f'currency = "usd"\n{key} = 3\ncredit.worth_minor = 5\n'
    found = faults(tmp_path, text)
    assert (2, f"{key} must be written as [[{key}]] tables, one for each {key[:-1]}.") in found


def test_single_brackets_instead_of_double_ones_are_explained(tmp_path: Path) -> None:
    text = 'currency = "usd"\n[credit]\nworth_minor = 5\n[packs]\nslug = "starter"\n'
    assert faults(tmp_path, text) == [(4, "packs must be written as [[packs]] tables, one for each pack.")]


def test_inline_tables_are_as_good_as_long_ones(tmp_path: Path) -> None:
    text = """\
currency = "usd"
credit.worth_minor = 5
packs = [
  { slug = "a", name = "A", credits = 1, amount_minor = 50 },
  { slug = "b", name = "B", credits = 0, amount_minor = 50 },
]
"""
    assert faults(tmp_path, text) == [(5, 'pack "b": credits must be from 1 to 1,000,000,000, not 0.')]
    assert len(load(tmp_path, text.replace("credits = 0", "credits = 2")).packs) == 2


def test_a_catalogue_without_packs_sells_nothing(tmp_path: Path) -> None:
    text = 'currency = "usd"\n[credit]\nworth_minor = 5\n'
    sentence = "there is nothing to buy: add at least one [[packs]] table."
    assert faults(tmp_path, text) == [(1, sentence)]
    assert faults(tmp_path, f"packs = []\n{text}") == [(1, sentence)]


def test_an_empty_file_lacks_everything_that_has_no_default(tmp_path: Path) -> None:
    for content in ("", "# only a comment\n"):
        assert [sentence for _, sentence in faults(tmp_path, content)] == [
            "currency is missing.",
            "there is no [credit] table.",
            "there is nothing to buy: add at least one [[packs]] table.",
        ]


def test_subscribers_need_something_to_subscribe_to(tmp_path: Path) -> None:
    text = 'currency = "usd"\n[credit]\nworth_minor = 5\n[[packs]]\nslug = "a"\nname = "A"\ncredits = 1\n'
    text += 'amount_minor = 50\naudience = "subscribers"\n'
    assert faults(tmp_path, text) == [(9, 'pack "a": audience is "subscribers", but there is no plan to subscribe to.')]
    free = '[[plans]]\nslug = "f"\nname = "F"\namount_minor = 0\n'
    assert len(faults(tmp_path, text + free)) == 1
    catalog = load(tmp_path, text + free + free.replace("0", "100").replace("f", "p").replace("F", "P"))
    assert [catalog.packs[0].is_open_to(plan) for plan in (None, *catalog.plans)] == [False, False, True]


def test_money_needs_credits_worth_whole_cents(tmp_path: Path) -> None:
    text = changed('display = "credits"', 'display = "money"')
    assert load(tmp_path, text).display == "money"
    uneven = text.replace("worth_minor = 5", "worth_minor = 5\nworth_credits = 2")
    ((line, sentence),) = faults(tmp_path, uneven)
    assert line == 2
    assert "2 credits are worth 5" in sentence


@pytest.mark.parametrize(
    ("currency", "amount_minor", "words"),
    [
        ("isk", 550, "Stripe wants amounts in isk in steps of 100, not 550."),
        ("ugx", 50, "Stripe wants amounts in ugx in steps of 100, not 50."),
        ("kwd", 5124, "Stripe wants amounts in kwd in steps of 10, not 5,124."),
        ("isk", 1, "Stripe wants amounts in isk in steps of 100, not 1."),
    ],
)
def test_some_currencies_have_no_such_price(tmp_path: Path, currency: str, amount_minor: int, words: str) -> None:
    text = f'currency = "{currency}"\n[credit]\nworth_minor = 5\n[[packs]]\nslug = "a"\nname = "A"\ncredits = 1\n'
    ((line, sentence),) = faults(tmp_path, f"{text}amount_minor = {amount_minor}\n")
    assert (line, sentence) == (8, f'pack "a": {words}')
    assert load(tmp_path, f"{text}amount_minor = 1000\n").packs[0].amount_minor == 1000


def test_a_price_that_is_at_fault_already_is_not_told_twice(tmp_path: Path) -> None:
    text = changed('currency = "usd"', 'currency = "isk"').replace("amount_minor = 500\n", "amount_minor = 0\n")
    text = text.replace("amount_minor = 599", "amount_minor = true")
    assert [(line, sentence.partition(":")[0]) for line, sentence in faults(tmp_path, text)] == [
        (10, 'pack "starter"'),
        (16, 'pack "plus-extra"'),
    ]


def test_a_currency_may_be_written_in_capitals_and_is_kept_as_stripe_writes_it(tmp_path: Path) -> None:
    catalog = load(tmp_path, changed('currency = "usd"', 'currency = "USD"'))
    assert {catalog.unit.currency, catalog.packs[0].currency, catalog.plans[0].currency} == {"usd"}


def test_a_changed_price_changes_the_terms_and_a_changed_name_does_not(tmp_path: Path) -> None:
    terms = load(tmp_path, GOOD).packs[0].terms
    assert len(terms) == 16
    same = [('name = "Starter"', 'name = "Start"'), ("featured = true", "featured = false")]
    other = [(STARTER, "credits = 101\n"), ("amount_minor = 500\n", "amount_minor = 501\n")]
    other += [('slug = "starter"', 'slug = "start"'), ('currency = "usd"', 'currency = "eur"')]
    assert {load(tmp_path, changed(*change)).packs[0].terms for change in same} == {terms}
    assert len({terms} | {load(tmp_path, changed(*change)).packs[0].terms for change in other}) == 5
