"""The example product: what each call costs, by the client against a Refill that plays."""

import subprocess
import sys

import pytest

from examples.voice_calls.__main__ import make_calls
from examples.voice_calls.calls import Call, place
from tests.client.conftest import played, refill
from tests.support.databases import ROOT

__all__ = ["played", "refill"]


@pytest.fixture
def left(refill):
    return lambda: (refill.balance().available, refill.balance().held)


def test_talked_minutes_are_charged_each_started_one_whole(refill, left):
    assert place(refill, Call("1", "+1 555 0100", talked_seconds=61)) == "2 min: 6 credits, 924 left"
    assert left() == (924, 0)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (Call("1", "+1 555 0100"), "no answer: not charged"),
        (Call("1", "+1 555 0100", talked_seconds=60, is_dropped=True), "dropped: not charged"),
    ],
)
def test_what_was_no_call_costs_nothing(refill, left, call, told):
    assert place(refill, call) == told
    assert left() == (930, 0)


def test_a_call_placed_twice_is_charged_once(refill, left):
    for _ in range(2):
        assert place(refill, Call("1", "+1 555 0100", talked_seconds=61)) == "2 min: 6 credits, 924 left"
    assert left() == (924, 0)


def test_a_call_longer_than_its_hold_costs_no_more_than_the_hold(refill, left):
    assert place(refill, Call("1", "+1 555 0100", talked_seconds=3600)) == "10 min: 30 credits, 900 left"


def test_without_credits_for_it_a_call_is_not_placed(refill, played, left):
    played.books.available["external:user-7"] = 29
    told = place(refill, Call("1", "+1 555 0100", talked_seconds=60))
    assert told == (
        "not placed: it needs 30 credits and 29 are there. Buy: https://credits.example.com/dashboard/credits#packs"
    )
    assert left() == (29, 0)


def test_three_calls_at_once_never_spend_the_same_credits(refill, played, left, capsys):
    played.books.available["external:user-7"] = 80
    make_calls(refill)
    told = capsys.readouterr().out
    assert told.count("15 credits") == 1
    assert told.count("not placed") == 2
    assert left() == (80 - 12 - 27 - 15, 0)


def test_the_whole_example_runs_once_and_its_books_add_up():
    command = [sys.executable, "-m", "examples.voice_calls", "--once"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    for line in ("4 min: 12 credits", "dropped: not charged", "no answer: not charged", "9 min: 27 credits"):
        assert line in ended.stdout
    assert ended.stdout.count("5 min: 15 credits") == 1
    assert ended.stdout.count("not placed: it needs 30 credits") == 2
