"""The ledger against a small program of dictionaries that shares no code with it, on random stories.

The gate tells a sample that is always the same. REFILL_STORIES=2000 (`make prove-model`) tells more, by a seed;
REFILL_SHRINK=1 looks for the shortest story that fails, which takes minutes.
"""

import os
from collections import Counter

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.ledger.stories.machine import Stories
from tests.ledger.stories.meeting import MUST_MEET

SAMPLE = 40
STORIES = int(os.environ.get("REFILL_STORIES", SAMPLE))
PHASES = (Phase.generate, Phase.shrink) if os.environ.get("REFILL_SHRINK") else (Phase.generate,)


def test_the_ledger_does_what_the_model_does(shared_engine):
    met = Counter()
    machine = type("Machine", (Stories,), {"engine": shared_engine, "met": met})
    profile = settings(
        max_examples=STORIES,
        stateful_step_count=30,
        derandomize=STORIES == SAMPLE,
        database=None,
        deadline=None,
        phases=PHASES,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=profile)
    assert {what: met[what] for what, least in MUST_MEET.items() if met[what] < least} == {}
