"""The page a buyer comes back to: what became of the payment, and how often the browser should ask again."""

from typing import Any, Literal

from webapp.billing.models import Purchase
from webapp.extensions import db
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import entry
from webapp.web.display import amount
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell

Outcome = Literal["added", "confirming", "slow", "processing", "checking", "failed", "expired"]

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
    "processing": "Your bank needs a little longer",
    "checking": "Your payment is being checked",
    "failed": "The payment didn't go through",
    "expired": "That checkout has expired",
}


def checkout_page(reader: Reader, purchase: Purchase, *, poll: int) -> dict[str, Any]:
    """The whole page."""
    return shell(reader) | checkout_status(reader, purchase, poll=poll)


def checkout_status(reader: Reader, purchase: Purchase, *, poll: int) -> dict[str, Any]:
    """`checkout_return/_checkout_status.html`: one of seven outcomes.

    `poll` counts the answers the browser has had on this page; the server chooses when to ask again, and after
    two minutes that there is no use in asking.
    """
    outcome = outcome_of(purchase, poll=poll)
    return {
        "reader": reader,
        "purchase": purchase,
        "outcome": outcome,
        "title": title_of(reader, purchase, outcome),
        "poll": poll,
        "delay_seconds": delay_seconds(poll) if outcome == "confirming" else None,
        "granted": _granted(reader, purchase),
    }


def outcome_of(purchase: Purchase, *, poll: int) -> Outcome:
    """What became of a purchase, as the page tells it."""
    if purchase.state == "open":
        return "confirming" if poll < POLLS else "slow"
    return OUTCOMES[purchase.state]


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
