"""Somebody who comes from Stripe: what they came from is settled first, and the card asks again for a while.

What Stripe told us may be late, and what they did there may be a moment older than what Stripe answers.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from flask import url_for

from webapp.billing.subscriptions.models import PlanCheckout
from webapp.billing.subscriptions.standing import current_subscription
from webapp.extensions import db
from webapp.web.pages.reader import Reader
from webapp.web.plans import refresh_subscription, settle_plan_and_tell

POLLS = 10  # the card asks every two seconds: twenty in all
READ_AGAIN_AFTER = dt.timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Watch:
    """What somebody came from: a checkout, or the portal. `seen` is what the card showed last, `poll` counts."""

    session_id: str = ""
    is_from_portal: bool = False
    poll: int = 0
    seen: str = ""
    checkout: PlanCheckout | None = None
    is_answered: bool = False

    @property
    def is_confirming(self) -> bool:
        """Whether Stripe hasn't said yet what became of the checkout."""
        return self.checkout is not None and self.checkout.state == "open"

    @property
    def asks_again(self) -> bool:
        """Whether the card should ask once more by itself."""
        return (self.is_from_portal or self.is_confirming) and self.poll < POLLS

    def address(self, seen: str) -> str:
        """Where the card comes from next."""
        if not self.asks_again:
            return url_for("partials.plan_card")
        portal = "return" if self.is_from_portal else None
        session_id, poll = self.session_id or None, self.poll + 1
        return url_for("partials.plan_card", portal=portal, session_id=session_id, poll=poll, seen=seen)

    def again(self) -> str:
        """The whole page once more, for browsers without the script; '' when that is enough."""
        if not (self.is_confirming and self.poll < POLLS):
            return ""
        return url_for("billing.billing", session_id=self.session_id, poll=self.poll + 1)


NOT_WATCHED = Watch()


def settle_watch(reader: Reader, asked: Mapping[str, str]) -> Watch:
    """Bring what somebody came from to what Stripe says of it, so ask before anything else is read.

    Raises UnknownPurchase for a checkout that is not the reader's own.
    """
    poll, seen = _poll(asked.get("poll", "")), asked.get("seen", "")
    session_id = asked.get("session_id", "")
    if session_id:
        checkout, is_answered = settle_plan_and_tell(reader.account_id, session_id, now=reader.now)
        return Watch(session_id, False, poll, seen, checkout, is_answered)
    if asked.get("portal") == "return":
        _read_again(reader, poll)
        return Watch(is_from_portal=True, poll=poll, seen=seen)
    return NOT_WATCHED


def fingerprint(reader: Reader) -> str:
    """What the card shows, in short: another one means that something has changed."""
    row = reader.plan_standing.subscription
    shown = [row.id, row.told, row.problem] if row else []
    return hashlib.sha256(repr([*shown, reader.balance.kinds]).encode()).hexdigest()[:12]


def _read_again(reader: Reader, poll: int) -> None:
    """Ask Stripe: for the page always, for the card, which asks oftener, at most every 5 s."""
    row = current_subscription(db.session(), reader.account_id, stripe_mode=reader.stripe_mode)
    if row is None or (poll and row.read_at > reader.now - READ_AGAIN_AFTER):
        return
    refresh_subscription(reader.account_id, now=reader.now)


def _poll(text: str) -> int:
    """How many answers this browser says it has had; only its own waiting depends on it."""
    return min(int(text), POLLS) if text.isascii() and text.isdigit() and len(text) < 4 else 0
