"""What work costs, against exact fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.catalog import Meter
from webapp.metering import cost_credits, quantity_for


def meter(credits: int, per: int = 1, rounding: str = "total") -> Meter:
    return Meter(
        slug="m", title="M", unit="unit", unit_plural="units", unit_short="", activity="", credits=credits, per=per,
        rounding=rounding,  # type: ignore[arg-type]  # one of the two words
    )  # fmt: skip


def exact_cost(m: Meter, quantity: int) -> int:
    if m.rounding == "started":
        return math.ceil(Fraction(quantity, m.per)) * m.credits
    return math.ceil(Fraction(quantity) * m.credits / m.per)


@pytest.mark.parametrize(
    ("m", "quantity", "credits"),
    [
        (meter(3, rounding="started"), 12, 36),  # Outbound call, 12 min
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
    ],
)
def test_costs_are_rounded_up_as_the_meter_says(m: Meter, quantity: int, credits: int) -> None:
    assert cost_credits(m, quantity) == credits


def test_every_small_cost_and_quantity_is_the_exact_one() -> None:
    seen = 0
    for rounding in ("started", "total"):
        for price in range(1, 8):
            for per in range(1, 13):
                m = meter(price, per, rounding)
                for quantity in range(60):
                    assert cost_credits(m, quantity) == exact_cost(m, quantity)
                    most = quantity_for(m, quantity)
                    assert cost_credits(m, most) <= quantity < cost_credits(m, most + 1)
                    seen += 1
    assert seen == 2 * 7 * 12 * 60


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(0, 2**53), st.sampled_from(["started", "total"]))
def test_large_costs_are_exact_and_never_promise_what_is_not_paid(
    credits: int, per: int, count: int, rounding: str
) -> None:
    m = meter(credits, per, rounding)
    assert cost_credits(m, count) == exact_cost(m, count)
    most = quantity_for(m, count)
    assert cost_credits(m, most) <= count < cost_credits(m, most + 1)


@pytest.mark.parametrize("wrong", [True, 1.0, "1", None])
def test_only_an_int_is_a_quantity(wrong: object) -> None:
    with pytest.raises(TypeError, match="must be an int"):
        cost_credits(meter(1), wrong)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(TypeError, match="must be an int"):
        quantity_for(meter(1), wrong)  # type: ignore[arg-type]  # that is the point


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="can't be negative"):
        cost_credits(meter(1), -1)
    with pytest.raises(ValueError, match="can't be negative"):
        quantity_for(meter(1), -1)
