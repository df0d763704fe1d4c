"""An entry in the API's words."""

from collections.abc import Collection
from typing import Any

from sqlalchemy.orm import Session

from webapp.api.schemas import BecauseAnswer, EntryAnswer, LotTouchedAnswer, ToldEntryAnswer
from webapp.billing.money_back.causes import Cause, causes_of
from webapp.billing.queries import purchases_of
from webapp.ledger.facts import EntryFacts


def entry_answer(entry: EntryFacts) -> EntryAnswer:
    """The entry as every answer to an operation tells it."""
    return EntryAnswer(**_facts(entry))


def told_entries(session: Session, account_id: int, entries: Collection[EntryFacts]) -> list[ToldEntryAnswer]:
    """Entries as the history tells them, with the refunds and disputes behind them."""
    causes = causes_of(session, account_id, entries)
    sources = {entry.source_id for entry in entries if entry.seq in causes}
    references = {one.id: one.reference for one in purchases_of(session, account_id, sources)} if sources else {}
    told = []
    for entry in entries:
        cause = causes.get(entry.seq)
        because = _because(cause, references[entry.source_id]) if cause else None
        told.append(ToldEntryAnswer(**_facts(entry), because=because))
    return told


def _facts(entry: EntryFacts) -> dict[str, Any]:
    return {
        "id": entry.seq,
        "kind": entry.kind,
        "credits": entry.credits,
        "balance_after": entry.balance_after,
        "description": entry.description,
        "meter": entry.meter or None,
        "quantity": entry.quantity,
        "lots": [LotTouchedAnswer.model_validate(lot) for lot in entry.lots],
        "occurred_at": entry.occurred_at,
        "created_at": entry.created_at,
        "reverses": entry.reverses_seq,
    }


def _because(cause: Cause, reference: str) -> BecauseAnswer:
    return BecauseAnswer(
        why=cause.why,
        purchase=reference,
        amount_minor=cause.amount_minor,
        currency=cause.currency,
        ids=list(cause.ids),
    )
