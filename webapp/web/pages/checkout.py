"""The page a buyer comes back to: what became of the payment, and how often the browser should ask again."""

from typing import Any, Literal

from webapp.billing.models import Purchase
from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import entry
from webapp.web.display import amount
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell, without_alert

Outcome = Literal["added", "confirming", "slow", "unpaid", "processing", "checking", "failed", "expired"]

# Polls and the seconds between them: 35 s of close attention, then every 10 s until two minutes have passed.
PACE = ((5, 1), (10, 3), (8, 10))
POLLS = sum(polls for polls, _ in PACE)

OUTCOMES: dict[str, Outcome] = {
    "paid": "added",
    "processing": "processing",
    "quarantined": "checking",
    "failed": "failed",
    "expired": "expired",
}
TITLES: dict[Outcome, str] = {
    "confirming": "Confirming your payment",
    "slow": "This is taking longer than usual",
    "unpaid": "Not paid yet",
    "processing": "Your bank needs a little longer",
    "checking": "Your payment is being checked",
    "failed": "The payment didn't go through",
    "expired": "That checkout has expired",
}


def checkout_page(reader: Reader, purchase: Purchase, *, poll: int, is_answered: bool) -> dict[str, Any]:
    """The whole page."""
    around = shell(reader)
    status = checkout_status(reader, purchase, poll=poll, is_answered=is_answered)
    return without_alert(around, status["title"]) | status


def checkout_status(reader: Reader, purchase: Purchase, *, poll: int, is_answered: bool) -> dict[str, Any]:
    """`checkout_return/_checkout_status.html`: one of eight outcomes.

    `poll` counts the answers the browser has had on this page; the server chooses when to ask again, and after
    two minutes that there is no use in asking. `is_answered`: the state is what Stripe has said just now.
    """
    outcome = outcome_of(reader.state_of(purchase), poll=poll, is_answered=is_answered)
    return {
        "reader": reader,
        "purchase": purchase,
        "outcome": outcome,
        "title": title_of(reader, purchase, outcome),
        "poll": poll,
        "delay_seconds": delay_seconds(poll) if outcome == "confirming" else None,
        "granted": _granted(reader, purchase),
        "can_be_paid": reader.can_pay(purchase),
    }


def outcome_of(state: str, *, poll: int, is_answered: bool) -> Outcome:
    """What became of a purchase in this state, as the page tells it.

    An open one may have been paid a moment ago. When the waiting has ended only Stripe's own answer says that it was
    not: without one nobody knows, and it may be with Stripe.
    """
    if state != "open":
        return OUTCOMES[state]
    if poll < POLLS:
        return "confirming"
    return "unpaid" if is_answered else "slow"


def title_of(reader: Reader, purchase: Purchase, outcome: Outcome) -> str:
    """The one sentence that is title, heading and announcement."""
    if outcome == "added":
        return f"{amount(purchase.credits, reader.catalog, reader.locale)} added"
    return TITLES[outcome]


def delay_seconds(poll: int) -> int:
    """The seconds until the next poll, when `poll` were answered."""
    for polls, seconds in PACE:
        if poll < polls:
            return seconds
        poll -= polls
    return PACE[-1][1]


def _granted(reader: Reader, purchase: Purchase) -> EntryFacts | None:
    """The ledger's own line about this purchase: what the balance was before and after."""
    if purchase.grant_seq is None:
        return None
    return entry(db.session(), reader.account_id, purchase.grant_seq)
