"""What meters with tiers and minimums cost, and what credits buy of them, as people read it."""

import dataclasses

from tests.support.samples import money_catalog, sample_catalog
from webapp.catalog import Tier
from webapp.web.display import equivalent, meter_price


def test_a_price_with_tiers_and_a_minimum_is_told_whole() -> None:
    call, _, tokens = sample_catalog().meters
    tiered = dataclasses.replace(call, tiers=(Tier(100, 3, 1), Tier(1000, 2, 1), Tier(None, 1, 1)), minimum_credits=6)
    assert meter_price(tiered, sample_catalog()) == (
        "3 credits per started minute up to 100, then 2 credits per started minute up to 1,000, "
        "then 1 credit per started minute; at least 6 credits"
    )
    dearer = dataclasses.replace(tokens, tiers=(Tier(10_000, 1, 1000), Tier(None, 1, 1)))
    assert meter_price(dearer, sample_catalog()) == "1 credit per 1,000 tokens up to 10,000, then 1 credit per token"
    assert meter_price(tiered, money_catalog()).endswith("; at least $0.06")


def test_units_that_only_one_spend_can_have_are_not_promised_to_several() -> None:
    call = sample_catalog().meters[0]
    falling = dataclasses.replace(call, tiers=(Tier(100, 3, 1), Tier(None, 2, 1)))
    rising = dataclasses.replace(call, tiers=(Tier(100, 2, 1), Tier(None, 3, 1)))
    least = dataclasses.replace(call, minimum_credits=6)
    told = [
        [equivalent(few, dataclasses.replace(sample_catalog(), main_meter=meter)) for few in (930, 5)]
        for meter in (falling, rising, least)
    ]
    assert told == [
        ["$46.50 (up to 415 min)", "$0.25 (up to 1 min)"],
        ["$46.50 (~343 min)", "$0.25 (~2 min)"],
        ["$46.50 (up to 310 min)", "$0.25 (under 1 min)"],
    ]
