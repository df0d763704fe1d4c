"""Meters with tiers, a minimum and a rule for work that overran its hold, as the catalogue says them."""

from pathlib import Path

import pytest

from tests.support.catalogs import changed, faults, load
from webapp.catalog import Tier

PRICE = "credits = 3\n"
STARTED = 'rounding = "started"\n'


def test_a_meter_with_one_price_has_one_tier_and_the_strictest_rules(tmp_path: Path) -> None:
    meter = load(tmp_path, changed(PRICE, "credits = 3\nper = 60\n")).meters[0]
    assert meter.tiers == (Tier(up_to=None, credits=3, per=60),)
    assert (meter.credits, meter.per, meter.minimum_credits, meter.overrun) == (3, 60, 0, "refuse")


def test_tiers_have_the_per_of_their_meter_or_their_own(tmp_path: Path) -> None:
    tiers = "[{up_to = 120, credits = 3}, {up_to = 165, credits = 2, per = 45}, {credits = 1}]"
    text = changed(PRICE, f'per = 60\nminimum_credits = 6\noverrun = "balance"\ntiers = {tiers}\n')
    meter = load(tmp_path, text).meters[0]
    assert meter.tiers == (Tier(120, 3, 60), Tier(165, 2, 45), Tier(None, 1, 60))
    assert (meter.minimum_credits, meter.overrun) == (6, "balance")


def test_tiers_may_be_written_as_tables_of_their_own(tmp_path: Path) -> None:
    text = changed(PRICE, "") + "[[meters.tiers]]\nup_to = 100\ncredits = 3\n[[meters.tiers]]\ncredits = 2\n"
    assert load(tmp_path, text).meters[0].tiers == (Tier(100, 3, 1), Tier(None, 2, 1))


def test_the_last_tier_may_end_anywhere_in_a_step(tmp_path: Path) -> None:
    text = changed(PRICE, "tiers = [{up_to = 60, credits = 3, per = 30}, {credits = 2, per = 7}]\n")
    assert load(tmp_path, text).meters[0].tiers[1] == Tier(None, 2, 7)


def test_steps_may_be_cut_where_the_sum_is_rounded(tmp_path: Path) -> None:
    text = changed(PRICE, "tiers = [{up_to = 50, credits = 3, per = 60}, {credits = 2}]\n")
    assert load(tmp_path, text.replace('"started"', '"total"')).meters[0].tiers[0] == Tier(50, 3, 60)


ONE_FAULT = {
    "tiers beside a price": (
        "credits = 3 # HERE\ntiers = [{credits = 2}]",
        'meter "call_minute": credits stand in each tier; a meter with tiers has none of its own.',
    ),
    "no tiers": ("tiers = [] # HERE", 'meter "call_minute": there must be from 1 to 20 tiers, not 0.'),
    "too many tiers": (
        f"tiers = [{', '.join(f'{{up_to = {end}, credits = 1}}' for end in range(1, 21))}, {{credits = 1}}] # HERE",
        "there must be from 1 to 20 tiers, not 21.",
    ),
    "tiers of text": (
        'tiers = "3, 2" # HERE',
        'meter "call_minute": tiers must be written as a list of tables, like [{up_to = 100, credits = 3}, ',
    ),
    "tiers of numbers": ("tiers = [3, 2] # HERE", "tiers must be written as a list of tables"),
    "last with an end": (
        "tiers = [{up_to = 10, credits = 2},\n{up_to = 20, credits = 2}] # HERE",
        'meter "call_minute", tier number 2: the last tier goes on for ever; it has no up_to.',
    ),
    "first without an end": (
        "tiers = [\n{credits = 2}, # HERE\n{credits = 1}]",
        'meter "call_minute", tier number 1: up_to is missing.',
    ),
    "ends at nothing": ("tiers = [\n{up_to = 0, credits = 2}, # HERE\n{credits = 1}]", "up_to must be from 1 to"),
    "half an end": (
        "tiers = [\n{up_to = 1.5, credits = 2}, # HERE\n{credits = 1}]",
        "up_to must be a whole number, not 1.5.",
    ),
    "the same end twice": (
        "tiers = [{up_to = 10, credits = 3},\n{up_to = 10, credits = 2}, # HERE\n{credits = 1}]",
        "tier number 2: up_to must be above the 10 of the tier before, not 10.",
    ),
    "falling ends": (
        "tiers = [{up_to = 10, credits = 3},\n{up_to = 9, credits = 2}, # HERE\n{credits = 1}]",
        "tier number 2: up_to must be above the 10 of the tier before, not 9.",
    ),
    "a tier for nothing": (
        "tiers = [{up_to = 10, credits = 3},\n{credits = 0}] # HERE",
        "tier number 2: credits must be from 1 to",
    ),
    "a tier without price": (
        "tiers = [{up_to = 10, credits = 3},\n{per = 2}] # HERE",
        "tier number 2: credits is missing.",
    ),
    "a misspelt key of a tier": (
        "tiers = [\n{upto = 10, up_to = 10, credits = 3}, # HERE\n{credits = 2}]",
        'tier number 1: there is no key "upto" here (did you mean up_to?).',
    ),
    "a cut step": (
        "tiers = [\n{up_to = 100, credits = 3, per = 60}, # HERE\n{credits = 2}]",
        'with rounding "started" a tier is made of whole steps of 60, and from 0 to 100 there are 100 units.',
    ),
    "a cut second step": (
        "tiers = [\n{up_to = 100, credits = 3},\n{up_to = 190, credits = 2, per = 60}, # HERE\n{credits = 2}]",
        "whole steps of 60, and from 100 to 190 there are 90 units.",
    ),
    "a negative minimum": ("credits = 3\nminimum_credits = -1 # HERE", "minimum_credits must be from 0 to"),
    "a minimum with a point": ("credits = 3\nminimum_credits = 1.0 # HERE", "minimum_credits must be a whole number"),
    "an unknown overrun": (
        'credits = 3\noverrun = "debt" # HERE',
        'overrun must be "refuse" or "balance", not "debt".',
    ),
}


@pytest.mark.parametrize(("new", "words"), ONE_FAULT.values(), ids=ONE_FAULT.keys())
def test_a_fault_of_a_price_is_told_alone_with_its_line(tmp_path: Path, new: str, words: str) -> None:
    text = changed(PRICE, f"{new}\n")
    line = 1 + next(number for number, line in enumerate(text.splitlines()) if "# HERE" in line)
    ((found_line, sentence),) = faults(tmp_path, text)
    assert words in sentence
    assert found_line == line


def test_every_fault_of_the_tiers_is_told_at_once(tmp_path: Path) -> None:
    tiers = 'tiers = [\n{up_to = "ten", credits = 3},\n{up_to = 5, credits = 0},\n{credits = true}]\n'
    assert faults(tmp_path, changed(PRICE, tiers)) == [
        (33, 'meter "call_minute", tier number 1: up_to must be a whole number, not "ten".'),
        (34, 'meter "call_minute", tier number 2: credits must be from 1 to 1,000,000,000, not 0.'),
        (35, 'meter "call_minute", tier number 3: credits must be a whole number, not true.'),
    ]
