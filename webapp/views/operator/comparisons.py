"""Comparisons with Stripe: the runs, one of them, one difference, and closing it."""

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.extensions import transact
from webapp.operators.errors import OperatorRefusal
from webapp.operators.findings import close_finding
from webapp.views.operator.blueprint import bp
from webapp.web.logs import log
from webapp.web.pages.operator import comparisons as page
from webapp.web.pages.reader import present_reader
from webapp.web.roles import for_role


@bp.get("/operator/reconciliations")
def reconciliations() -> ResponseReturnValue:
    """The last runs, and the differences that wait."""
    return render_template("operator/comparisons.html", **page.comparisons_page(present_reader()))


@bp.get("/operator/reconciliations/<int:number>")
def reconciliation(number: int) -> ResponseReturnValue:
    """One run, and what it found."""
    context = page.comparison_page(present_reader(), number, request.args.get("after", ""))
    return render_template("operator/comparison.html", **context)


@bp.get("/operator/findings/<fingerprint>")
def finding(fingerprint: str) -> ResponseReturnValue:
    """One difference: what Stripe says, what we have, what was done."""
    return render_template("operator/finding.html", **page.finding_page(present_reader(), fingerprint))


@bp.post("/operator/findings/<fingerprint>")
@for_role("billing")
def close(fingerprint: str) -> ResponseReturnValue:
    """Write down that somebody has looked at it, and what they found."""
    reader, reason = present_reader(), request.form.get("reason", "")
    page.finding_page(reader, fingerprint)  # a missing one is a missing page
    try:
        transact(
            lambda session: close_finding(
                session, fingerprint, operator_id=reader.user_id, reason=reason, now=reader.now
            )
        )
    except OperatorRefusal as refusal:
        context = page.finding_page(reader, fingerprint, fault=refusal.sentence, typed=reason)
        return make_response(render_template("operator/finding.html", **context), 422)
    log.info("finding closed", finding=fingerprint, operator_id=reader.user_id)
    flash("Closed. It isn’t told again.", f"finding {fingerprint}")
    return redirect(url_for(".finding", fingerprint=fingerprint), 303)
