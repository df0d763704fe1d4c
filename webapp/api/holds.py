"""Holds: credits reserved while work is in progress, read, captured and released."""

from flask import Response

from webapp.api.answers import answer
from webapp.api.callers import caller
from webapp.api.posting import asked_for, held_answer, hold_answer, post, post_on_own, posted_answer
from webapp.api.prices import price_of, work_of
from webapp.api.spend_shapes import CaptureBody, HoldBody, ReleaseBody
from webapp.extensions import db
from webapp.ledger import operations, queries
from webapp.ledger.errors import UnknownHold
from webapp.orm import utc_now


def hold() -> Response:
    """POST /api/credits/holds: reserves credits, all of them or none."""
    asked, signed = asked_for(HoldBody)
    price = price_of(asked)
    return held_answer(
        post(
            operations.hold,
            **work_of(asked, price, by=caller()),
            lasts_seconds=asked.lasts_seconds,
            **signed,
            now=utc_now(),
        )
    )


def read_hold(hold: int) -> Response:
    """GET /api/credits/holds/{hold}: what has become of it. Raises UnknownHold, for another account's too."""
    found = queries.hold(db.session(), caller().account_id, hold, now=utc_now())
    if found is None:
        raise UnknownHold("There is no such hold.", hold=hold)
    return answer(hold_answer(found))


def capture(hold: int) -> Response:
    """POST /api/credits/holds/{hold}/capture: spends what was used of a hold, and gives back the rest."""
    asked, signed = asked_for(CaptureBody)
    price = price_of(asked)
    return posted_answer(
        post_on_own(
            operations.capture,
            hold,
            **work_of(asked, price, by=caller()),
            may_exceed_hold=price.may_exceed_hold,
            occurred_at=asked.occurred_at,
            **signed,
            now=utc_now(),
        )
    )


def release(hold: int) -> Response:
    """POST /api/credits/holds/{hold}/release: gives all of a hold back; nothing was used."""
    asked, signed = asked_for(ReleaseBody, may_be_empty=True)
    return held_answer(
        post_on_own(
            operations.release,
            hold,
            description=asked.description,
            details=asked.details,
            **signed,
            now=utc_now(),
        )
    )
