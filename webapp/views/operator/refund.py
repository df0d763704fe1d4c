"""Refunding a purchase. The order and the row that says who and why are stored first, then Stripe is asked."""

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.billing.errors import BillingRefusal, RefundRefused, RefundUnconfirmed
from webapp.billing.money_back.models import RefundOrder
from webapp.errors import Refusal
from webapp.extensions import db, end_reading
from webapp.ledger.errors import IdempotencyConflict
from webapp.operators.acts import Act, Asked, act_of, act_of_form, checked
from webapp.operators.errors import FormUsed, OperatorRefusal
from webapp.operators.refunds import order_key, write_down_refund
from webapp.views.operator.blueprint import bp
from webapp.views.operator.doing import SENT_AGAIN, log_act, sent_form
from webapp.web.money_back import refund_purchase
from webapp.web.pages.operator import refund as page
from webapp.web.pages.operator.deeds import fault_of
from webapp.web.pages.operator.doing import Form, new_form
from webapp.web.pages.reader import Reader, present_reader
from webapp.web.roles import for_role

PATH = "/operator/people/<int:account_id>/refund"
SETTLES_SOON = "Stripe has made the refund. The credits follow in a minute."


@bp.get(PATH)
@for_role(page.REFUND.least)
def refund(account_id: int) -> ResponseReturnValue:
    """How much, and why."""
    context = page.refund_form(present_reader(), account_id, new_form(page.REFUND, request.args))
    return render_template("operator/do/form.html", **context)


@bp.post(PATH)
@for_role(page.REFUND.least)
def do_refund(account_id: int) -> ResponseReturnValue:
    """Show what it would do, or do it."""
    reader, form, step = present_reader(), sent_form(page.REFUND), request.form.get("step", "check")
    try:
        if step == "do":
            return _done(reader, account_id, form)
        if step == "check":
            return render_template("operator/do/check.html", **page.refund_check(reader, account_id, form))
    except FormUsed:
        raise
    except (OperatorRefusal, BillingRefusal) as refusal:
        return _refused(reader, account_id, form, refusal)
    return render_template("operator/do/form.html", **page.refund_form(reader, account_id, form))


def _done(reader: Reader, account_id: int, form: Form) -> ResponseReturnValue:
    """Order it, and lead to its row; what Stripe said of it is told there."""
    asked, purchase = checked(page.asked_by(reader, account_id, form)), page.own_purchase(account_id, form)
    amount_minor, done_before = page.amount_of(form, purchase), _act_of(asked)
    said, kind = SENT_AGAIN if done_before else "Done.", "ok"
    try:
        refunded = refund_purchase(
            account_id,
            purchase.id,
            amount_minor=amount_minor,
            order_key=order_key(asked.form_key),
            also=lambda session, order: _write_down(session, asked, order),
            now=asked.now,
        )
        said = said if refunded.is_settled else SETTLES_SOON
    except (RefundRefused, RefundUnconfirmed) as refusal:
        said, kind = refusal.sentence, "warn"
    except IdempotencyConflict:
        raise FormUsed(done_before.id if done_before else "") from None
    end_reading()
    act = _act_of(asked)
    assert act is not None  # noqa: S101  # for the type checker: it is stored with the order
    log_act(act, is_again=done_before is not None)
    flash(said, f"act {act.id} {kind}")
    return redirect(url_for(".act", act_id=act.id), 303)


def _write_down(session: Session, asked: Asked, order: RefundOrder) -> None:
    write_down_refund(session, asked, order)


def _act_of(asked: Asked) -> Act | None:
    row = act_of_form(db.session(), asked.account_id, asked.form_key)
    return act_of(row) if row else None


def _refused(reader: Reader, account_id: int, form: Form, refusal: Refusal) -> ResponseReturnValue:
    context = page.refund_form(reader, account_id, Form(form.typed, form.key, (fault_of(refusal),)))
    return make_response(render_template("operator/do/form.html", **context), 422)
