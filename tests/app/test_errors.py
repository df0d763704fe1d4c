"""Each error as page, partial and problem: the same words, the right status and headers, a way on, and no details."""

import datetime as dt
import sqlite3

import pytest
from flask import abort
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import Conflict, RequestEntityTooLarge, TooManyRequests

from tests.api.calling import problem
from tests.app.one_database import database_url
from tests.support.browsing import sign_in
from tests.support.pages import PageClient
from webapp.billing import errors as billing
from webapp.errors import Refusal
from webapp.ledger import errors as ledger
from webapp.ledger.limits.facts import LimitStanding, SpendLimit, Window
from webapp.web import refusals
from webapp.web.errors import STATUSES, TITLES, WORDS, status_of
from webapp.web.gate import SECRET_SLOT

__all__ = ["database_url"]

DETAILS = "details that are nobody's business"


class Unheard(Refusal):
    """A refusal that no table names."""

    code = "unheard"


REACHED = LimitStanding(
    SpendLimit(0, "month", 800, pauses=True, is_money=True),
    Window(dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC), dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)),
    used=790,
    held=10,
    is_stored=True,
)

# What is raised, then the status, the code and the words that everybody reads.
RAISED = {
    "a needed credit": (
        ledger.InsufficientCredits(1, needed=36, available=12),
        (402, "insufficient_credits", "This needs 36 credits and you have 12. Nothing was used."),
    ),
    "a reached limit": (
        ledger.SpendLimitReached(1, REACHED, needed=36),
        (402, "spend_limit_reached", "You set a limit of $40.00 for November. Nothing was used."),
    ),
    "paused spending": (ledger.SpendingPaused("Spending is paused."), (402, "spending_paused", "Spending is paused.")),
    "no account": (ledger.UnknownAccount("There is no such account."), (404, "unknown_account", "no such account")),
    "a used key": (ledger.IdempotencyConflict("Another request."), (422, "idempotency_conflict", "Another request.")),
    "wrong credits": (ledger.InvalidCredits("A whole number."), (422, "invalid_credits", "A whole number.")),
    "no pack": (billing.UnknownPack(), (404, "unknown_pack", "We don't sell that pack (any more).")),
    "no purchase": (billing.UnknownPurchase(), (404, "unknown_purchase", "We can't find that purchase.")),
    "no such event": (billing.UnknownEvent(), (404, "unknown_event", "There is no such event")),
    "a locked pack": (
        billing.PackLocked("This pack is part of Plus.", pack="plus-extra", plan=None),
        (403, "pack_locked", "This pack is part of Plus."),
    ),
    "new terms": (
        billing.TermsChanged("The terms have changed.", pack="small"),
        (409, "terms_changed", "have changed"),
    ),
    "an old checkout": (billing.CheckoutExpired(), (409, "checkout_expired", "That checkout has expired.")),
    "no price": (billing.PackUnavailable("Not right now.", pack="small"), (503, "pack_unavailable", "Not right now.")),
    "payments off": (billing.PaymentsOff(), (503, "payments_off", "Payments are not configured")),
    "Stripe gone": (billing.StripeUnreachable("req_1"), (503, "stripe_unreachable", "You have not been charged.")),
    "Stripe's no": (billing.StripeRefused("code", "param"), (503, "stripe_refused", "You have not been charged.")),
    "no event": (billing.InvalidWebhook("reason"), (400, "invalid_webhook", "not an event that Stripe signed")),
    "nobody": (refusals.NotSignedIn("Sign in first."), (401, "not_signed_in", "Sign in first.")),
    "no JSON": (refusals.InvalidJson("Not valid JSON."), (400, "invalid_json", "Not valid JSON.")),
    "no type": (refusals.NotJson("Send JSON."), (415, "unsupported_media_type", "Send JSON.")),
    "no key": (refusals.InvalidIdempotencyKey("No key."), (400, "idempotency_key_invalid", "No key.")),
    "a wrong field": (refusals.InvalidFields("limit: no.", fields=[]), (422, "invalid_request", "limit: no.")),
    "a refusal of its own": (Unheard("Unheard of."), (422, "unheard", "Unheard of.")),
    "an old page": (CSRFError(), (400, "csrf", "Reload and try again. Nothing was saved or charged.")),
    "a conflict": (Conflict(), (409, "conflict", "Please check and try again.")),
    "too much": (RequestEntityTooLarge(), (413, "request_entity_too_large", "Nothing was saved or charged.")),
    "a teapot": (418, (418, "i'm_a_teapot", "Nothing was saved or charged.")),
    "too often": (TooManyRequests(), (429, "too_many_requests", "You have not been charged.")),
    "a fault": (RuntimeError(DETAILS), (500, "internal", "Your balance is safe.")),
    "a busy database": (
        OperationalError(DETAILS, {}, sqlite3.OperationalError("database is locked")),
        (503, "busy", "Your balance is safe. Please try again in a few seconds."),
    ),
    "a lost database": (OperationalError(DETAILS, {}, Exception(DETAILS)), (500, "internal", "Your balance is safe.")),
}


@pytest.fixture
def raising(make_app):
    """The application with an address for each error: as page, partial and API."""
    app = make_app()

    def fail(number):
        error = list(RAISED.values())[number][0]
        if isinstance(error, int):
            abort(error)
        raise error

    for prefix in ("/", "/partials/", "/api/"):
        app.add_url_rule(f"{prefix}raise/<int:number>", f"raise{prefix}", fail)
    return app


OTHER_TITLES = TITLES | {"csrf": "This page got old", "i'm_a_teapot": "I'm a teapot"}
# What a problem says beside the facts of its refusal, to somebody who isn't known.
MORE_FACTS = {"insufficient_credits": {"pack": None, "buy_url": "http://127.0.0.1:8000/dashboard/credits#packs"}}
NUMBERS = {name: number for number, name in enumerate(RAISED)}


def assert_headers(response, status):
    assert ("Retry-After" in response.headers) == (status == 503)
    assert DETAILS not in response.get_data(as_text=True)
    assert "Traceback" not in response.get_data(as_text=True)
    assert response.headers["Cache-Control"] == "private, no-store"


def test_each_error_is_a_page_of_the_site(raising):
    browser = PageClient(raising.test_client())
    for name, (_, (status, code, words)) in RAISED.items():
        page = browser.open(f"/raise/{NUMBERS[name]}", status=status)
        assert page.heading == OTHER_TITLES.get(code, WORDS.get(status, ("",))[0]), name
        assert words in page.with_id("error").text, name
        assert page.with_id("error").all("a"), name
        reference = f"Reference: {page.response.headers['X-Request-ID']}"
        assert (reference in page.text) == (status >= 500), name
        assert_headers(page.response, status)


def test_each_error_is_a_partial_for_the_alerts_and_never_in_place_of_a_balance(raising):
    browser = PageClient(raising.test_client())
    for name, (_, (status, _, words)) in RAISED.items():
        partial = browser.partial(f"/partials/raise/{NUMBERS[name]}", status=status)
        assert words in partial.text, name
        assert partial.response.headers["HX-Retarget"] == "#alerts"
        assert partial.response.headers["HX-Reswap"] == "innerHTML"
        assert "<html" not in partial.html
        assert_headers(partial.response, status)


def test_each_error_is_a_problem_of_the_api_with_its_facts(raising):
    client = raising.test_client()
    for name, (error, (status, code, words)) in RAISED.items():
        response = client.get(f"/api/raise/{NUMBERS[name]}")
        found = problem(response, status, code)
        assert words in found.pop("detail"), name
        facts = error.facts if isinstance(error, Refusal) else {}
        assert found == facts | MORE_FACTS.get(code, {}), name
        assert_headers(response, status)


def test_a_fact_cant_take_the_place_of_what_every_problem_says(make_app):
    app = make_app()

    @app.get("/api/clash")
    def clash():
        raise Unheard("Unheard of.", status=200, code="ok", detail="fine", title="fine", request_id="x", type="x")

    problem(app.test_client().get("/api/clash"), 422, "unheard")


def test_every_refusal_of_the_inner_rings_has_words_for_its_status():
    def below(kind):
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    ours = {kind for kind in below(Refusal) if kind.__module__.startswith("webapp.")}
    assert len(ours) > 20
    for kind in ours:
        status = next(STATUSES[parent] for parent in kind.__mro__ if parent in STATUSES)
        assert status in WORDS, kind
        assert kind.code != "refused" or kind is Refusal, f"{kind} has no code of its own"


def test_a_refusal_has_the_status_of_its_nearest_kin():
    class Finer(billing.PackLocked):
        pass

    assert status_of(Finer("")) == 403
    assert status_of(billing.StripeDenied()) == 503
    assert status_of(Unheard("")) == 422


def test_a_redirect_of_the_router_is_not_drawn_as_an_error(app):
    @app.get("/with-slash/")
    def with_slash():
        return "ok"

    response = app.test_client().get("/with-slash")
    assert (response.status_code, response.headers["Location"]) == (308, "/with-slash/")


def test_a_page_of_the_signed_in_keeps_its_shell_and_a_fault_has_none(raising, app, user):
    browser = PageClient(sign_in(raising, user))
    assert browser.open(f"/raise/{NUMBERS['a locked pack']}", status=403).has_id("balance-badge")
    assert not browser.open(f"/raise/{NUMBERS['a fault']}", status=500).has_id("balance-badge")


def test_errors_are_drawn_without_any_database(make_app):
    """Not even a server to connect to: what is drawn for nobody, and for one with a session from before."""
    app = make_app(database_url="postgresql://refill@127.0.0.1:1/refill")
    assert PageClient(app.test_client()).open("/nothing", status=404).with_id("error")
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie[SECRET_SLOT] = "a secret from before"
    browser = PageClient(client)
    assert browser.open("/nothing", status=404).with_id("error")
    assert browser.open("/dashboard", status=500).with_id("error")
    browser.partial("/partials/balance-badge", status=500)
    problem(client.get("/api/credits/balance"), 500, "internal")
    problem(client.get("/api/none"), 404, "not_found")


def test_a_wait_is_told_in_seconds_and_in_the_header(app, user):
    client = sign_in(app, user)
    began = dt.datetime.now(dt.UTC)
    responses = [client.get("/partials/checkout-status/x") for _ in range(21)]
    refused = responses[-1]
    assert [response.status_code for response in responses] == [404] * 20 + [429]
    seconds = int(refused.headers["Retry-After"])
    took = (dt.datetime.now(dt.UTC) - began).total_seconds()
    assert 60 - took - 1 <= seconds <= 61
    assert f"Please wait {seconds} seconds" in refused.get_data(as_text=True)
    assert refused.headers["HX-Retarget"] == "#alerts"
