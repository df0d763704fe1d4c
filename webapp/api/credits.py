"""The account's credits as JSON: the balance, and the history in pages. They read; what is due they settle first."""

from zoneinfo import ZoneInfo

from flask import Response, request

from webapp.api.answers import answer
from webapp.api.bodies import checked
from webapp.api.callers import caller
from webapp.api.cursors import before_seq_of, cursor_of
from webapp.api.entries import told_entries
from webapp.api.schemas import (
    BalanceAnswer,
    HistoryAnswer,
    HistoryQuery,
    KindsAnswer,
    LotAnswer,
)
from webapp.extensions import db, parts
from webapp.ledger import queries
from webapp.ledger.queries import Balance
from webapp.orm import utc_now
from webapp.web.balance import fresh_balance, fresh_zone
from webapp.web.display import figure
from webapp.web.moments import begins_at, ends_at


def balance() -> Response:
    """GET /api/credits/balance."""
    return answer(_balance_answer(fresh_balance(caller().account_id, now=utc_now())))


def history() -> Response:
    """GET /api/credits/history: a page of entries, newest first, by keyset: as fast at the end as at the start."""
    query = checked(HistoryQuery, request.args.to_dict())
    before_seq = before_seq_of(query.cursor)
    now = utc_now()
    account_id = caller().account_id
    zone = ZoneInfo(fresh_zone(account_id, now=now))
    page = queries.history(
        db.session(),
        account_id,
        type=query.type,
        since=None if query.since is None else begins_at(query.since, zone),
        until=None if query.until is None else ends_at(query.until, zone),
        before_seq=before_seq,
        limit=query.limit,
        now=now,
    )
    entries = told_entries(db.session(), account_id, page.entries)
    return answer(HistoryAnswer(entries=entries, next_cursor=cursor_of(page.next_before_seq)))


def _balance_answer(found: Balance) -> BalanceAnswer:
    kinds = KindsAnswer.model_validate(found.kinds)
    shown = figure(found.available - found.debt, parts().catalog)
    return BalanceAnswer(
        account=found.account_id,
        available=found.available,
        held=found.held,
        frozen=found.frozen,
        debt=found.debt,
        balance=found.balance,
        kinds=kinds,
        subscription=kinds.allowance,
        overage=kinds.bonus + kinds.purchased,
        total=found.available,
        lots=[LotAnswer.model_validate(lot) for lot in found.lots],
        total_purchased=found.total_purchased,
        total_used=found.total_used,
        display=f"{shown.text} · {shown.below}" if shown.below else shown.text,
    )
