"""The limits on failed sign-ins: by e-mail and by address, counted in a table so that they hold across processes.

An e-mail may fail five times, then waits 1, 2, 4, 8 and from then on 15 minutes between two tries; it is forgotten a
day after the failure, or at a success. An address may fail 30 times in 15 minutes, whatever the e-mails.

A try is written down as failed *before* its password is checked, in a transaction of its own, and counted after that.
Counting first would let a hundred parallel tries all find nothing and all be checked. This way the k-th to commit finds
at least k - 1 others, so no flood gets more than five passwords looked at, without a lock and on both databases.
A try that is refused takes its own row back: asking during a wait makes the wait no longer.

The table holds keyed hashes, so that a copy of it names nobody.
"""

import datetime as dt
import hashlib
import hmac
import ipaddress
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from webapp.people.models import SignInFailure

FREE_TRIES = 5
WAITS = tuple(dt.timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 15))
EMAIL_WINDOW = dt.timedelta(days=1)
ADDRESS_TRIES = 30
ADDRESS_WINDOW = dt.timedelta(minutes=15)
IPV6_BLOCK_BITS = 64


@dataclass(frozen=True)
class Attempt:
    """Who tries, and from where, as keyed hashes."""

    email_hash: str
    address_hash: str


def attempt_of(email_key: str, address: str | None, *, secret: str) -> Attempt:
    """The attempt of an e-mail key from a network address. `secret` keys the hashes."""
    return Attempt(
        email_hash=_keyed_hash(secret, "sign-in email", email_key),
        address_hash=_keyed_hash(secret, "sign-in address", address_block(address)),
    )


def record_failure(session: Session, attempt: Attempt, *, now: dt.datetime) -> int:
    """Write an attempt down as failed and give back the row's id."""
    row = SignInFailure(email_hash=attempt.email_hash, address_hash=attempt.address_hash, failed_at=now)
    session.add(row)
    session.flush()
    return row.id


def take_back(session: Session, failure_id: int) -> None:
    """Forget one attempt: it was refused before its password was looked at."""
    session.execute(delete(SignInFailure).where(SignInFailure.id == failure_id))


def forgive(session: Session, attempt: Attempt) -> None:
    """Forget the failures of an e-mail after a success. Those of the address stay: a guesser may own an account."""
    session.execute(delete(SignInFailure).where(SignInFailure.email_hash == attempt.email_hash))


def wait_seconds(session: Session, attempt: Attempt, *, but_id: int = 0, now: dt.datetime) -> int:
    """How long until this attempt may be made, 0 for at once. Reads only; `but_id` is the attempt's own row."""
    until = max(
        _email_waits_until(session, attempt, but_id=but_id, now=now),
        _address_waits_until(session, attempt, but_id=but_id, now=now),
    )
    return max(0, -((now - until) // dt.timedelta(seconds=1)))


def prune_failures(session: Session, *, now: dt.datetime) -> int:
    """Delete the failures that no limit counts any more; give back how many."""
    old = delete(SignInFailure).where(SignInFailure.failed_at <= now - EMAIL_WINDOW).returning(SignInFailure.id)
    return len(session.scalars(old).all())


def address_block(address: str | None) -> str:
    """What counts as one address: an IPv4 address, an IPv6 network of 64 bits (a customer gets at least that)."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return ""  # a socket without addresses: one bucket, so that the limit fails closed
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), IPV6_BLOCK_BITS), strict=False))


def _email_waits_until(session: Session, attempt: Attempt, *, but_id: int, now: dt.datetime) -> dt.datetime:
    failures, last_at = session.execute(
        select(func.count(), func.max(SignInFailure.failed_at)).where(
            SignInFailure.email_hash == attempt.email_hash,
            SignInFailure.failed_at > now - EMAIL_WINDOW,
            SignInFailure.id != but_id,
        )
    ).one()
    if failures < FREE_TRIES:
        return now
    wait: dt.timedelta = WAITS[min(failures - FREE_TRIES, len(WAITS) - 1)]
    last: dt.datetime = last_at
    return last + wait


def _address_waits_until(session: Session, attempt: Attempt, *, but_id: int, now: dt.datetime) -> dt.datetime:
    """The address may try again when the thirtieth newest failure leaves the window."""
    thirtieth = session.scalar(
        select(SignInFailure.failed_at)
        .where(
            SignInFailure.address_hash == attempt.address_hash,
            SignInFailure.failed_at > now - ADDRESS_WINDOW,
            SignInFailure.id != but_id,
        )
        .order_by(SignInFailure.failed_at.desc())
        .offset(ADDRESS_TRIES - 1)
        .limit(1)
    )
    return now if thirtieth is None else thirtieth + ADDRESS_WINDOW


def _keyed_hash(secret: str, purpose: str, text: str) -> str:
    message = f"{purpose}:{text}".encode(errors="replace")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
