"""Bringing our mirror of a subscription, and the allowance it pays for, to what Stripe says of it now."""

import datetime as dt

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.customers import account_of_customer, remember_customer
from webapp.billing.errors import Overtaken, PlanMissing
from webapp.billing.subscriptions.allowance import give_due
from webapp.billing.subscriptions.asking import PlanTold
from webapp.billing.subscriptions.free import look_again
from webapp.billing.subscriptions.invoices import keep_invoices
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.billing.subscriptions.paying import take_payments
from webapp.catalog import Catalog
from webapp.ledger.operations import lock_account, note_change

MOMENT = dt.timedelta(microseconds=1)

log = structlog.get_logger("refill")


def account_of(session: Session, told: PlanTold, *, stripe_mode: str) -> int | None:
    """Whose subscription it is: by our own rows, never by an account that something at Stripe names."""
    subscription = told.subscription
    stored = select(Subscription.account_id).where(
        Subscription.id == subscription.id, Subscription.stripe_mode == stripe_mode
    )
    opened = select(PlanCheckout.account_id).where(
        PlanCheckout.id == subscription.metadata.get("checkout_id", ""), PlanCheckout.stripe_mode == stripe_mode
    )
    return (
        session.scalar(stored)
        or session.scalar(opened)
        or account_of_customer(session, subscription.customer_id, stripe_mode=stripe_mode)
    )


def settle_subscription(
    session: Session, catalog: Catalog, account_id: int, told: PlanTold, *, stripe_mode: str, now: dt.datetime
) -> Subscription:
    """Store what Stripe says of a subscription, and give what is paid and not given yet. Locks the account.

    `told` must be all that Stripe says, asked for and not taken from an event; which of two answers is newer is
    decided as for money that comes back (`money_back.settling`): an answer that was overtaken by another raises
    Overtaken. One that has ended never lives again. Raises PlanMissing for a plan that the catalogue has not.
    """
    lock_account(session, account_id)
    for slug in told.plans.values():
        if catalog.plan(slug) is None:
            raise PlanMissing(slug)
    row = session.get(Subscription, (account_id, told.subscription.id), populate_existing=True)
    if row is not None and row.read_at != told.known_at:
        if row.told != told.fingerprint:
            raise Overtaken(row.id)
        return row
    if row is not None and row.ended_at is not None and not told.subscription.has_ended:
        log.warning("subscription has ended here and not at stripe", subscription=row.id, status=row.status)
        return row
    if row is None:
        row = Subscription(account_id=account_id, id=told.subscription.id, stripe_mode=stripe_mode)
        session.add(row)
    _mirror(row, told, now=now)
    session.flush()
    keep_invoices(session, row, told.invoices)
    take_payments(session, catalog, row, told, now=now)
    give_due(session, catalog, row, now=now)
    look_again(session, catalog, row, now=now)
    _remember(session, row, now=now)
    note_change(session, account_id)
    log.info("subscription", account_id=account_id, subscription=row.id, plan=row.plan_slug, status=row.status)
    return row


def note_asked(session: Session, account_id: int, subscription_id: str, *, now: dt.datetime) -> None:
    """Note that Stripe was asked in vain, so that the next question waits its turn. Locks the account.

    An answer that is on its way to be stored is overtaken by this, and asked for again.
    """
    lock_account(session, account_id)
    row = session.get_one(Subscription, (account_id, subscription_id), populate_existing=True)
    row.read_at = max(now, row.read_at + MOMENT)


def _mirror(row: Subscription, told: PlanTold, *, now: dt.datetime) -> None:
    facts = told.subscription
    row.told = told.fingerprint
    row.read_at = now if told.known_at is None else max(now, told.known_at + MOMENT)
    row.customer_id, row.item_id = facts.customer_id, facts.item_id
    row.plan_slug, row.next_plan_slug = told.plan_slug or "", told.next_plan_slug
    row.amount_minor, row.currency = facts.price.amount_minor or 0, facts.price.currency
    row.billed_every = facts.price.interval or "month"
    row.status, row.is_paused, row.resumes_at = facts.status, facts.is_paused, facts.resumes_at
    row.period_starts_at, row.period_ends_at = facts.period_starts_at, facts.period_ends_at
    row.trial_ends_at, row.ends_at, row.started_at = facts.trial_ends_at, facts.ends_at, facts.started_at
    row.ended_at = (facts.ended_at or now) if facts.has_ended else None
    row.card_brand, row.card_last4 = (facts.card.brand, facts.card.last4) if facts.card else ("", "")
    _note_problem(row, told, now=now)


def _note_problem(row: Subscription, told: PlanTold, *, now: dt.datetime) -> None:
    """What keeps the newest invoice from being paid; that the bank asks is told by its event only, and kept."""
    unpaid = next((one for one in reversed(told.invoices) if one.has_failed), None)
    if unpaid is None or row.ended_at is not None:
        row.problem, row.problem_at, row.retries_at, row.invoice_url, row.problem_attempt = "", None, None, "", ""
        return
    attempt = f"{unpaid.id}:{unpaid.attempts}"
    if row.problem_attempt != attempt:
        row.problem, row.problem_at, row.problem_attempt = "failed", now, attempt
    row.retries_at, row.invoice_url = unpaid.retries_at, unpaid.url or ""


def note_action_needed(row: Subscription, invoice_id: str) -> None:
    """The bank wants the buyer to confirm the payment of an invoice that is still open."""
    if row.problem_attempt.startswith(f"{invoice_id}:"):
        row.problem = "action"


def _remember(session: Session, row: Subscription, *, now: dt.datetime) -> None:
    if row.ended_at is None:
        remember_customer(session, row.account_id, stripe_mode=row.stripe_mode, customer_id=row.customer_id, now=now)
