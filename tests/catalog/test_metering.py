"""What work costs, against exact fractions."""

import itertools
import math
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.catalog import Meter, Tier
from webapp.ledger.errors import InvalidCredits, InvalidRequest
from webapp.metering import cost_credits, quantity_for

LARGEST = 10**9


def meter(credits: int, per: int = 1, rounding: str = "total", *more: tuple[int, int, int], minimum: int = 0) -> Meter:
    """A meter; each of `more` is where a further tier begins, and its price."""
    begins = [start for start, _, _ in more]
    prices = [(credits, per), *((price, each) for _, price, each in more)]
    tiers = tuple(Tier(end, *price) for end, price in zip([*begins, None], prices, strict=True))
    return Meter(
        slug="m", title="M", unit="unit", unit_plural="units", unit_short="", activity="", tiers=tiers,
        rounding=rounding, minimum_credits=minimum, overrun="refuse",  # type: ignore[arg-type]  # one of the two words
    )  # fmt: skip


def exact_cost(m: Meter, quantity: int) -> int:
    """Unit by unit, or step by step, in fractions; shares nothing with the code."""
    if quantity == 0:
        return 0
    total, start = Fraction(0), 0
    for tier in m.tiers:
        units = min(quantity, quantity if tier.up_to is None else tier.up_to) - start
        if units <= 0:
            break
        steps = Fraction(units, tier.per)
        total += (math.ceil(steps) if m.rounding == "started" else steps) * tier.credits
        start += units
    return max(math.ceil(total), m.minimum_credits)


@pytest.mark.parametrize(
    ("m", "quantity", "credits"),
    [
        (meter(3, 1, "started"), 12, 36),  # Outbound call, 12 min
        (meter(3, 60, "started"), 1, 3),  # a started minute, counted in seconds
        (meter(3, 60, "started"), 60, 3),
        (meter(3, 60, "started"), 61, 6),
        (meter(1), 7, 7),
        (meter(2, 1000), 1, 1),
        (meter(2, 1000), 500, 1),
        (meter(2, 1000), 501, 2),
        (meter(2, 1000), 1000, 2),
        (meter(2, 1000), 1001, 3),
        (meter(2, 1000, "started"), 1, 2),
        (meter(2, 1000), 0, 0),
        (meter(2, 1000, "started"), 0, 0),
        # 3 credits each up to 100, then 2
        (meter(3, 1, "total", (100, 2, 1)), 100, 300),
        (meter(3, 1, "total", (100, 2, 1)), 101, 302),
        (meter(3, 1, "total", (100, 2, 1)), 250, 600),
        # 1 per 3, then 1 per 7: a third and a seventh together are less than a credit, and rounded once
        (meter(1, 3, "total", (1, 1, 7)), 2, 1),
        (meter(1, 3, "total", (1, 1, 7)), 6, 2),
        # a started minute dearer after an hour, in seconds
        (meter(3, 60, "started", (3600, 5, 60)), 3600, 180),
        (meter(3, 60, "started", (3600, 5, 60)), 3601, 185),
        # at least 5 credits, but nothing for nothing
        (meter(2, minimum=5), 0, 0),
        (meter(2, minimum=5), 1, 5),
        (meter(2, minimum=5), 2, 5),
        (meter(2, minimum=5), 3, 6),
        (meter(1), LARGEST, LARGEST),
    ],
)
def test_costs_are_rounded_up_as_the_meter_says(m: Meter, quantity: int, credits: int) -> None:
    assert cost_credits(m, quantity) == credits


def mirror(m: Meter, credits: int) -> None:
    """What is promised for credits is paid by them, and one unit more is not."""
    most = quantity_for(m, credits)
    assert cost_credits(m, most) <= credits
    assert cost_credits(m, most + 1) > credits


def small_meters() -> list[Meter]:
    """Every small meter of one tier, and of two with each width; of three tiers a fixed sample."""
    prices = list(itertools.product((1, 2, 3, 5), (1, 2, 3, 7)))
    found = []
    for rounding, minimum in itertools.product(("total", "started"), (0, 1, 4)):
        found += [meter(*price, rounding, minimum=minimum) for price in prices]
        for first, second, width in itertools.product(prices, prices, (1, 2, 6, 14)):
            found.append(meter(*first, rounding, (width, *second), minimum=minimum))
    sample = Random(8)
    for _ in range(500):
        first, second, third = sample.choices(prices, k=3)
        ends = sorted(sample.sample(range(1, 30), 2))
        rounding = sample.choice(("total", "started"))
        found.append(meter(*first, rounding, (ends[0], *second), (ends[1], *third), minimum=sample.choice((0, 9))))
    return [m for m in found if m.rounding == "total" or has_whole_steps(m)]


def has_whole_steps(m: Meter) -> bool:
    ends = [0, *(tier.up_to for tier in m.tiers if tier.up_to is not None)]
    return all((end - start) % tier.per == 0 for start, end, tier in zip(ends, ends[1:], m.tiers, strict=False))


def test_every_small_cost_and_quantity_is_the_exact_one() -> None:
    meters = small_meters()
    assert sum(m.rounding == "started" for m in meters) > 1000
    assert sum(m.rounding == "total" for m in meters) > 3000
    for m in meters:
        for count in range(33):
            assert cost_credits(m, count) == exact_cost(m, count), (m, count)
            mirror(m, count)


@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 10**6)), min_size=1, max_size=6),
    st.integers(0, 10**6),
    st.integers(0, LARGEST),
)
def test_large_costs_are_exact_or_refused(tiers: list[tuple[int, int, int]], minimum: int, quantity: int) -> None:
    ends = list(itertools.accumulate(width for width, _, _ in tiers))
    more = [(end, price, each) for end, (_, price, each) in zip(ends, tiers[1:], strict=False)]
    m = meter(*tiers[0][1:], "total", *more, minimum=minimum)
    exact = exact_cost(m, quantity)
    if exact <= LARGEST:
        assert cost_credits(m, quantity) == exact
        assert quantity_for(m, exact) >= quantity
    else:
        with pytest.raises(InvalidCredits):
            cost_credits(m, quantity)
        assert quantity_for(m, LARGEST) < quantity


@given(st.integers(1, LARGEST), st.integers(1, LARGEST), st.integers(0, 2**53), st.sampled_from(["started", "total"]))
def test_units_for_a_large_balance_are_never_more_than_it_pays(
    credits: int, per: int, balance: int, rounding: str
) -> None:
    m = meter(credits, per, rounding)
    most = quantity_for(m, balance)
    assert exact_cost(m, most) <= balance < exact_cost(m, most + 1)


def test_a_cost_above_the_largest_spend_is_refused_in_a_sentence() -> None:
    assert cost_credits(meter(LARGEST), 1) == LARGEST
    with pytest.raises(InvalidCredits) as caught:
        cost_credits(meter(LARGEST), 2)
    assert caught.value.sentence == (
        "2 units would cost 2,000,000,000 credits; at most 1,000,000,000 can be used at once."
    )
    assert caught.value.facts == {"needed": 2 * LARGEST, "largest": LARGEST}


@pytest.mark.parametrize("wrong", [True, 1.0, "1", None, -1, LARGEST + 1, 2**63, float("nan")])
def test_only_a_whole_number_to_a_thousand_million_is_a_quantity(wrong: object) -> None:
    with pytest.raises(InvalidRequest, match="whole number from 0 to 1,000,000,000"):
        cost_credits(meter(1), wrong)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("wrong", [True, 1.0, "1", None])
def test_only_an_int_is_a_balance(wrong: object) -> None:
    with pytest.raises(TypeError, match="must be an int"):
        quantity_for(meter(1), wrong)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ValueError, match="can't be negative"):
        quantity_for(meter(1), -1)


def test_several_spends_may_cost_more_where_a_price_falls_or_there_is_a_minimum() -> None:
    falling, rising = meter(3, 1, "total", (10, 2, 1)), meter(2, 1, "total", (10, 3, 1))
    assert [m.is_cheaper_at_once for m in (falling, rising, meter(3), meter(3, minimum=5))] == [
        True,
        False,
        False,
        True,
    ]
    assert 2 * cost_credits(falling, 10) > cost_credits(falling, 20)
    assert 2 * cost_credits(rising, 10) < cost_credits(rising, 20)
    assert meter(2, 1000, "total", (5000, 1, 500)).is_cheaper_at_once is False  # the same rate
    assert [m.is_plain for m in (meter(3), falling, meter(3, minimum=5))] == [True, False, False]
