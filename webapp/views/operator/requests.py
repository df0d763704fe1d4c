"""Requests for refunds of unused credits: the list of those that wait, and the decision on one."""

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.billing.errors import BillingRefusal, QuoteChanged, RefundRefused, RefundUnconfirmed, RequestDecided
from webapp.billing.money_back.models import RefundOrder, RefundRequest
from webapp.extensions import db, end_reading, transact
from webapp.operators.acts import Act, Asked, act_of, act_of_form, checked
from webapp.operators.errors import OperatorRefusal
from webapp.operators.requests import decline, write_down_approval
from webapp.views.operator.blueprint import bp
from webapp.views.operator.doing import SENT_AGAIN, log_act
from webapp.views.operator.refund import SETTLES_SOON
from webapp.web.pages.operator import requests as page
from webapp.web.pages.operator.doing import Form
from webapp.web.pages.reader import Reader, present_reader
from webapp.web.refund_requests import approve, one_line
from webapp.web.roles import for_role

PATH = "/operator/refunds/<int:account_id>/<request_id>"
OUTDATED = "Credits were used or came back since it was asked for. The customer must ask for the new sum first."


@bp.get("/operator/refunds", endpoint="requests")
def requests_page() -> ResponseReturnValue:
    """The requests that wait for somebody."""
    return render_template("operator/requests.html", **page.requests_page(present_reader()))


@bp.get(PATH, endpoint="request")
def request_page(account_id: int, request_id: str) -> ResponseReturnValue:
    """One request, what its refund would do, and the form that decides."""
    return render_template("operator/request.html", **page.request_page(present_reader(), account_id, request_id))


@bp.post(PATH, endpoint="decide")
@for_role("billing")
def decide(account_id: int, request_id: str) -> ResponseReturnValue:
    """Approve it, which refunds it at once, or decline it. Either is written down."""
    reader, form, decision = present_reader(), _sent_form(), request.form.get("decision", "")
    page.known_request(account_id, request_id)
    if decision not in DECISIONS:
        abort(400)
    try:
        asked = checked(Asked(reader.user_id, account_id, form.typed["reason"], form.key, reader.now))
        return DECISIONS[decision](asked, request_id, form.typed["answer"])
    except QuoteChanged:
        return _refused(reader, account_id, request_id, page.faulty(form, OUTDATED))
    except OperatorRefusal as refusal:
        return _refused(reader, account_id, request_id, page.faulty(form, refusal.sentence, refusal.field))
    except (RequestDecided, BillingRefusal) as refusal:
        return _refused(reader, account_id, request_id, page.faulty(form, refusal.sentence))


def _approved(asked: Asked, request_id: str, answer: str) -> ResponseReturnValue:
    done_before, said, kind = _act_of(asked), "Done.", "ok"

    def write_down(session: Session, order: RefundOrder, approved: RefundRequest) -> None:
        write_down_approval(session, asked, order, approved)

    try:
        refunded = approve(
            asked.account_id, request_id, by_user_id=asked.operator_id, answer=answer, also=write_down, now=asked.now
        )
        said = SENT_AGAIN if done_before else "Done." if refunded.is_settled else SETTLES_SOON
    except (RefundRefused, RefundUnconfirmed) as refusal:
        said, kind = refusal.sentence, "warn"
    end_reading()
    act = _act_of(asked)
    if act is None:  # somebody else has approved it at the same time
        return redirect(url_for(".request", account_id=asked.account_id, request_id=request_id), 303)
    return _to_act(act, said, kind, is_again=done_before is not None)


def _declined(asked: Asked, request_id: str, answer: str) -> ResponseReturnValue:
    words = one_line(answer)
    act = transact(lambda session: decline(session, asked, request_id, answer=words))
    return _to_act(act, SENT_AGAIN if act.is_again else "Done.", "ok", is_again=act.is_again)


DECISIONS = {"approve": _approved, "decline": _declined}


def _to_act(act: Act, said: str, kind: str, *, is_again: bool) -> ResponseReturnValue:
    log_act(act, is_again=is_again)
    flash(said, f"act {act.id} {kind}")
    return redirect(url_for(".act", act_id=act.id), 303)


def _act_of(asked: Asked) -> Act | None:
    row = act_of_form(db.session(), asked.account_id, asked.form_key)
    return act_of(row) if row else None


def _sent_form() -> Form:
    return Form({name: request.form.get(name, "") for name in ("reason", "answer")}, request.form.get("key", ""))


def _refused(reader: Reader, account_id: int, request_id: str, form: Form) -> ResponseReturnValue:
    context = page.request_page(reader, account_id, request_id, form)
    return make_response(render_template("operator/request.html", **context), 422)
