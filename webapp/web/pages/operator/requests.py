"""Requests for refunds as operators see them: those that wait, and one with what its refund would do."""

import secrets
from dataclasses import dataclass
from typing import Any

from flask import abort

from webapp.billing.errors import UnknownRequest
from webapp.billing.models import Purchase
from webapp.billing.money_back.models import RefundRequest
from webapp.billing.money_back.quoting import refund_ends_at
from webapp.billing.money_back.refunding import credits_taken
from webapp.billing.money_back.requests import request_of, still_holds, waiting_requests
from webapp.extensions import db
from webapp.operators.acts import Act
from webapp.operators.people import Profile, profile
from webapp.operators.refunds import before_and_after, facts_of
from webapp.operators.requests import APPROVED
from webapp.web.pages.operator.act_words import changes, details
from webapp.web.pages.operator.deeds import Fault
from webapp.web.pages.operator.doing import Form
from webapp.web.pages.operator.frame import console
from webapp.web.pages.operator.person import known
from webapp.web.pages.reader import Reader
from webapp.web.pages.refunds import REQUEST_CHIPS

WAITING_SHOWN = 50


@dataclass(frozen=True, slots=True)
class RequestLine:
    """A request that waits, with its purchase and whose it is. `holds`: it can be approved as it stands."""

    request: RefundRequest
    purchase: Purchase
    owner: Profile | None
    holds: bool


def requests_page(reader: Reader) -> dict[str, Any]:
    """`operator/requests.html`: what waits, the oldest first."""
    context, session = console(reader, "requests"), db.session()
    waiting = waiting_requests(session, limit=WAITING_SHOWN + 1)
    lines = [
        RequestLine(
            one,
            session.get_one(Purchase, (one.account_id, one.purchase_id)),
            profile(session, one.account_id),
            still_holds(session, one, now=reader.now),
        )
        for one in waiting[:WAITING_SHOWN]
    ]
    return context | {"lines": lines, "has_more": len(waiting) > WAITING_SHOWN}


def request_page(reader: Reader, account_id: int, request_id: str, form: Form | None = None) -> dict[str, Any]:
    """`operator/request.html`. A missing request is a missing page."""
    context, session = console(reader, "requests"), db.session()
    request = known_request(account_id, request_id)
    purchase = session.get_one(Purchase, (account_id, request.purchase_id))
    is_waiting = request.state == "asked"
    foreseen = _foreseen(reader, request, purchase) if is_waiting else None
    return context | {
        "profile": known(account_id),
        "asked": request,
        "asked_chip": REQUEST_CHIPS[request.state],
        "purchase": purchase,
        "ends_at": refund_ends_at(purchase),
        "is_waiting": is_waiting,
        "holds": is_waiting and still_holds(session, request, now=reader.now),
        "changes": changes(foreseen, reader) if foreseen else [],
        "details": details(foreseen, reader) if foreseen else [],
        "form": form or Form({"reason": "", "answer": ""}, secrets.token_urlsafe(16)),
    }


def known_request(account_id: int, request_id: str) -> RefundRequest:
    """The account's request; 404 if there is none."""
    try:
        return request_of(db.session(), account_id, request_id)
    except UnknownRequest:
        abort(404)


def faulty(form: Form, sentence: str, field: str = "") -> Form:
    """The form again with what is wrong."""
    return Form(form.typed, form.key, (Fault(sentence, field),))


def _foreseen(reader: Reader, request: RefundRequest, purchase: Purchase) -> Act:
    """The approval as it would be written down now."""
    seen = credits_taken(db.session(), purchase, amount_minor=request.amount_minor, now=reader.now)
    before, after = before_and_after(purchase, seen, request.amount_minor)
    return Act(
        id="",
        account_id=request.account_id,
        operator_id=reader.user_id,
        act=APPROVED,
        reason="",
        facts=facts_of(purchase, seen, request.amount_minor) | {"words": ""},
        before=before,
        after=after,
        entry_seqs=(),
        form_key="",
        acted_at=reader.now,
    )
