"""`credits_hold` around a block of work in the application."""

import dataclasses
import datetime as dt
import logging

import pytest
import time_machine
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.app.one_database import database_url
from webapp.extensions import db, parts
from webapp.integrate import credits_hold
from webapp.integrate.reserving import Asked, reserve
from webapp.ledger.errors import (
    CaptureAboveHold,
    HoldClosed,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidCredits,
    InvalidRequest,
    UnknownAccount,
)
from webapp.orm import utc_now

__all__ = ["database_url"]


def test_leaving_without_a_word_takes_all(payer, books, written):
    with credits_hold(payer.account_id, meter="transcript", quantity=4) as hold:
        assert (hold.credits, books().held) == (4, 4)
        assert db.engine.pool.checkedout() == 0
    assert written() == [("hold", 0), ("capture", -4)]
    assert (books().available, books().held) == (6, 0)


def test_what_was_used_is_taken_and_the_rest_goes_back(payer, books):
    with credits_hold(payer.account_id, meter="transcript", quantity=4) as hold:
        posted = hold.capture(quantity=3)
    assert (posted.entry.credits, posted.entry.meter, posted.entry.quantity) == (-3, "transcript", 3)
    assert (books().available, books().held) == (7, 0)


def test_credits_may_be_said_without_a_meter(payer, books):
    with credits_hold(payer.account_id, credits=8, description="A day at sea") as hold:
        posted = hold.capture(credits=5)
    assert (posted.entry.meter, posted.entry.quantity, posted.entry.description) == ("", None, "A day at sea")
    assert books().available == 5


@pytest.mark.parametrize("settle", [lambda hold: hold.release(), lambda hold: hold.capture(quantity=0)])
def test_work_that_used_nothing_costs_nothing(payer, books, written, settle):
    with credits_hold(payer.account_id, meter="transcript", quantity=4) as hold:
        settle(hold)
    assert written() == [("hold", 0), ("release", 0)]
    assert books().available == 10


def test_an_exception_gives_all_back_and_goes_on(payer, books):
    with pytest.raises(ZeroDivisionError), credits_hold(payer.account_id, credits=4):
        raise ZeroDivisionError
    assert (books().available, books().held) == (10, 0)


def test_an_exception_after_the_capture_leaves_it(payer, books):
    def work(hold):
        hold.capture(credits=3)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), credits_hold(payer.account_id, credits=4) as hold:
        work(hold)
    assert books().available == 7


def test_too_few_credits_are_told_before_the_block_runs(payer, books):
    with pytest.raises(InsufficientCredits) as refused, credits_hold(payer.account_id, credits=11):
        pytest.fail("the block ran")
    assert refused.value.facts == {"needed": 11, "available": 10}
    assert books().held == 0


def test_more_than_was_held_is_refused_and_less_may_follow(payer, books):
    with credits_hold(payer.account_id, meter="transcript", quantity=4) as hold:
        with pytest.raises(CaptureAboveHold):
            hold.capture(quantity=5)
        hold.capture(quantity=4)
    assert books().available == 6


def test_a_meter_may_take_from_the_balance_what_a_hold_did_not_have(app, payer, books, monkeypatch):
    told = parts()
    meters = [dataclasses.replace(meter, overrun="balance") for meter in told.catalog.meters]
    catalog = dataclasses.replace(told.catalog, meters=tuple(meters))
    monkeypatch.setitem(app.extensions, "refill", dataclasses.replace(told, catalog=catalog))
    with credits_hold(payer.account_id, meter="transcript", quantity=4) as hold:
        with pytest.raises(InsufficientCredits):
            hold.capture(quantity=11)
        with pytest.raises(CaptureAboveHold):
            hold.capture(credits=5)
        assert hold.capture(quantity=6).entry.credits == -6
    assert (books().available, books().held) == (4, 0)


def test_a_hold_whose_time_has_passed_is_told_and_takes_nothing(payer, books):
    began = utc_now()
    with time_machine.travel(began, tick=False) as clock:
        with pytest.raises(HoldClosed) as told, credits_hold(payer.account_id, credits=4, lasts_seconds=60):
            clock.move_to(began + dt.timedelta(seconds=60))
        assert told.value.facts["state"] == "expired"
        assert (books().available, books().held) == (10, 0)


def test_work_that_fails_after_its_hold_has_expired_tells_its_own_error(payer, books):
    began = utc_now()
    with time_machine.travel(began, tick=False) as clock:

        def work():
            clock.move_to(began + dt.timedelta(seconds=61))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), credits_hold(payer.account_id, credits=4, lasts_seconds=60):
            work()
        assert books().available == 10


def test_a_job_started_anew_goes_on_with_its_hold_and_pays_once(payer, books):
    first = reserve(Asked(account_id=payer.account_id, credits=4), key="job-7")  # then its worker dies
    with credits_hold(payer.account_id, credits=4, key="job-7") as hold:
        assert hold.number == first.seq
    assert (books().available, books().held) == (6, 0)
    with pytest.raises(HoldClosed) as told, credits_hold(payer.account_id, credits=4, key="job-7"):
        pytest.fail("the block ran")
    assert told.value.facts["state"] == "captured"
    assert books().available == 6


def test_a_job_whose_hold_was_given_back_holds_anew(payer, books):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), credits_hold(payer.account_id, credits=4, key="job-7"):
            raise ZeroDivisionError
    with credits_hold(payer.account_id, credits=4, key="job-7"):
        pass
    assert books().available == 6


def test_a_key_of_other_work_is_refused(payer):
    with credits_hold(payer.account_id, credits=4, key="job-7"):
        pass
    with pytest.raises(IdempotencyConflict), credits_hold(payer.account_id, credits=3, key="job-7"):
        pytest.fail("the block ran")


def test_no_key_of_a_job_takes_the_place_of_what_settles_it(payer, books):
    """Keys of jobs may be made of what users type, and the number of the next hold can be guessed."""
    for key in ("capture#2", "hold:4#capture", "app:capture#6"):
        with credits_hold(payer.account_id, credits=1, key=key):
            pass
    for key in ("release#8", "hold:10#release"):
        with pytest.raises(ZeroDivisionError), credits_hold(payer.account_id, credits=1, key=key):
            raise ZeroDivisionError
    assert (books().available, books().held) == (7, 0)


def test_no_key_of_a_job_takes_the_place_of_anothers_second_try(payer, books):
    for key in ("job#2", "app#2:job"):
        with credits_hold(payer.account_id, credits=1, key=key):
            pass
    for failing in (True, False):
        try:
            with credits_hold(payer.account_id, credits=4, key="job"):
                assert not failing
        except AssertionError:
            assert failing
    assert books().available == 4


def test_credits_that_are_none_are_refused(payer, written):
    for wrong in (0, -1, True, 1.5, "7", 10**9 + 1):
        with pytest.raises(InvalidCredits), credits_hold(payer.account_id, credits=wrong):
            pytest.fail("the block ran")
    assert written() == []


def test_quantities_that_are_none_are_refused(payer, written):
    for wrong in (-1, True, 1.5, "7"):
        with pytest.raises(InvalidRequest), credits_hold(payer.account_id, meter="transcript", quantity=wrong):
            pytest.fail("the block ran")
    assert written() == []


def test_what_code_got_wrong_is_an_error_at_once(payer):
    for wrong in ({}, {"credits": 1, "quantity": 1, "meter": "transcript"}):
        with pytest.raises(TypeError), credits_hold(payer.account_id, **wrong):
            pytest.fail("the block ran")
    with (
        pytest.raises(LookupError, match="no meter 'calls'"),
        credits_hold(payer.account_id, meter="calls", quantity=1),
    ):
        pytest.fail("the block ran")
    with pytest.raises(UnknownAccount), credits_hold(2, credits=1):
        pytest.fail("the block ran")


def test_a_database_that_fails_while_giving_back_does_not_hide_the_works_error(payer, books, caplog):
    def fail(*_):
        raise OperationalError("UPDATE", {}, Exception("the disk is gone"))

    def work():
        event.listen(db.engine, "before_cursor_execute", fail)
        raise ZeroDivisionError

    hold = credits_hold(payer.account_id, credits=4, lasts_seconds=60)
    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError), hold as held:
        work()
    event.remove(db.engine, "before_cursor_execute", fail)
    assert "it ends by itself" in caplog.text
    assert not held.is_open
    with time_machine.travel(utc_now() + dt.timedelta(seconds=60), tick=False):
        assert (books().available, books().held) == (10, 0)
