"""Holds around work in this application: credits reserved before it, taken for what was used, given back if it fails.

Each step is a short transaction of its own; none is open while the work runs. To the ledger the product itself acts.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import DBAPIError

from webapp.catalog import Meter
from webapp.extensions import parts, transact
from webapp.integrate.reserving import LASTS_SECONDS, Asked, reserve
from webapp.ledger import operations
from webapp.ledger.errors import HoldClosed
from webapp.ledger.facts import Posted
from webapp.metering import cost_credits
from webapp.orm import utc_now

log = structlog.get_logger("refill")


@dataclass(slots=True)
class CreditsHold:
    """Credits on hold for work that is under way. `number` is the hold's; `is_open` until it is settled here."""

    number: int
    asked: Asked
    is_open: bool = field(default=True, init=False)

    @property
    def credits(self) -> int:
        """How many credits are on hold."""
        return self.asked.credits

    def capture(self, *, quantity: int | None = None, credits: int | None = None) -> Posted:
        """Take what was used, in the meter's units or in credits, all of it if neither is given; the rest goes back.

        0 gives all back. More than is on hold is refused with CaptureAboveHold, unless the meter's `overrun` is
        "balance": then what is missing is taken from the available credits (InsufficientCredits if they don't cover
        it, SpendLimitReached if a limit has less left). After all three the hold stays open, and less may still be
        taken. Raises HoldClosed when the hold's time has passed meanwhile: nothing was taken.
        """
        asked = self.asked
        if quantity is None and credits is None:
            quantity, used = asked.quantity, asked.credits
        else:
            used = cost_of(asked.meter, quantity, credits)
        return self._take(used, quantity) if used else self.release()

    def release(self) -> Posted:
        """Give all of it back: nothing was used. Raises HoldClosed when its time has passed."""
        account_id, key, now = self.asked.account_id, self._key_of("release"), utc_now()
        posted = transact(lambda session: operations.release(session, account_id, self.number, key=key, now=now))
        self.is_open = False
        return posted

    def give_up(self) -> None:
        """Give it back because the work failed. If even that fails, the hold ends by itself: nothing is charged."""
        if not self.is_open:
            return
        try:
            self.release()
        except (HoldClosed, DBAPIError) as error:
            facts = {"account_id": self.asked.account_id, "hold": self.number, "error": type(error).__name__}
            log.warning("hold not released: it ends by itself", **facts)
        self.is_open = False

    def _take(self, used: int, quantity: int | None) -> Posted:
        asked, key, now = self.asked, self._key_of("capture"), utc_now()
        posted = transact(
            lambda session: operations.capture(
                session,
                asked.account_id,
                self.number,
                credits=used,
                key=key,
                description=asked.description,
                meter=asked.meter,
                quantity=quantity,
                key_id=asked.key_id,
                may_exceed_hold=quantity is not None and meter_of(asked.meter).overrun == "balance",
                now=now,
            )
        )
        self.is_open = False
        return posted

    def _key_of(self, step: str) -> str:
        """Not under `app:`, where keys may be made of what users type: a guessed number must not be in the way."""
        return f"hold:{self.number}#{step}"


@contextmanager
def credits_hold(
    account_id: int,
    *,
    meter: str = "",
    quantity: int | None = None,
    credits: int | None = None,
    key: str | None = None,
    description: str = "",
    lasts_seconds: int = LASTS_SECONDS,
) -> Iterator[CreditsHold]:
    """Hold credits for the block: what `quantity` units of the meter cost, or so many `credits`.

    In the block, `capture` what was used or `release`. Leaving it by an exception gives all back; leaving it with the
    hold still open takes all. The same `key` again (a job that is started anew) goes on with its hold while that is
    open, and raises HoldClosed (fact: state) if it was captured: the work is paid for. Without a key each call holds
    anew. Raises InsufficientCredits, SpendLimitReached and SpendingPaused before the block runs, and HoldClosed at its
    end if the hold's time (`lasts_seconds`, at most a day) has passed: then nothing was taken. Needs an application
    context.
    """
    asked = Asked(
        account_id=account_id,
        credits=cost_of(meter, quantity, credits),
        meter=meter,
        quantity=quantity,
        description=description,
        lasts_seconds=lasts_seconds,
    )
    reserved = reserve(asked, key=key or secrets.token_hex(16))
    if reserved.state != "open":
        facts = {"hold": reserved.seq, "state": reserved.state}
        raise HoldClosed("This work was done and paid for before. Nothing was taken now.", **facts)
    with settled(CreditsHold(reserved.seq, asked)) as hold:
        yield hold


@contextmanager
def settled(hold: CreditsHold) -> Iterator[CreditsHold]:
    """See that the hold is settled at the end of the block: given back after an exception, else taken whole."""
    try:
        yield hold
    except BaseException:
        hold.give_up()
        raise
    if hold.is_open:
        hold.capture()


def cost_of(meter: str, quantity: int | None, credits: int | None) -> int:
    """The credits meant: those said, or what `quantity` units of the meter cost.

    Raises InvalidRequest for a quantity that is none, LookupError for a meter that the catalogue doesn't have.
    """
    if (quantity is None) == (credits is None):
        raise TypeError("Say either quantity, in the meter's units, or credits.")
    if quantity is None:
        return credits or 0
    return cost_credits(meter_of(meter), quantity)


def meter_of(slug: str) -> Meter:
    """The meter of this name. Raises LookupError."""
    found = parts().catalog.meter(slug)
    if found is None:
        raise LookupError(f"The catalogue has no meter {slug!r}.")
    return found
