"""Differences between Stripe and us, and their rows. Pure but for `keep_findings`."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.reconcile.models import ReconciliationFinding
from webapp.billing.stripe_objects import CheckoutSession
from webapp.billing.upserts import insert_once

Kind = Literal["missing", "extra", "differs"]

REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `missing`: Stripe has it and we didn't; `extra`: we have it and Stripe doesn't; else `differs`.

    `expected` is what Stripe says, `found` what we had. `done` is a word for what became of it: the purchase's new
    state, `settled`, or `reported` where nothing could be done; then it needs a person.
    """

    kind: Kind
    object_kind: str
    object_id: str
    expected: Mapping[str, Any]
    found: Mapping[str, Any]
    done: str
    account_id: int | None = None
    purchase_id: str | None = None
    needs_person: bool = field(default=False)

    @property
    def fingerprint(self) -> str:
        """The same for the same difference, whichever run finds it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()


def keep_findings(
    session: Session, findings: Iterable[Finding], *, reconciliation_id: int, now: dt.datetime
) -> list[Finding]:
    """Store findings; those that no run has stored before."""
    return [
        finding
        for finding in findings
        if insert_once(
            session,
            ReconciliationFinding,
            {
                **asdict(finding),
                "fingerprint": finding.fingerprint,
                "reconciliation_id": reconciliation_id,
                "found_at": now,
            },
        )
    ]


def about(purchase: Purchase) -> dict[str, Any]:
    """Whose a finding is."""
    return {"account_id": purchase.account_id, "purchase_id": purchase.id}


def of_checkout(checkout: CheckoutSession) -> dict[str, Any]:
    """What Stripe says of a payment, as a finding has it."""
    facts = {"payment_status": checkout.payment_status, "total_minor": checkout.total_minor}
    return facts | {"currency": checkout.currency, "payment_intent": checkout.payment_intent_id}


def of_purchase(purchase: Purchase) -> dict[str, Any]:
    """What we have of a payment, as a finding has it."""
    facts = {"state": purchase.state, "total_minor": purchase.total_minor}
    return facts | {"currency": purchase.currency, "payment_intent": purchase.payment_intent_id}
