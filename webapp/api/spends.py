"""Taking credits, giving them back, and asking what work would cost."""

from flask import Response

from webapp.api.answers import answer
from webapp.api.bodies import checked, json_object
from webapp.api.callers import caller
from webapp.api.posting import asked_for, post, post_on_own, posted_answer
from webapp.api.prices import price_of, work_of
from webapp.api.spend_shapes import EstimateAnswer, EstimateBody, GrantBody, ReverseBody, SpendBody
from webapp.extensions import db
from webapp.ledger import operations, queries
from webapp.orm import utc_now


def spend() -> Response:
    """POST /api/credits/spend: takes credits in burn order, all of them or none."""
    asked, signed = asked_for(SpendBody)
    price = price_of(asked)
    return posted_answer(
        post(
            operations.spend,
            **work_of(asked, price, by=caller()),
            occurred_at=asked.occurred_at,
            **signed,
            now=utc_now(),
        )
    )


def estimate() -> Response:
    """POST /api/credits/estimate: what work would cost, and whether the balance covers it. Changes nothing."""
    price = price_of(checked(EstimateBody, json_object()))
    available = queries.balance(db.session(), caller().account_id, now=utc_now()).available
    return answer(
        EstimateAnswer(
            credits=price.credits,
            meter=price.meter or None,
            quantity=price.quantity,
            available=available,
            missing=max(0, price.credits - available),
            is_covered=price.credits <= available,
        )
    )


def reverse(entry: int) -> Response:
    """POST /api/credits/entries/{entry}/reverse: undoes a spend or capture, for the lots that paid."""
    asked, signed = asked_for(ReverseBody, may_be_empty=True)
    return posted_answer(
        post_on_own(
            operations.reverse,
            entry,
            credits=asked.credits,
            description=asked.description,
            details=asked.details,
            **signed,
            now=utc_now(),
        )
    )


def grant() -> Response:
    """POST /api/credits/grants: gives credits, once for each key."""
    asked, signed = asked_for(GrantBody)
    return posted_answer(
        post(
            operations.grant,
            kind=asked.kind,
            credits=asked.credits,
            description=asked.reason,
            expires_at=asked.expires_at,
            source_kind="api",
            source_id=signed["key"],
            **signed,
            now=utc_now(),
        )
    )
