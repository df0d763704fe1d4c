"""What steps of stories are made of: what is drawn for them, and how often each may happen."""

import datetime as dt

from hypothesis import strategies as st

HOUR = dt.timedelta(hours=1)
INSTANT = dt.timedelta(microseconds=1)
WHO = st.sampled_from([0, 0, 0, 1])
WAITS = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 1, 2])  # in hours: often to the very instant at which something ends
METERS = st.sampled_from(["", "call_minute"])
PICKS = st.integers(0, 11)  # one of the last things: holds, entries, lots

STEPS = {}
NAMES = []


def picked(things, pick):
    """One of them, the last ones first: the same pick is the same distance from the end."""
    return things[-1 - pick % len(things)]


def key_of(meter):
    """Which API key uses this meter; 0 is none."""
    return len(meter)


def step(times=1, **drawn):
    """Mark what may happen next, `times` as often as other things.

    All of it may happen in every story: rules of their own Hypothesis would switch off, most of them in most stories.
    """

    def note_step(run):
        STEPS[run.__name__] = st.fixed_dictionaries(drawn)
        NAMES.extend([run.__name__] * times)
        return run

    return note_step
