"""The client when answers are lost, late or refused: the same key again, bounded, and never the API key told."""

import json
import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from tests.client.played import Fault
from tests.support.site import free_port
from webapp.client import (
    HoldClosed,
    NotAllowed,
    Refill,
    RefillError,
    Refused,
    ServerFailed,
    TooManyRequests,
    Unreachable,
)

LOST = Fault(is_effect_lost=True)


def test_an_answer_lost_after_the_effect_is_asked_for_again_with_the_same_key(refill, played):
    played.faults.append(LOST)
    booked = refill.spend(credits=10)
    assert (booked.entry.credits, booked.available, booked.is_replayed) == (-10, 920, True)
    first, second = played.keys()
    assert first == second
    assert played.books.available["external:user-7"] == 920


def test_every_call_that_moves_credits_survives_a_lost_answer_once(refill, played):
    hold = refill.hold(credits=10)
    entry = refill.spend(credits=10).entry
    for call in (
        lambda: refill.hold(credits=10),
        lambda: refill.capture(hold.id, credits=4),
        lambda: refill.release(refill.hold(credits=3).id),
        lambda: refill.reverse(entry.id, credits=10),
        lambda: refill.grant(kind="bonus", credits=5, reason="Sorry"),
    ):
        played.asked.clear()
        played.faults.append(LOST)
        call()
        assert played.keys()[0] == played.keys()[1]
    assert played.books.available["external:user-7"] == 930 - 10 - 10 - 4 + 10 + 5


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_is_busy_is_asked_again(refill, played, status):
    played.fail(status, status)
    assert refill.spend(credits=10).available == 920
    assert len(set(played.keys())) == 1
    assert len(played.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 409, 413, 415, 422])
def test_what_would_be_refused_again_is_asked_once(refill, played, status):
    played.fail(status)
    with pytest.raises(Refused) as refused:
        refill.spend(credits=10)
    assert (refused.value.status, refused.value.code) == (status, "busy")
    assert len(played.asked) == 1


def test_trying_ends_and_the_error_has_the_key(refill, played):
    played.fail(503, 503, 503, 503)
    with pytest.raises(ServerFailed) as refused:
        refill.spend(credits=10)
    assert len(played.asked) == 4
    assert refused.value.key == played.keys()[0]
    assert refill.spend(credits=10, key=refused.value.key).is_replayed is False


def test_retry_after_is_waited_for(refill, played):
    played.fail(429, Retry_After="1")
    began = time.monotonic()
    refill.spend(credits=10)
    assert time.monotonic() - began >= 1.0


def test_a_wait_that_is_too_long_is_left_to_the_caller(refill, played):
    played.fail(429, Retry_After="60")
    with pytest.raises(TooManyRequests) as refused:
        refill.spend(credits=10)
    assert refused.value.retry_after_seconds == 60
    assert len(played.asked) == 1


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]"])
def test_a_success_that_cannot_be_read_is_asked_for_again(refill, played, body):
    played.faults.append(Fault(200, body=body))
    assert refill.spend(credits=10).available == 920


def test_a_redirect_is_not_followed_with_the_key(refill, played):
    played.fail(307, Location="https://evil.example/api/credits/spend")
    with pytest.raises(Refused):
        refill.spend(credits=10)
    assert len(played.asked) == 1


def test_nobody_there_is_told_after_all_tries():
    refill = Refill(f"http://127.0.0.1:{free_port()}", "rk_test_secret", tries=2)
    with pytest.raises(Unreachable) as refused:
        refill.spend(credits=10, key="call-1")
    assert refused.value.key == "call-1"
    assert "ConnectionRefusedError" in str(refused.value)


def test_a_silent_server_is_left_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        refill = Refill(f"http://127.0.0.1:{silent.getsockname()[1]}", "rk_test_secret", timeout_seconds=0.2, tries=2)
        began = time.monotonic()
        with pytest.raises(Unreachable):
            refill.balance()
        assert 0.4 <= time.monotonic() - began < 5


def test_a_block_whose_release_fails_tells_its_own_error(refill, played, caplog):
    hold = refill.hold(credits=10)
    played.fail(503, 503, 503, 503)
    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError), hold:
        raise ZeroDivisionError
    assert "ends by itself" in caplog.text


def test_a_block_whose_hold_has_ended_meanwhile_has_nothing_to_warn_of(refill, caplog):
    refill.hold(credits=10, key="call-1").capture()
    with pytest.raises(HoldClosed), refill.hold(credits=10, key="call-1") as again:
        again.capture()
    assert caplog.text == ""


def test_one_connection_serves_many_calls_and_threads_share_none(refill, played):
    for _ in range(5):
        refill.spend(credits=1)
    assert played.connections == 1
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: refill.spend(credits=1), range(40)))
    assert played.books.available["external:user-7"] == 930 - 45
    assert played.connections <= 9


def test_connections_that_the_server_has_closed_are_replaced_together(played):
    refill = Refill(played.url, "rk_test_secret", tries=2)
    ended = [HTTPConnection(played.url.removeprefix("http://")) for _ in range(3)]
    for connection in ended:
        connection.connect()
        connection.sock.shutdown(socket.SHUT_RDWR)
    refill._wire._idle.extend(ended)
    assert refill.spend(credits=1).available == 929
    refill.close()


def test_a_forked_process_opens_connections_of_its_own(refill, played):
    refill.spend(credits=1)
    refill._wire._process_id -= 1  # as after a fork
    before = refill._wire._idle[0]
    refill.spend(credits=1)
    assert played.connections == 2
    before.close()


@pytest.mark.parametrize(
    "address",
    [
        "http://credits.example.com",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.7:8000",
        "http://localhost.evil.example",
        "ftp://127.0.0.1",
        "https://someone@credits.example.com",
        "https://credits.example.com/path",
        "credits.example.com",
    ],
)
def test_addresses_that_would_show_the_key_are_refused(address):
    with pytest.raises(ValueError, match="base_url must"):
        Refill(address, "rk_test_secret")


@pytest.mark.parametrize(
    "address", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:80", "https://a.example/"]
)
def test_addresses_that_keep_the_key_are_taken(address):
    assert Refill(address, "rk_test_secret")


@pytest.mark.parametrize("key", ["", "rk test", "rk_test\r\nX-Evil: 1", "rk_tést"])
def test_a_key_that_is_none_is_refused_and_not_told(key):
    with pytest.raises(ValueError, match="That is no API key"):
        Refill("https://credits.example.com", key)


def test_the_api_key_stands_in_no_error_and_no_log(refill, played, caplog):
    told = [repr(refill), repr(refill.hold(credits=1))]
    with caplog.at_level(logging.DEBUG):
        for fault in (401, 503):
            played.fail(*[fault] * 4)
            with pytest.raises(RefillError) as refused:
                refill.spend(credits=1)
            told += [str(refused.value), repr(refused.value), repr(vars(refused.value))]
    assert "rk_test_secret" not in " ".join(told) + caplog.text


def test_a_wrong_key_is_told(refill, played):
    problem = {"code": "invalid_key", "detail": "That key isn't known here."}
    played.faults.append(Fault(401, body=json.dumps(problem).encode()))
    with pytest.raises(NotAllowed, match=r"That key isn't known here\. \(401 invalid_key\)"):
        refill.balance()
