"""The bar of a limit: where it turns amber and red, how wide it is, and what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.web.display import percent_used
from webapp.web.meters import Meter, meter, meter_state


def bar(used: int, limit: int) -> Meter:
    return meter(used, limit, text=f"{used} of {limit} used", locale="en_GB")


@pytest.mark.parametrize(
    ("used", "state", "share", "width"),
    [
        (0, "ok", "0%", "0.00%"),
        (1, "ok", "under 1%", "0.20%"),
        (399, "ok", "80%", "79.80%"),
        (400, "warn", "80%", "80.00%"),
        (414, "warn", "83%", "82.80%"),
        (499, "warn", "99%", "99.80%"),
        (500, "bad", "100%", "100.00%"),
        (700, "bad", "140%", "100.00%"),
    ],
)
def test_bar_turns_amber_at_80_percent_and_red_when_nothing_is_left(
    used: int, state: str, share: str, width: str
) -> None:
    found = bar(used, 500)
    assert (found.state, found.share, found.width) == (state, share, width)
    words = {"ok": "on track", "warn": "running low", "bad": "used up"}[state]
    assert found.text == f"{used} of 500 used, {share}, {words}"
    assert (found.chip[0], found.chip[2].lower()) == (state, words)


def test_limit_of_nothing_is_used_up_and_still_a_bar_that_can_be_drawn() -> None:
    found = bar(0, 0)
    assert (found.state, found.width, found.now, found.most) == ("bad", "100.00%", 1, 1)


@given(used=st.integers(0, 10**12), limit=st.integers(1, 10**12))
def test_width_state_and_share_never_contradict_each_other(used: int, limit: int) -> None:
    found = bar(used, limit)
    assert 0 <= found.now <= found.most == limit
    assert (found.width == "100.00%") == (found.state == "bad") == (used >= limit)
    assert (float(found.width[:-1]) >= 80) == (meter_state(used, limit) != "ok")
    assert found.share == percent_used(used, limit, "en_GB")
