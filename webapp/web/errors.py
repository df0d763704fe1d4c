"""From an exception to an answer, once for all: a page, a partial for `#alerts`, or problem+json, by path."""

import time
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Flask, Response, g, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from webapp.alerts import errors as alerts
from webapp.billing import errors as billing
from webapp.errors import Refusal
from webapp.exports.errors import TooManyExports
from webapp.extensions import end_reading, limiter, parts
from webapp.ledger import errors as ledger
from webapp.operators import errors as operators
from webapp.orm import is_lost, is_transient
from webapp.people import errors as people
from webapp.web import refusals
from webapp.web.gate import must_sign_in_first, unauthorized
from webapp.web.limit_reached import limit_on_page
from webapp.web.limit_words import reached_text
from webapp.web.logs import log
from webapp.web.pages.shell import error_frame
from webapp.web.shortfall import Shortfall, shortfall_of, shortfall_on_page

STATUSES: dict[type[Refusal], int] = {
    Refusal: 422,
    refusals.NotSignedIn: 401,
    refusals.InvalidKey: 401,
    refusals.NotAllowed: 403,
    refusals.AccountNotNamed: 400,
    refusals.NotJson: 415,
    refusals.UnreadableRequest: 400,
    refusals.BatchTooLarge: 413,
    refusals.UnknownMeter: 404,
    refusals.KeyUsed: 409,
    people.UnknownKey: 404,
    people.NoUser: 409,
    people.EmailOfAnother: 409,
    people.OperatorsOwn: 403,
    people.OperatorStays: 403,
    people.AccountClosed: 409,
    people.LinkEnded: 410,
    operators.FormUsed: 409,
    operators.NothingToDo: 409,
    operators.NobodySignsIn: 409,
    alerts.UnknownAlert: 404,
    ledger.UnknownAccount: 404,
    ledger.UnknownEntry: 404,
    ledger.UnknownGrant: 404,
    ledger.UnknownHold: 404,
    ledger.HoldClosed: 409,
    ledger.InsufficientCredits: 402,
    ledger.SpendingPaused: 402,
    ledger.SpendLimitReached: 402,
    ledger.LimitAlreadyReached: 409,
    TooManyExports: 429,
    billing.UnknownPack: 404,
    billing.UnknownPlan: 404,
    billing.UnknownPurchase: 404,
    billing.UnknownEvent: 404,
    billing.PackLocked: 403,
    billing.AlreadySubscribed: 409,
    billing.StillSubscribed: 409,
    billing.NotSubscribed: 409,
    billing.TermsChanged: 409,
    billing.CheckoutExpired: 409,
    billing.NotRefundable: 409,
    billing.RefundUnderway: 409,
    billing.RefundRefused: 409,
    billing.RefundUnconfirmed: 503,
    billing.RefundNotOffered: 409,
    billing.QuoteChanged: 409,
    billing.RequestDecided: 409,
    billing.UnknownRequest: 404,
    billing.Overtaken: 503,
    billing.InvalidWebhook: 400,
    billing.PackUnavailable: 503,
    billing.PlanUnavailable: 503,
    billing.PortalUnavailable: 503,
    billing.PlanMissing: 503,
    billing.PaymentsOff: 503,
    billing.StripeUnreachable: 503,
    billing.StripeRefused: 503,
}

# Title and text of each status, for people. What a refusal says itself stands in place of the text.
WORDS: dict[int, tuple[str, str]] = {
    400: ("We couldn't read that", "Nothing was saved or charged."),
    401: ("Please sign in", "Sign in first, then ask again."),
    402: ("You're out of credits", "Nothing was used."),
    403: ("Not yours to open", "This page needs something your account doesn't have."),
    404: ("We can't find that page", "The address may be old, or it may belong to someone else."),
    405: ("We can't do that here", "Nothing was saved or charged."),
    409: ("Something changed meanwhile", "Please check and try again."),
    410: ("This link has ended", "Nothing was changed."),
    413: ("That's too much at once", "Nothing was saved or charged."),
    415: ("We couldn't read that", "Nothing was saved or charged."),
    422: ("That doesn't look right", "Nothing was saved or charged."),
    429: ("Slow down a little", "You have not been charged."),
    500: ("Something broke on our side", "Your balance is safe. Please try again in a minute."),
    503: ("Back in a few minutes", "You have not been charged."),
}
# Titles that say more than their status does.
TITLES: dict[str, str] = {
    "pack_locked": "This pack is for subscribers",
    "pack_unavailable": "This pack can't be bought now",
    "plan_unavailable": "This plan can't be bought now",
    "unknown_plan": "We don't sell that plan",
    "already_subscribed": "You have a subscription already",
    "still_subscribed": "You have a subscription still",
    "not_subscribed": "There is nothing to manage yet",
    "portal_unavailable": "Stripe can't be reached",
    "payments_off": "Buying is switched off",
    "stripe_unreachable": "Stripe can't be reached",
    "stripe_refused": "Stripe can't open this checkout",
    "checkout_expired": "That checkout has expired",
    "not_refundable": "Nothing can be refunded",
    "refund_underway": "Another refund comes first",
    "refund_refused": "Stripe made no refund",
    "refund_unconfirmed": "The refund is not confirmed yet",
    "unknown_account": "We don't know that account",
    "unknown_entry": "We don't know that entry",
    "unknown_hold": "We don't know that hold",
    "unknown_meter": "We don't know that meter",
    "hold_closed": "That hold is closed",
    "spending_paused": "Spending is paused",
    "spend_limit_reached": "You've reached your spend limit",
    "limit_already_reached": "Saving pauses usage now",
    "made_by_product": "Only the product can undo that",
    "scope_missing": "This key may not do that",
    "service_key_needed": "This key may not do that",
    "account_not_yours": "This key may not name an account",
    "work_in_progress": "This is being done already",
    "work_done": "This was done already",
    "operators_own": "No key may do that",
    "account_closed": "This account is closed",
    "refund_not_offered": "There is nothing to refund",
    "quote_changed": "The sum has changed",
    "request_decided": "This request was decided",
    "role_needed": "This needs another role",
    "form_used": "This form was used already",
    "nothing_to_do": "There is nothing to do",
    "nobody_signs_in": "Nobody signs in to this account",
    "busy": "We're busy right now",
    "too_many_exports": "Two exports are running already",
}
# Not "you have not been charged", as other pages of 503 say: whoever comes back from Stripe has been.
BUSY_TEXT = "Your balance is safe. Please try again in a few seconds."
BUSY_SECONDS = 5
CSRF_WORDS = ("This page got old", "Reload and try again. Nothing was saved or charged.")

RESUME = ("Resume spending", "/dashboard/settings#settings-spending")
BACK_TO_CREDITS = ("Back to credits", "/dashboard/credits")
BACK_TO_BILLING = ("Back to billing", "/billing")

# Which way on a page of this code offers, instead of the dashboard.
WAYS_ON: dict[str, tuple[str, str]] = {
    "unknown_pack": ("See the packs", "/dashboard/credits"),
    "pack_unavailable": ("See the packs", "/dashboard/credits"),
    "unknown_plan": ("See the plans", "/billing#plans"),
    "plan_unavailable": ("See the plans", "/billing#plans"),
    "already_subscribed": BACK_TO_BILLING,
    "still_subscribed": ("Go to billing", "/billing"),
    "not_subscribed": ("See the plans", "/billing#plans"),
    "portal_unavailable": BACK_TO_BILLING,
    "payments_off": BACK_TO_CREDITS,
    "stripe_unreachable": BACK_TO_CREDITS,
    "stripe_refused": BACK_TO_CREDITS,
    "checkout_expired": BACK_TO_CREDITS,
    "too_many_exports": ("Back to history", "/dashboard/history"),
    "role_needed": ("Back to people", "/operator/people"),
    "form_used": ("See what was done", "/operator/acts"),
    "nothing_to_do": ("Back to people", "/operator/people"),
    "nobody_signs_in": ("Back to people", "/operator/people"),
}


@dataclass(frozen=True)
class Problem:
    """What went wrong, before it is drawn."""

    status: int
    code: str
    title: str
    text: str
    facts: dict[str, object]
    retry_after_seconds: int | None = None
    shortfall: Shortfall | None = None
    limit: ledger.SpendLimitReached | None = None


def register_errors(app: Flask) -> None:
    """Answer every exception in the shape its path asks for."""
    app.register_error_handler(Refusal, _draw_refusal)
    app.register_error_handler(CSRFError, _draw_old_form)
    app.register_error_handler(RateLimitExceeded, lambda _: draw(_too_many()))
    app.register_error_handler(HTTPException, _draw_http)
    app.register_error_handler(DBAPIError, _draw_database)
    app.register_error_handler(Exception, _draw_broken)
    app.after_request(_keep_at_home)


def status_of(refusal: Refusal) -> int:
    """The HTTP status of a refusal."""
    return status_of_kind(type(refusal))


def status_of_kind(refusal: type[Refusal]) -> int:
    """The HTTP status of a kind of refusal: its own, else its nearest parent's."""
    return next(STATUSES[kind] for kind in refusal.__mro__ if kind in STATUSES)


def problem_of_refusal(refusal: Refusal) -> Problem:
    """The problem a refusal is drawn as. Of missing credits it also says which pack helps their account."""
    if isinstance(refusal, ledger.SpendLimitReached):
        return replace(plain_problem(refusal), limit=refusal)
    if not isinstance(refusal, ledger.InsufficientCredits):
        return plain_problem(refusal)
    status, found = status_of(refusal), shortfall_of(refusal)
    text, title = found.text(parts().catalog), _title(refusal, status)
    return Problem(status, refusal.code, title, text, found.facts, shortfall=found)


def plain_problem(refusal: Refusal) -> Problem:
    """The problem in the refusal's own words and facts. Reads nothing: a batch may have a thousand of them."""
    status, text = status_of(refusal), refusal.sentence
    if isinstance(refusal, ledger.SpendLimitReached):
        text = reached_text(refusal, parts().catalog)
    retry_after_seconds = 60 if status == 503 else None
    return Problem(status, refusal.code, _title(refusal, status), text, refusal.facts, retry_after_seconds)


def _title(refusal: Refusal, status: int) -> str:
    plan = parts().catalog.plan(str(refusal.facts.get("plan"))) if isinstance(refusal, billing.PackLocked) else None
    return f"This is part of {plan.name}" if plan else TITLES.get(refusal.code, WORDS[status][0])


def draw(problem: Problem) -> Response:
    """Draw a problem by the path of the request."""
    if request.path.startswith("/api/"):
        response = _as_json(problem)
    elif request.path.startswith("/partials/"):
        response = make_response(render_template("errors/_error.html", **_context(problem)))
        response.headers["HX-Retarget"] = "#alerts"
        response.headers["HX-Reswap"] = "innerHTML"
    else:
        frame = error_frame(problem.status)
        response = make_response(render_template("errors/error.html", **frame, **_context(problem)))
    response.status_code = problem.status
    if problem.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(problem.retry_after_seconds)
    return response


def problem_body(problem: Problem) -> dict[str, Any]:
    """A problem as JSON: its facts, and what every problem says, of which no fact can take the place."""
    body: dict[str, Any] = dict(problem.facts)
    body |= {"type": "about:blank", "title": problem.title, "status": problem.status}
    return body | {"detail": problem.text, "code": problem.code, "request_id": g.get("request_id")}


def _as_json(problem: Problem) -> Response:
    response = jsonify(problem_body(problem))
    response.mimetype = "application/problem+json"
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _context(problem: Problem) -> dict[str, Any]:
    drawn = {
        "status": problem.status,
        "code": problem.code,
        "title": problem.title,
        "text": problem.text,
        "actions": [_way_on(problem)],
        "can_manage": problem.code == "already_subscribed",
        "reference": g.get("request_id") if problem.status >= 500 else None,
        "buying": None,
        "otherwise": "",
    }
    if problem.limit:
        return drawn | limit_on_page(problem.limit)
    return drawn | (shortfall_on_page(problem.shortfall) if problem.shortfall else {})


def _way_on(problem: Problem) -> tuple[str, str]:
    """The way on of a problem: to the plan that opens a pack, back to the page whose form it was, or by its code."""
    if problem.code == "pack_locked":
        plan = parts().catalog.plan(str(problem.facts.get("plan")))
        return (f"See {plan.name}", f"/billing#plan-{plan.slug}") if plan else ("See the plans", "/billing#plans")
    if problem.code == "spending_paused" and problem.facts.get("paused_by") == "owner":
        return RESUME
    if request.path.startswith("/billing/") and WAYS_ON.get(problem.code, BACK_TO_CREDITS) == BACK_TO_CREDITS:
        return BACK_TO_BILLING
    return WAYS_ON.get(problem.code, ("Go to dashboard", "/dashboard"))


def _too_many() -> Problem:
    limit = limiter.current_limit
    seconds = max(1, limit.reset_at - int(time.time())) if limit else 60
    text = f"Please wait {seconds} seconds and try again. You have not been charged."
    return Problem(429, "too_many_requests", WORDS[429][0], text, {}, seconds)


def _draw_old_form(_: CSRFError) -> ResponseReturnValue:
    """Somebody whose sign-in has ended needs that first: reloading the page would not help them."""
    return unauthorized() if must_sign_in_first() else draw(Problem(400, "csrf", *CSRF_WORDS, {}))


def _draw_refusal(refusal: Refusal) -> Response:
    return draw(problem_of_refusal(refusal))


def _draw_http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect raised by routing is an answer, not an error
        return make_response(error.get_response())
    title, text = WORDS.get(status, (error.name, "Nothing was saved or charged."))
    response = draw(Problem(status, error.name.lower().replace(" ", "_"), title, text, {}))
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _keep_at_home(response: Response) -> Response:
    """Let the routing's own redirects (`/static//x`) name a path only: the Host header is what the asker says."""
    if isinstance(request.routing_exception, RequestRedirect):
        target = urlsplit(response.location or "/")
        response.location = urlunsplit(("", "", "/" + target.path.lstrip("/"), target.query, ""))
    return response


def _draw_database(error: DBAPIError) -> Response:
    """Answer 503 where the database still asked for another try when we gave up, or was gone; other faults are ours."""
    if not (is_transient(error) or is_lost(error)):
        return _draw_broken(error)
    end_reading()
    log.warning("database is busy", error=type(error.orig).__name__)
    return draw(Problem(503, "busy", TITLES["busy"], BUSY_TEXT, {}, BUSY_SECONDS))


def _draw_broken(error: Exception) -> Response:
    """Answer 500: the sentence is the same for every fault, the details are in the log under the reference."""
    end_reading()
    log.error("unhandled", exc_info=error)
    return draw(Problem(500, "internal", *WORDS[500], {}))
