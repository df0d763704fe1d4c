"""Batches: many spends in one transaction, each by itself. One bad line fails alone."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from webapp.ledger.accounts import locked_accounts, unknown_account
from webapp.ledger.drafts import Draft
from webapp.ledger.errors import IdempotencyConflict, InvalidRequest, LedgerRefusal
from webapp.ledger.facts import EntryFacts, Posted
from webapp.ledger.fast import Asked, spent_plainly
from webapp.ledger.keys import answered_again, stored_keys
from webapp.ledger.limits.counting import count_limits
from webapp.ledger.lots import open_sheets
from webapp.ledger.sheet import Line, Sheet
from webapp.ledger.spends import SpendLine, post_spend, spend_draft
from webapp.ledger.writing import answer, write

MAX_LINES = 1000

Result = Posted | LedgerRefusal


def spend_batch(session: Session, lines: Sequence[SpendLine], *, now: dt.datetime) -> list[Result]:
    """Spend each line by itself, those of an account in their order: its answer, or the refusal `spend` would raise.

    Locks all accounts named, in the order of their ids. A line that is refused leaves nothing and stops no other. A
    key that stands twice is answered again the second time.
    Raises InvalidRequest when there are no lines, or more than 1,000.
    """
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidRequest(f"A batch has 1 to {MAX_LINES:,} lines.", largest=MAX_LINES)
    results: dict[int, Result] = {}
    asked: list[Asked] = []
    for place, line in enumerate(lines):
        try:
            asked.append(Asked(place, line.account_id, line.credits, spend_draft(line, now=now)))
        except LedgerRefusal as refusal:
            results[place] = refusal
    results |= spent_plainly(session, asked, now=now)
    if left := [one for one in asked if one.place not in results]:
        results |= _portably(session, left, now)
    return [results[place] for place in range(len(lines))]


def _portably(session: Session, asked: Sequence[Asked], now: dt.datetime) -> dict[int, Result]:
    """The lines that are not plain, and on SQLite all of them."""
    results: dict[int, Result] = {}
    of_account: dict[int, list[Asked]] = defaultdict(list)
    for one in asked:
        of_account[one.account_id].append(one)
    sheets = open_sheets(session, locked_accounts(session, of_account), now=now)
    for account_id, of_it in of_account.items():
        if account_id in sheets:
            results |= _results(session, sheets[account_id], of_it, now)
        else:
            results |= {one.place: unknown_account(account_id) for one in of_it}
    write(session, sheets.values(), now=now)
    return results


def _results(session: Session, sheet: Sheet, asked: Sequence[Asked], now: dt.datetime) -> dict[int, Result]:
    """The lines of one account, posted on its sheet or refused. Where all are refused, the sheet is left empty."""
    stored = stored_keys(session, sheet.account.id, {one.draft.key for one in asked})
    posted: dict[str, Line] = {}
    results: dict[int, Result] = {}
    sheet.settle_due(now)
    count_limits(session, sheet, now=now)
    for one in asked:
        try:
            results[one.place] = _result(session, sheet, one.draft, one.credits, stored, posted, now)
        except LedgerRefusal as refusal:
            results[one.place] = refusal
    if not posted:
        sheet.lines.clear()
    return results


def _result(
    session: Session,
    sheet: Sheet,
    draft: Draft,
    credits: int,
    stored: Mapping[str, tuple[Any, EntryFacts]],
    posted: dict[str, Line],
    now: dt.datetime,
) -> Posted:
    if draft.key in stored:
        return answered_again(session, sheet.account.id, draft, *stored[draft.key])
    if draft.key in posted:
        return _twin(posted[draft.key], draft, now)
    line = post_spend(sheet, draft, credits)
    sheet.end_operation()
    posted[draft.key] = line
    return answer(line, now=now)


def _twin(line: Line, draft: Draft, now: dt.datetime) -> Posted:
    """The answer to a key that stands twice in one batch."""
    if line.draft.fingerprint != draft.fingerprint:
        raise IdempotencyConflict("This key was used before with another request.", entry=line.seq)
    return replace(answer(line, now=now), replayed=True)
