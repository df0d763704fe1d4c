"""An entry in the API's words."""

from webapp.api.schemas import EntryAnswer, LotTouchedAnswer
from webapp.ledger.facts import EntryFacts


def entry_answer(entry: EntryFacts) -> EntryAnswer:
    """The entry as every answer tells it."""
    return EntryAnswer(
        id=entry.seq,
        kind=entry.kind,
        credits=entry.credits,
        balance_after=entry.balance_after,
        description=entry.description,
        meter=entry.meter or None,
        quantity=entry.quantity,
        lots=[LotTouchedAnswer.model_validate(lot) for lot in entry.lots],
        occurred_at=entry.occurred_at,
        created_at=entry.created_at,
        reverses=entry.reverses_seq,
    )
