"""docs/stripe.md says what the code does: its tables are checked against the code."""

import re

from tests.support.databases import ROOT
from webapp.billing.events import HEADER_BYTES, TOLERANCE_SECONDS
from webapp.billing.opening import LIFE
from webapp.billing.reconcile.spans import LOOKS_BACK, OVERLAP, STEP
from webapp.billing.webhooks import HANDLERS, PLAN_HANDLERS
from webapp.web.reconcile.walk import UNREACHABLE_UNTIL_STOP
from webapp.worker.reconcile import SECONDS as RECONCILE_SECONDS
from webapp.worker.rounds import ROUNDS, UNREACHABLE_UNTIL_REST

TEXT = (ROOT / "docs" / "stripe.md").read_text()


def test_the_event_table_is_the_registry_word_for_word():
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", TEXT, re.MULTILINE)
    registered = [*HANDLERS.items(), *PLAN_HANDLERS.items()]
    assert rows == [(kind, str(handler.__doc__).splitlines()[0]) for kind, handler in registered]


def test_the_numbers_in_the_text_are_those_in_the_code():
    assert f"{LIFE.total_seconds() / 3600:.0f} hours after the purchase was opened" in TEXT
    assert (HEADER_BYTES, TOLERANCE_SECONDS) == (4 << 10, 300)
    assert [every.total_seconds() // 60 for _, every in ROUNDS] == [0, 10, 60]
    assert [age.total_seconds() / 60 for age, _ in ROUNDS[:-1]] == [15, 180]
    assert UNREACHABLE_UNTIL_REST == UNREACHABLE_UNTIL_STOP == 3
    assert (OVERLAP.total_seconds(), LOOKS_BACK.days, STEP.days) == (3600, 30, 1)
    assert f"{RECONCILE_SECONDS / 60:.0f}" == "5"
    assert "or five minutes\nin the worker" in TEXT


def test_every_reason_to_ignore_an_event_is_in_the_text():
    files = ("webhooks.py", "payments.py", "money_back/handlers.py", "subscriptions/handlers.py")
    code = "".join((ROOT / "webapp" / "billing" / name).read_text() for name in files)
    reasons = set(
        re.findall(r'ignore\("(\w+)"|"(?:ignored|parked)", "(\w+)"|return "(\w+)"$|else "(\w+)"\)', code, re.MULTILINE)
    )
    words = {word for found in reasons for word in found if word}
    assert len(words) == 14
    assert all(f"`{word}`" in TEXT for word in words)
