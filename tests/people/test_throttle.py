import datetime as dt

import pytest
from sqlalchemy import func, select, text

from webapp.people.models import SignInFailure
from webapp.people.throttle import (
    address_block,
    attempt_of,
    forgive,
    prune_failures,
    record_failure,
    take_back,
    wait_seconds,
)

MINUTE = dt.timedelta(minutes=1)


def attempt(email="sam@example.com", address="203.0.113.7"):
    return attempt_of(email, address, secret="a secret")


def fail(session, who, *, times=1, at):
    return [record_failure(session, who, now=at) for _ in range(times)]


def test_five_tries_are_free_and_then_the_waits_grow(session, now):
    waits = []
    for _ in range(11):
        wait = wait_seconds(session, attempt(), now=now)
        waits.append(wait)
        now += dt.timedelta(seconds=wait)
        fail(session, attempt(), at=now)
    assert waits == [0, 0, 0, 0, 0, 60, 120, 240, 480, 900, 900]


def test_the_wait_runs_down_to_the_very_second(session, now):
    fail(session, attempt(), times=5, at=now)
    assert wait_seconds(session, attempt(), now=now) == 60
    assert wait_seconds(session, attempt(), now=now + dt.timedelta(seconds=0.5)) == 60
    assert wait_seconds(session, attempt(), now=now + dt.timedelta(seconds=59)) == 1
    assert wait_seconds(session, attempt(), now=now + MINUTE) == 0


def test_an_email_is_forgotten_a_day_after_its_failures(session, now):
    fail(session, attempt(), times=9, at=now)
    assert wait_seconds(session, attempt(), now=now + dt.timedelta(hours=23)) == 0
    fail(session, attempt(), at=now + dt.timedelta(hours=23))
    assert wait_seconds(session, attempt(), now=now + dt.timedelta(hours=23)) == 900
    assert wait_seconds(session, attempt(), now=now + dt.timedelta(hours=24)) == 0


def test_an_emails_wait_is_its_own_and_holds_from_every_address(session, now):
    fail(session, attempt(), times=5, at=now)
    assert wait_seconds(session, attempt(address="198.51.100.1"), now=now) == 60
    assert wait_seconds(session, attempt(email="eve@example.com"), now=now) == 0


def test_a_success_forgives_the_email_and_not_the_address(session, now):
    for number in range(30):
        fail(session, attempt(email=f"guess{number}@example.com"), at=now)
    forgive(session, attempt(email="guess0@example.com"))
    assert wait_seconds(session, attempt(email="another@example.com"), now=now) == 0
    fail(session, attempt(email="guess0@example.com"), at=now)
    assert wait_seconds(session, attempt(email="another@example.com"), now=now) == 900


def test_an_address_may_fail_thirty_times_in_fifteen_minutes(session, now):
    for number in range(30):
        assert wait_seconds(session, attempt(email=f"{number}@example.com"), now=now + number * MINUTE / 3) == 0
        fail(session, attempt(email=f"{number}@example.com"), at=now + number * MINUTE / 3)
    later = now + 10 * MINUTE
    assert wait_seconds(session, attempt(email="new@example.com"), now=later) == 300
    assert wait_seconds(session, attempt(email="new@example.com", address="203.0.113.8"), now=later) == 0
    assert wait_seconds(session, attempt(email="new@example.com"), now=now + 15 * MINUTE) == 0


def test_an_attempts_own_row_is_not_counted_against_it(session, now):
    own = fail(session, attempt(), times=5, at=now)[-1]
    assert wait_seconds(session, attempt(), but_id=own, now=now) == 0
    for number in range(25):
        fail(session, attempt(email=f"{number}@example.com"), at=now)
    assert wait_seconds(session, attempt(), but_id=own, now=now) == 0


def test_a_try_that_was_refused_can_be_taken_back(session, now):
    ids = fail(session, attempt(), times=5, at=now)
    take_back(session, ids[0])
    assert wait_seconds(session, attempt(), now=now) == 0
    assert session.scalar(select(func.count()).select_from(SignInFailure)) == 4


def test_a_customer_of_an_ipv6_network_is_one_address(session, now):
    for number in range(30):
        fail(session, attempt(email=f"{number}@example.com", address=f"2001:db8:1:2:{number:x}::1"), at=now)
    assert wait_seconds(session, attempt(email="a@b.example", address="2001:db8:1:2:ffff::9"), now=now) == 900
    assert wait_seconds(session, attempt(email="a@b.example", address="2001:db8:1:3::1"), now=now) == 0


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        (None, ""),
        ("not an address", ""),
    ],
)
def test_addresses_are_counted_by_block(address, block):
    assert address_block(address) == block


def test_the_table_names_nobody(session, now):
    fail(session, attempt(), at=now)
    row = session.execute(text("SELECT * FROM sign_in_failures")).one()
    assert "sam" not in str(row)
    assert "203.0.113" not in str(row)
    other_key = attempt_of("sam@example.com", "203.0.113.7", secret="another secret")
    assert (attempt().email_hash, attempt().address_hash) != (other_key.email_hash, other_key.address_hash)
    assert attempt_of("x", "", secret="s").email_hash != attempt_of("", "", secret="s").address_hash


def test_pruning_takes_what_no_limit_counts_and_nothing_else(session, now):
    fail(session, attempt(), times=3, at=now - dt.timedelta(days=1))
    fail(session, attempt(), times=2, at=now - dt.timedelta(days=1) + dt.timedelta(microseconds=1))
    assert prune_failures(session, now=now) == 3
    assert prune_failures(session, now=now) == 0
    assert session.scalar(select(func.count()).select_from(SignInFailure)) == 2
