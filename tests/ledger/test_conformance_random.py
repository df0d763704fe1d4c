"""Random sequences of operations, told to both forms of the hot path: the same answers, the same rows."""

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine

from tests.ledger.two_forms import assert_same, told
from webapp.ledger.models import GRANT_KINDS

ACCOUNTS = st.integers(0, 3)
KEYS = st.sampled_from([f"k{number}" for number in range(60)])
CREDITS = st.one_of(st.integers(1, 6), st.integers(1, 40))
KINDS = st.sampled_from(GRANT_KINDS)
ZONES = st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Pacific/Kiritimati"])
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "description": st.text(st.characters(categories=("L", "N", "P", "S")), max_size=20),
        "details": st.dictionaries(st.text(max_size=4), st.one_of(st.none(), st.text(max_size=4), st.integers())),
        "meter": st.sampled_from(["call_minute", "transcript"]),
        "key_id": st.integers(0, 3),
    },
)
LINES = st.tuples(ACCOUNTS, CREDITS, KEYS, FACTS)
STEPS = st.one_of(
    st.tuples(
        st.just("grant"), ACCOUNTS, st.integers(5, 60), st.sampled_from(GRANT_KINDS), st.sampled_from([0, 0, 1, 3])
    ),
    st.tuples(st.just("spend"), LINES),
    st.tuples(st.just("batch"), st.lists(LINES, min_size=1, max_size=12)),
    st.tuples(st.just("hold"), ACCOUNTS, CREDITS),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 1, 1, 2])),
)
LEAST = {"fast": 80, "both": 40, "lines": 300}


@pytest.fixture
def postgresql(postgresql_database):
    engine = create_engine(postgresql_database())
    yield engine
    engine.dispose()


def scenario_of(zones, steps, met):
    def scenario(at):
        places = [at.open(zone) for zone in zones]
        for place in places:
            at.grant(place, 300, "bonus")
        for number, (what, *facts) in enumerate(steps):
            if what == "wait":
                at.wait(hours=facts[0])
            elif what == "hold":
                at.do("hold", facts[0], credits=facts[1], key=f"h{number}", lasts_seconds=3600)
            elif what == "grant":
                place, given_credits, kind, hours = facts
                expires_at = at.now + dt.timedelta(hours=hours) if hours else None
                at.grant(place, given_credits, kind, expires_at=expires_at)
            elif what == "spend":
                place, wanted, key, more = facts[0]
                at.spend(place, wanted, key, **more)
            else:
                met["lines"] += len(facts[0])
                at.batch(*facts[0])

    return scenario


def test_random_sequences_end_the_same_in_both_forms(postgresql):
    met = Counter()

    @settings(max_examples=40)
    @given(zones=st.lists(ZONES, min_size=4, max_size=4), steps=st.lists(STEPS, min_size=10, max_size=25))
    def check(zones, steps):
        scenario = scenario_of(zones, steps, met)
        fast = told(postgresql, scenario, is_portable=False)
        portable = told(postgresql, scenario, is_portable=True)
        assert "fast" not in portable.ways
        assert_same(fast, portable)
        met.update(fast.ways)

    check()
    assert {what: met[what] for what, least in LEAST.items() if met[what] < least} == {}
