"""Moving credits over the API: reading the request, one transaction, and the answer that a repeated key gets again."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypedDict, TypeVar

from flask import Response
from pydantic import BaseModel
from sqlalchemy.orm import Session

from webapp.api.answers import answer
from webapp.api.bodies import checked, fingerprint, json_object, needed_key, object_if_any
from webapp.api.callers import caller
from webapp.api.entries import entry_answer
from webapp.api.schemas import ShortBalance
from webapp.api.spend_shapes import HeldAnswer, HoldAnswer, PostedAnswer
from webapp.extensions import transact
from webapp.ledger import queries
from webapp.ledger.operations import HoldFacts, Posted
from webapp.web.refusals import MadeByProduct

Fields = TypeVar("Fields", bound=BaseModel)


# Who may have made what an account's key or a person closes and returns.
MADE_BY_ACCOUNT = {"user", "key"}


class Signed(TypedDict):
    """What every operation of the ledger is told of who asks, and by which key it knows the request again."""

    key: str
    fingerprint: str
    actor_kind: str


def asked_for(fields: type[Fields], *, may_be_empty: bool = False) -> tuple[Fields, Signed]:
    """The body, and who signs for it. Raises what reading a body and its key can raise."""
    body = object_if_any() if may_be_empty else json_object()
    key = needed_key()
    asking = caller()
    signed = Signed(key=asking.stored_key(key), fingerprint=fingerprint(body), actor_kind=asking.actor_kind)
    return checked(fields, body), signed


def post(operation: Callable[..., Posted], *place: int, **facts: Any) -> Posted:
    """Run one operation of the ledger on the caller's account, in a transaction of its own."""
    return transact(partial(_operate, operation=operation, place=(caller().account_id, *place), facts=facts))


def post_on_own(operation: Callable[..., Posted], seq: int, **facts: Any) -> Posted:
    """Run an operation on the account's entry or hold `seq`; one that the product made is for service keys only.

    What the product (or its operator) took only the product gives back, else people could return what they have used.
    Raises MadeByProduct. The look is under the account's lock, which the operation has taken, and undoes it.
    """

    def work(session: Session) -> Posted:
        posted = _operate(session, operation=operation, place=(account_id, seq), facts=facts)
        if not is_product and queries.actor_of(session, account_id, seq) not in MADE_BY_ACCOUNT:
            raise MadeByProduct("The product has made this entry, and only the product can undo it.", entry=seq)
        return posted

    account_id, is_product = caller().account_id, caller().is_service
    return transact(work)


def posted_answer(posted: Posted) -> Response:
    """The entry and the balance after it."""
    return _answer(posted, PostedAnswer(entry=entry_answer(posted.entry), balance=_balance(posted)))


def held_answer(posted: Posted) -> Response:
    """The hold as the operation left it, and the balance then."""
    hold = posted.hold
    assert hold is not None  # noqa: S101  # for the type checker: holds and releases always have one
    return _answer(posted, HeldAnswer(hold=hold_answer(hold), balance=_balance(posted)))


def hold_answer(hold: HoldFacts) -> HoldAnswer:
    """A hold in the API's words."""
    return HoldAnswer.model_validate(
        {
            "id": hold.seq,
            "credits": hold.credits,
            "captured": hold.captured,
            "state": hold.state,
            "expires_at": hold.expires_at,
        }
    )


def _operate(session: Session, *, operation: Callable[..., Posted], place: tuple[int, ...], facts: Any) -> Posted:
    return operation(session, *place, **facts)


def _balance(posted: Posted) -> ShortBalance:
    return ShortBalance(available=posted.available, held=posted.held)


def _answer(posted: Posted, shape: BaseModel) -> Response:
    response = answer(shape, 201)
    if posted.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
