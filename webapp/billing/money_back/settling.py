"""Bringing a purchase, its refunds and disputes, and its lot to what Stripe says of its payment now."""

import datetime as dt

import structlog
from sqlalchemy.orm import Session

from webapp.billing.checkout import locked_purchase
from webapp.billing.errors import Overtaken
from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack
from webapp.billing.money_back.changes import differences_of, keep_changes
from webapp.billing.money_back.keeping import keep, kept, same
from webapp.billing.money_back.orders import note_made
from webapp.billing.money_back.payment import paid_currency, paid_minor
from webapp.billing.stripe_objects import Dispute, Refund
from webapp.ledger.facts import EntryFacts
from webapp.ledger.models import Account
from webapp.ledger.operations import settle_takeback

MOMENT = dt.timedelta(microseconds=1)

log = structlog.get_logger("refill")


def settle_money_back(session: Session, purchase: Purchase, told: MoneyBack, *, now: dt.datetime) -> Purchase:
    """Take back the credits that the payment's refunds and disputes ask for, and give back what they ask no more.

    Locks the account. `told` must be all that Stripe has of the payment, asked for and not taken from an event. The
    grant may come later; it keeps to what is told here. What each credit's share is: `ledger.takebacks`.

    Two answers may come in the other order than their questions, and no clock can tell which is newer where there are
    several machines. So each settling moves `money_read_at`: where it still is what it was before this question, the
    answer is newer than all that is stored. Where not, nobody knows: an answer that is stored already changes nothing,
    any other raises Overtaken.
    """
    purchase = locked_purchase(session, purchase.account_id, purchase.id)
    if purchase.payment_intent_id not in {None, told.payment_intent_id}:
        raise RuntimeError(f"purchase {purchase.id} was paid by another payment than {told.payment_intent_id}")
    if purchase.money_read_at != told.known_at:
        if same(told, kept(session, purchase)):
            return purchase
        raise Overtaken(purchase.id)
    purchase.money_read_at = now if told.known_at is None else max(now, told.known_at + MOMENT)
    if told.refunds or told.disputes or purchase.returned_minor or purchase.disputed_minor:
        purchase.payment_intent_id = told.payment_intent_id
        differences = differences_of(kept(session, purchase), told)
        after_seq = session.get_one(Account, purchase.account_id).seq  # as it was read with the lock
        keep(session, purchase, told, now=now)
        note_made(session, purchase, told.refunds, now=now)
        entries = claim(session, purchase, told, now=now)
        keep_changes(session, purchase, differences, after_seq=after_seq, entries=entries, now=now)
    return purchase


def claim_again(session: Session, purchase: Purchase, *, now: dt.datetime) -> None:
    """Claim what came back anew where more is known of the payment than when it was told. The account is locked."""
    if purchase.returned_minor or purchase.disputed_minor:
        claim(session, purchase, kept(session, purchase), now=now)


def claim(session: Session, purchase: Purchase, told: MoneyBack, *, now: dt.datetime) -> list[EntryFacts]:
    """Tell the purchase and the ledger how much of the payment came back; the entries. The account is locked."""
    total_minor, currency = paid_minor(purchase), paid_currency(purchase)
    _warn(purchase, told, currency)
    returned_minor, disputed_minor = told.sums(total_minor=total_minor, currency=currency)
    purchase.returned_minor, purchase.disputed_minor = returned_minor, disputed_minor
    session.flush()
    entries = settle_takeback(
        session,
        purchase.account_id,
        source_kind="purchase",
        source_id=purchase.id,
        total_minor=total_minor,
        returned_minor=returned_minor,
        disputed_minor=disputed_minor,
        is_floor=purchase.takeback == "floor",
        now=now,
    )
    if entries:
        log.info(
            "money came back",
            purchase=purchase.id,
            account_id=purchase.account_id,
            returned_minor=returned_minor,
            disputed_minor=disputed_minor,
            entries=[entry.seq for entry in entries],
        )
    return entries


def _warn(purchase: Purchase, told: MoneyBack, currency: str) -> None:
    everything: tuple[Refund | Dispute, ...] = (*told.refunds, *told.disputes)
    for back in everything:
        if not back.is_understood:
            log.warning("state of money back is new to us", purchase=purchase.id, object=back.id, state=back.state)
        if back.currency != currency:
            log.warning("money back in another currency", purchase=purchase.id, object=back.id, currency=back.currency)
