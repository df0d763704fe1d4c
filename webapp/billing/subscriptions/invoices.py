"""The invoices of subscriptions, as people find them on their billing page."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.plan_objects import Invoice
from webapp.billing.subscriptions.models import PlanInvoice, Subscription

SHOWN = ("paid", "open", "uncollectible")


def keep_invoices(session: Session, row: Subscription, invoices: Iterable[Invoice]) -> None:
    """Store invoices as Stripe has them now. The account is locked."""
    for one in invoices:
        facts = {
            "number": one.number or "",
            "status": one.status or "",
            "total_minor": one.total_minor,
            "currency": one.currency,
            "url": one.url or "",
            "made_at": one.made_at,
        }
        kept = session.get(PlanInvoice, (row.account_id, one.id))
        if kept is None:
            session.add(PlanInvoice(account_id=row.account_id, id=one.id, subscription_id=row.id, **facts))
        else:
            for name, fact in facts.items():
                setattr(kept, name, fact)
    session.flush()


def invoices_shown(session: Session, account_id: int, *, limit: int) -> list[PlanInvoice]:
    """The account's invoices that were sent, the newest first. Drafts and voided ones are nobody's business."""
    chosen = select(PlanInvoice).where(PlanInvoice.account_id == account_id, PlanInvoice.status.in_(SHOWN))
    return list(session.scalars(chosen.order_by(PlanInvoice.made_at.desc(), PlanInvoice.id).limit(limit)))
