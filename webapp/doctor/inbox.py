"""Checks of what came from Stripe and what became of it: webhooks, events, purchases, disputes, reconciliations."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from webapp.billing.models import Purchase, WebhookEvent
from webapp.billing.money_back.models import PurchaseDispute
from webapp.billing.reconcile.models import ReconciliationFinding
from webapp.billing.reconcile.records import lag, newest_reconciliations, waiting_findings
from webapp.billing.stripe_objects import DISPUTE_ENDS
from webapp.doctor.check import Look, State, age_text, counted

Found = tuple[State, str] | tuple[State, str, Mapping[str, Any]]

DAY = dt.timedelta(days=1)
LATE = dt.timedelta(minutes=10)
NEWEST = 20
EVENT_WORDS = {"failed": ("event failed", "events failed"), "parked": ("event is parked", "events are parked")}
WAITING = ("open", "processing", "quarantined")
# Stripe itself tries again for three days; somebody should look before.
FAILED_TOO_LONG = dt.timedelta(hours=1)
PROCESSING_TOO_LONG = dt.timedelta(days=14)
RECONCILED_WARN, RECONCILED_BAD = dt.timedelta(hours=3), DAY


def webhooks(look: Look) -> Found:
    """Whether Stripe reaches this server: when it last did, how late, and what never came."""
    if look.mode == "off":
        return "ok", "Payments are off, so no webhook is expected."
    ours = WebhookEvent.stripe_mode == look.mode, WebhookEvent.came_by == "webhook"
    times = select(WebhookEvent.received_at, WebhookEvent.created_at).where(*ours)
    newest = look.session.execute(times.order_by(WebhookEvent.received_at.desc()).limit(NEWEST)).all()
    if not newest:
        return _never_reached(look)
    last_at = newest[0].received_at
    ago, missed = age_text(look.now - last_at), _never_came(look, since=look.now - DAY)
    facts = {"last_at": last_at.isoformat(), "address": look.webhook_url, "never_came": missed}
    if _never_came(look, since=max(last_at, look.now - DAY)):
        never = counted(missed, "event", "events")
        return "bad", f"{never} never came; Stripe last reached this server {ago} ago. {_check_endpoint(look)}", facts
    if missed:
        never = counted(missed, "event of the last day", "events of the last day")
        return "warn", f"{never} never came and was found by reconciling. Webhooks arrive again, {ago} ago.", facts
    lateness = max(row.received_at - row.created_at for row in newest)
    if lateness > LATE:
        return "warn", f"Webhooks come up to {age_text(lateness)} late, the last one {ago} ago.", facts
    return "ok", f"Stripe last reached this server {ago} ago.", facts


def events(look: Look) -> Found:
    """Whether events wait: those that failed, and those that are parked."""
    waiting = WebhookEvent.stripe_mode == look.mode, WebhookEvent.state.in_(("failed", "parked"))
    rows = look.session.execute(
        select(WebhookEvent.state, func.count(), func.min(WebhookEvent.received_at))
        .where(*waiting)
        .group_by(WebhookEvent.state)
    ).all()
    if not rows:
        return "ok", "No event waits."
    counts = {state: number for state, number, _ in rows}
    oldest = look.now - min(at for _, _, at in rows)
    words = " and ".join(counted(number, *EVENT_WORDS[state]) for state, number in counts.items())
    do = "The log says why; `flask stripe replay` tries one again, each reconciliation all."
    state: State = "bad" if oldest > FAILED_TOO_LONG else "warn"
    return state, f"{words}, the oldest since {age_text(oldest)}. {do}", counts


def strangers(look: Look) -> Found:
    """Whether signed events arrive that are of another mode, or of a connected account: a wrong endpoint."""
    recent = WebhookEvent.state == "ignored", WebhookEvent.received_at > look.now - DAY
    wrong = WebhookEvent.reason.in_(("mode", "account"))
    found = look.session.scalar(select(func.count()).select_from(WebhookEvent).where(*recent, wrong)) or 0
    if not found:
        return "ok", "No event of the last day was meant for another mode or account."
    words = f"{counted(found, 'event', 'events')} of the last day came from another mode or account"
    return "warn", f"{words}: an endpoint there has our address.", {"events": found}


def purchases(look: Look) -> Found:
    """Whether a payment waits for a person, or for too long."""
    of_mode = Purchase.stripe_mode == look.mode
    by_state = select(Purchase.state, func.count()).where(of_mode, Purchase.state.in_(WAITING)).group_by(Purchase.state)
    counts: dict[str, int] = dict(look.session.execute(by_state).all())
    if number := counts.get("quarantined", 0):
        words = counted(number, "payment isn't what was asked for", "payments aren't what was asked for")
        return "bad", f"{words}, and nothing was granted: a person must look (`flask stripe quarantined`).", counts
    stuck = _stuck(look)
    if stuck is not None:
        reference, age = stuck
        return "warn", f"The purchase {reference} is unsettled for {age_text(age)}: does the worker run?", counts
    if waiting := counts.get("processing", 0):
        return "ok", f"{counted(waiting, 'payment is', 'payments are')} still at a bank.", counts
    return "ok", "Every payment is settled.", counts


def disputes(look: Look) -> Found:
    """Whether a bank waits for an answer."""
    is_open = PurchaseDispute.state.not_in(DISPUTE_ENDS)
    number, due = look.session.execute(
        select(func.count(), func.min(PurchaseDispute.due_by)).select_from(PurchaseDispute).where(is_open)
    ).one()
    if not number:
        return "ok", "No payment is disputed."
    until = f", the first by {due:%Y-%m-%d}" if due else ""
    return (
        "warn",
        f"{counted(number, 'dispute is', 'disputes are')} open. Answer in Stripe's dashboard{until}.",
        {"disputes": number},
    )


def reconciliation(look: Look) -> Found:
    """Whether what we have was compared with what Stripe has, and whether that left something for a person."""
    if look.mode == "off":
        return "ok", "Payments are off, so there is nothing to compare."
    waiting = waiting_findings(look.session)
    if waiting:
        words = counted(len(waiting), "difference to Stripe waits", "differences to Stripe wait")
        return (
            "bad",
            f"{words} for a person: `flask stripe reconcile` lists, the operator's console closes.",
            {"findings": len(waiting)},
        )
    age = lag(look.session, look.mode, now=look.now)
    if age is None:
        return "warn", "We were never compared with Stripe: run `flask stripe reconcile`, or `flask worker` for always."
    last = newest_reconciliations(look.session, look.mode, limit=1)[0]
    stopped = f" The last run stopped: {last.reason}." if last.state == "stopped" else ""
    words = f"We were compared with Stripe {age_text(age)} ago.{stopped}"
    state: State = "bad" if age > RECONCILED_BAD else "warn" if age > RECONCILED_WARN or stopped else "ok"
    return state, words, {"seconds": round(age.total_seconds()), "findings_of_last": last.findings}


def _never_reached(look: Look) -> Found:
    facts = {"address": look.webhook_url}
    is_paid = look.session.scalar(
        select(Purchase.id).where(Purchase.state == "paid", Purchase.stripe_mode == look.mode).limit(1)
    )
    if is_paid is None and not look.is_real:
        return "ok", "No webhook came yet: nobody has paid anything.", facts
    words = f"Stripe has never reached this server. {_check_endpoint(look)}"
    return "bad" if is_paid is not None else "warn", words, facts


def _check_endpoint(look: Look) -> str:
    return f"Check the endpoint: its address must be {look.webhook_url}"


def _never_came(look: Look, *, since: dt.datetime) -> int:
    finding = ReconciliationFinding
    missed = finding.object_kind == "event", finding.kind == "missing", finding.found_at > since
    return look.session.scalar(select(func.count()).select_from(finding).where(*missed)) or 0


def _stuck(look: Look) -> tuple[str, dt.timedelta] | None:
    """The oldest purchase that the sweep should have settled long ago."""
    over = (Purchase.state == "open") & (Purchase.expires_at < look.now - dt.timedelta(hours=2))
    slow = (Purchase.state == "processing") & (Purchase.opened_at < look.now - PROCESSING_TOO_LONG)
    row = look.session.execute(
        select(Purchase.reference, Purchase.opened_at)
        .where(Purchase.stripe_mode == look.mode, Purchase.state.in_(("open", "processing")), over | slow)
        .order_by(Purchase.opened_at)
        .limit(1)
    ).first()
    return None if row is None else (row.reference, look.now - row.opened_at)
