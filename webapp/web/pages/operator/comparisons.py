"""Comparisons with Stripe: the runs, what each found, and the differences that wait for a person."""

import re
from typing import Any

from flask import abort

from webapp.billing.reconcile.models import Reconciliation, ReconciliationFinding
from webapp.billing.reconcile.records import newest_reconciliations, waiting_findings
from webapp.extensions import db
from webapp.operators.findings import findings_page
from webapp.people.models import User
from webapp.web.display import money
from webapp.web.pages.operator.frame import console
from webapp.web.pages.reader import Reader
from webapp.web.reconcile.words import finding_sentence

RUNS_SHOWN = 25
WAITING_SHOWN = 25
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
FACTS = {
    "total_minor": "Total",
    "amount_minor": "Amount",
    "payment_intent": "Payment",
    "is_withdrawn": "Money withdrawn",
}
BY = {"worker": "The worker", "command": "A command", "operator": "An operator"}
STATE_CHIPS = {
    "running": ("info", "clock", "Running"),
    "finished": ("ok", "check", "Finished"),
    "stopped": ("warn", "warn", "Stopped"),
}
KIND_CHIPS = {
    "missing": ("warn", "plus", "Missing here"),
    "extra": ("bad", "warn", "Only here"),
    "differs": ("warn", "info", "Differs"),
}


def comparisons_page(reader: Reader) -> dict[str, Any]:
    """`operator/comparisons.html`: the last runs, and what waits."""
    session = db.session()
    return (
        console(reader, "overview")
        | _words()
        | {
            "runs": newest_reconciliations(session, reader.stripe_mode, limit=RUNS_SHOWN),
            "waiting": waiting_findings(session)[:WAITING_SHOWN],
        }
    )


def comparison_page(reader: Reader, number: int, after: str) -> dict[str, Any]:
    """`operator/comparison.html`: one run with what it found. A missing one is a missing page."""
    run = db.session().get(Reconciliation, number) if number < 2**31 else None
    if run is None:
        abort(404)
    found, next_after = findings_page(db.session(), number, after=after if FINGERPRINT.fullmatch(after) else None)
    return (
        console(reader, "overview")
        | _words()
        | {"run": run, "findings": found, "next_after": next_after, "is_continued": bool(after)}
    )


def finding_page(reader: Reader, fingerprint: str, *, fault: str = "", typed: str = "") -> dict[str, Any]:
    """`operator/finding.html`: one difference. A missing one is a missing page."""
    finding = db.session().get(ReconciliationFinding, fingerprint) if FINGERPRINT.fullmatch(fingerprint) else None
    if finding is None:
        abort(404)
    closed_by = db.session().get(User, finding.closed_by) if finding.closed_by else None
    return (
        console(reader, "overview")
        | _words()
        | {"finding": finding, "sides": _sides(finding, reader), "closed_by": closed_by, "fault": fault, "typed": typed}
    )


def _words() -> dict[str, Any]:
    return {"by": BY, "state_chips": STATE_CHIPS, "kind_chips": KIND_CHIPS, "sentence": finding_sentence}


def _sides(finding: ReconciliationFinding, reader: Reader) -> list[tuple[str, str, str]]:
    """Each fact with what Stripe says and what we have."""
    names = dict.fromkeys((*finding.expected, *finding.found))
    return [
        (
            FACTS.get(name, name.replace("_", " ").capitalize()),
            _written(name, finding.expected, reader),
            _written(name, finding.found, reader),
        )
        for name in names
        if name != "metadata"
    ]


def _written(name: str, facts: dict[str, Any], reader: Reader) -> str:
    value = facts.get(name)
    if value is None:
        return "–"
    if name.endswith("_minor") and facts.get("currency"):
        return money(value, facts["currency"], reader.locale)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)
