"""Spends over HTTP: a crowd at the door, one key sent many times, and workers that die on the way."""

from collections import Counter
from functools import partial

import pytest

from tests.reliability.conftest import application_of
from tests.reliability.passings import API_SPEND, deaths
from tests.reliability.program import Program
from tests.reliability.serving import CrashPoint
from tests.reliability.together import all_at_once
from tests.reliability.work import LIMIT_OF_TEN
from webapp.extensions import db


@pytest.fixture
def start(served):
    """Makes programs, each with an account of its own."""
    with application_of(served) as app:
        pass
    yield partial(Program, app, served)
    with app.app_context():
        db.engine.dispose()


def test_sixty_four_spends_of_a_balance_of_ten_get_ten_times_201_and_402_else(start, rounds):
    for _ in range(rounds):
        program = start(10)
        answers = all_at_once([partial(program.spend, f"key-{number}") for number in range(64)])
        assert Counter(answer.status for answer in answers) == {201: 10, 402: 54}
        told = [answer.json() for answer in answers]
        assert sorted(one["balance"]["available"] for one in told if "balance" in one) == list(range(10))
        assert {(one["code"], one["available"]) for one in told if "code" in one} == {("insufficient_credits", 0)}
        assert program.spent() == 10
        program.assert_sound(available=0)


def test_sixty_four_spends_under_a_limit_of_ten_get_ten_times_201_and_402_else(start, rounds):
    for _ in range(rounds):
        program = start(100, LIMIT_OF_TEN)
        answers = all_at_once([partial(program.spend, f"key-{number}") for number in range(64)])
        assert Counter(answer.status for answer in answers) == {201: 10, 402: 54}
        told = [answer.json() for answer in answers]
        assert {(one["code"], one["left"]) for one in told if "code" in one} == {("spend_limit_reached", 0)}
        assert program.spent() == 10
        program.assert_sound(available=90)


def test_fifty_requests_with_one_new_key_are_one_entry_and_fifty_equal_answers(start, rounds):
    for _ in range(rounds):
        program = start(10)
        answers = all_at_once([partial(program.spend, "same")] * 50)
        assert Counter(answer.status for answer in answers) == {201: 50}
        assert len({answer.body for answer in answers}) == 1
        assert Counter(answer.headers.get("Idempotent-Replayed") for answer in answers) == {"true": 49, None: 1}
        assert program.spent() == 1
        program.assert_sound(available=9)


def test_a_spend_whose_worker_dies_anywhere_is_there_once_when_its_key_is_sent_again(served, start):
    for name, passing, stored in deaths(API_SPEND):
        program = start(10, LIMIT_OF_TEN)
        point = CrashPoint(served.crash_file, name, passing)
        assert program.spend("key") is None, name
        point.assert_reached()
        assert program.spent() == stored, name
        again = program.spend("key")
        assert again.status == 201, name
        assert ("Idempotent-Replayed" in again.headers) == bool(stored), name
        assert program.spent() == 1, name
        program.assert_sound(available=9)
