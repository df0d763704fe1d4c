"""Acts on an account: granting, taking, ending a lot, pausing what may be spent. Each in the caller's transaction."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from webapp.ledger import operations, queries
from webapp.ledger.accounts import lock_account
from webapp.ledger.checks import MAX_DESCRIPTION_LENGTH
from webapp.operators.acts import Act, Asked, Change, Facts, credits_of, perform
from webapp.operators.errors import InvalidChoice, InvalidWords, NothingToDo
from webapp.operators.texts import clean_text

# What an operator may give: an allowance comes of a plan, and what was purchased of a payment.
KINDS = ("bonus", "gift", "adjustment")


def grant(
    session: Session, asked: Asked, *, kind: str, credits: int, expires_at: dt.datetime | None, words: str = ""
) -> Act:
    """Give credits as a new lot. `words` is the line in the customer's history, which has the kind's name without.

    Locks the account. Raises InvalidChoice, InvalidWords, and what `perform` and the ledger's `grant` raise.
    """
    if kind not in KINDS:
        raise InvalidChoice(f"Choose one of {', '.join(KINDS)}.", field="kind")
    line = clean_words(words)
    facts = {"kind": kind, "credits": credits, "expires_at": _written(expires_at), "words": line}

    def change() -> Sequence[int]:
        posted = operations.grant(
            session,
            asked.account_id,
            kind=kind,
            credits=credits,
            key=_key(asked),
            source_kind="operator",
            source_id=asked.form_key,
            description=line,
            expires_at=expires_at,
            actor_kind="operator",
            now=asked.now,
        )
        return [posted.entry.seq]

    return _on_credits(session, asked, "grant", facts, change)


def take(session: Session, asked: Asked, *, credits: int, words: str = "") -> Act:
    """Take credits that are available, from the lots that would be used first.

    Locks the account. Raises InvalidWords, and what `perform` and the ledger's `void_in_order` raise.
    """
    line = clean_words(words)

    def change() -> Sequence[int]:
        posted = operations.void_in_order(
            session, asked.account_id, credits=credits, key=_key(asked), description=line, now=asked.now
        )
        return [posted.entry.seq]

    return _on_credits(session, asked, "take", {"credits": credits, "words": line}, change)


def end_lot(session: Session, asked: Asked, *, lot: int) -> Act:
    """Take all that is available of one lot now. What of it is on hold stays so until its work ends.

    Locks the account. Raises NothingToDo where nothing of it is available, and what `perform` and `void` raise.
    """

    def change() -> Sequence[int]:
        left = available_of(session, asked.account_id, lot, now=asked.now)
        if not left:
            raise NothingToDo("Nothing of this lot is available any more.")
        return [operations.void(session, asked.account_id, lot, credits=left, key=_key(asked), now=asked.now).entry.seq]

    return _on_credits(session, asked, "end_lot", {"lot": lot}, change)


def pause(session: Session, asked: Asked) -> Act:
    """Let nothing be spent or held until it is resumed. Locks the account. Raises NothingToDo if it is paused."""

    def change() -> Sequence[int]:
        if not operations.pause_spending(session, asked.account_id, now=asked.now):
            raise NothingToDo("Spending is paused already.")
        return []

    return perform(session, asked, "pause", {}, look=lambda: _spending(session, asked), change=change)


def resume(session: Session, asked: Asked) -> Act:
    """Let credits be spent again. Locks the account. Raises NothingToDo if spending is on."""

    def change() -> Sequence[int]:
        if not operations.resume_spending(session, asked.account_id):
            raise NothingToDo("Spending is on already.")
        return []

    return perform(session, asked, "resume", {}, look=lambda: _spending(session, asked), change=change)


def available_of(session: Session, account_id: int, lot: int, *, now: dt.datetime) -> int:
    """How many credits of a lot can be spent now; 0 for a lot that is not there."""
    lots = queries.balance(session, account_id, now=now).lots
    return next((one.credits for one in lots if one.grant == lot), 0)


def clean_words(text: str) -> str:
    """What the customer reads in their history, as it is written there. Raises InvalidWords."""
    words = clean_text(text, most_characters=MAX_DESCRIPTION_LENGTH)
    if words is None:
        raise InvalidWords(f"Use at most {MAX_DESCRIPTION_LENGTH} letters, digits and signs that can be shown.")
    return words


def _on_credits(session: Session, asked: Asked, act: str, facts: Facts, change: Change) -> Act:
    def look() -> Facts:
        return credits_of(session, asked.account_id, now=asked.now)

    return perform(session, asked, act, facts, look=look, change=change)


def _spending(session: Session, asked: Asked) -> Facts:
    paused_at = lock_account(session, asked.account_id).spending_paused_at
    return {"spending": _written(paused_at)}


def _written(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _key(asked: Asked) -> str:
    return f"operator:{asked.form_key}"
