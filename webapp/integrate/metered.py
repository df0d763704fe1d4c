"""`@metered`: a view that costs credits. They are on hold while it runs, and taken only if it answers well."""

import hashlib
import secrets
from collections.abc import Callable
from functools import partial, wraps
from typing import ParamSpec

from flask import Request, Response, current_app, make_response, request
from flask.typing import ResponseReturnValue

from webapp.api.bodies import idempotency_key
from webapp.extensions import end_reading
from webapp.integrate.holds import CreditsHold, cost_of, settled
from webapp.integrate.payers import Payer, payer
from webapp.integrate.reserving import LASTS_SECONDS, Asked, Reserved, reserve
from webapp.web.gate import unauthorized
from webapp.web.refusals import NotSignedIn, WorkDone, WorkInProgress

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]
Quantity = int | Callable[[Request], int]

FAILED = 400  # an answer of this status or above means that the work was not done
LONGEST_PLAIN_KEY = 240


def metered(
    meter: str, *, quantity: Quantity = 1, description: str = "", lasts_seconds: int = LASTS_SECONDS
) -> Callable[[View[P]], View[P]]:
    """Let a view cost what `quantity` units of the meter do: a number, or a function of the request.

    The cost is put on hold before the view runs and taken when it answers below 400; after an exception or any other
    answer it is given back. Who pays is the signed-in person or the account of the API key. An `Idempotency-Key` runs
    the view once: again, it is refused with 409 while the first is under way (WorkInProgress) or when it has been
    paid for (WorkDone); after a failure it may try again, and after `lasts_seconds` if a worker died meanwhile. Too few
    credits, or a spend limit that has too little left: 402, and the view doesn't run.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def paid(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            try:
                who = payer()
            except NotSignedIn:
                return unauthorized()
            units = quantity(request) if callable(quantity) else quantity
            hold = hold_for_request(who, meter, units, description=description, lasts_seconds=lasts_seconds)
            return run_held(hold, partial(current_app.ensure_sync(view), *args, **kwargs))

        return paid

    return decorate


def hold_for_request(
    who: Payer, meter: str, quantity: int, *, description: str, lasts_seconds: int = LASTS_SECONDS
) -> CreditsHold | None:
    """Hold what this request costs; None if that is nothing. Raises KeyUsed, and what the ledger refuses."""
    cost = cost_of(meter, quantity, None)
    if cost == 0:
        return None
    asked = Asked(
        account_id=who.account_id,
        credits=cost,
        meter=meter,
        quantity=quantity,
        key_id=who.key_id,
        description=description,
        lasts_seconds=lasts_seconds,
    )
    return CreditsHold(_new_only(reserve(asked, key=_key())).seq, asked)


def run_held(hold: CreditsHold | None, view: Callable[[], ResponseReturnValue]) -> Response:
    """Run the view and settle its hold. No transaction is open while it runs."""
    end_reading()
    if hold is None:
        return make_response(view())
    with settled(hold):
        response = make_response(view())
        if response.status_code >= FAILED:
            hold.give_up()
            return response
    response.headers.setdefault("HX-Trigger", "creditsChanged")
    return response


def _new_only(reserved: Reserved) -> Reserved:
    if reserved.is_new:
        return reserved
    if reserved.state == "open":
        raise WorkInProgress("The same request is being worked on. It is charged once.", hold=reserved.seq)
    raise WorkDone("The same request was done before and charged once. Nothing was charged now.", hold=reserved.seq)


def _key() -> str:
    """The key of this request's hold: the client's own within this endpoint, else a new one."""
    key = f"{request.endpoint}:{idempotency_key() or secrets.token_hex(16)}"
    return key if len(key) <= LONGEST_PLAIN_KEY else hashlib.sha256(key.encode()).hexdigest()
