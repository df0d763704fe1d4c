"""Batches: up to 1,000 spends in one request, each answered as it would have been by itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response

from webapp.api.answers import answer
from webapp.api.bodies import checked, digest, json_object
from webapp.api.callers import EXTERNAL, Caller, account_numbered, caller
from webapp.api.entries import entry_answer
from webapp.api.prices import price_of, work_of
from webapp.api.spend_shapes import BatchAnswer, BatchBody, BatchLine, LineRefused, LineSpent
from webapp.errors import Refusal
from webapp.extensions import db, transact
from webapp.ledger.batches import MAX_LINES
from webapp.ledger.errors import UnknownAccount
from webapp.ledger.operations import Posted, SpendLine, spend_batch
from webapp.orm import utc_now
from webapp.people.hosts import accounts_of_host
from webapp.web.errors import plain_problem, problem_body
from webapp.web.refusals import AccountNotYours, BatchTooLarge, InvalidFields

Result = Posted | Refusal


@dataclass(frozen=True, slots=True)
class Named:
    """The accounts that a batch may speak of: the caller, and those that lines name by the product's own ids."""

    asking: Caller
    external: Mapping[str, int]

    def account_id(self, name: int | str | None) -> int:
        """The account of a line. Raises AccountNotNamed, AccountNotYours or UnknownAccount."""
        if name is None:
            return self.asking.account_id
        if not self.asking.is_service:
            raise AccountNotYours("Only a service key may name an account.")
        if isinstance(name, str) and name.startswith(EXTERNAL):
            found = self.external.get(name.removeprefix(EXTERNAL))
        else:
            found = account_numbered(str(name))
        if found is None:
            raise UnknownAccount("There is no such account.")
        return found


def batch() -> Response:
    """POST /api/credits/spend/batch: one transaction; a line that is refused fails alone."""
    raw = checked(BatchBody, json_object()).spends
    if len(raw) > MAX_LINES:
        raise BatchTooLarge(f"A batch has at most {MAX_LINES:,} spends.", largest=MAX_LINES)
    named = Named(caller(), _external_accounts(raw))
    lines = [_line_or_refusal(one, named) for one in raw]
    good = [line for line in lines if isinstance(line, SpendLine)]
    posted = iter(transact(partial(spend_batch, lines=good, now=utc_now())) if good else ())
    results = [next(posted) if isinstance(line, SpendLine) else line for line in lines]
    return answer(BatchAnswer(results=[_line_answer(*one) for one in zip(raw, results, strict=True)]))


def _line_or_refusal(raw: Any, named: Named) -> SpendLine | Refusal:
    try:
        return _line(raw, named)
    except Refusal as refusal:
        return refusal


def _line(raw: Any, named: Named) -> SpendLine:
    if not isinstance(raw, dict):
        raise InvalidFields("Each spend must be an object.", fields=[{"field": "", "message": "must be an object"}])
    asked, asking = checked(BatchLine, raw), named.asking
    account_id, price = named.account_id(asked.account), price_of(asked)
    return SpendLine(
        account_id=account_id,
        key=asking.stored_key(asked.key),
        fingerprint=digest(f"batch\n{account_id}", raw),
        **work_of(asked, price, by=asking),
        occurred_at=asked.occurred_at,
        actor_kind=asking.actor_kind,
    )


def _external_accounts(raw: Sequence[Any]) -> dict[str, int]:
    """The accounts that lines name by the product's own ids: all looked up at once."""
    external_ids = {name.removeprefix(EXTERNAL) for name in _names(raw) if name.startswith(EXTERNAL)}
    return accounts_of_host(db.session(), external_ids) if caller().is_service else {}


def _names(raw: Sequence[Any]) -> Iterator[str]:
    for line in raw:
        name = line.get("account") if isinstance(line, dict) else None
        if isinstance(name, str):
            yield name


def _line_answer(raw: Any, result: Result) -> LineSpent | LineRefused:
    if isinstance(result, Posted):
        return LineSpent(key=raw["key"], status=201, entry=entry_answer(result.entry))
    key = raw.get("key") if isinstance(raw, dict) else None
    problem = plain_problem(result)
    return LineRefused(key=key if isinstance(key, str) else None, status=problem.status, problem=problem_body(problem))
