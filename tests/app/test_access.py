"""Who may ask what: a row for every route the application has, for nobody, the owner and another user.

A route without a row fails, so that none is opened unseen. Another's object answers exactly as a missing one.
"""

import re
import secrets
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.books import hold, spend
from tests.api.calling import csrf_token_of
from tests.app.one_database import database_url
from tests.support.browsing import sign_in
from tests.support.people import make_user
from webapp.extensions import csrf, limiter
from webapp.orm import utc_now
from webapp.simulator.events import Sending
from webapp.web.checkout import settle_purchase, start_purchase

__all__ = ["database_url"]

EVIL = "evil.example"
OWN_ORIGIN = "http://127.0.0.1:8000"
TO_LOGIN, IN_HTMX, IN_API = "303 to login", "401 with HX-Redirect", "401 as problem"


@dataclass(frozen=True)
class Row:
    """What one route answers: to nobody, to the owner of what its address names, to anybody else who is signed in."""

    nobody: str | int
    owner: int
    other: int
    query: str = ""
    form: str = ""


def page(owner=200, other=200, **more):
    return Row(TO_LOGIN, owner, other, **more)


def partial(owner=200, other=200, **more):
    return Row(IN_HTMX, owner, other, **more)


def api(owner=200, other=200, **more):
    return Row(IN_API, owner, other, **more)


def public(status, signed_in=None, **more):
    return Row(status, signed_in or status, signed_in or status, **more)


# Endpoint and method; `{purchase}` and `{session}` are the owner's.
ACCESS = {
    ("api.balance", "GET"): api(),
    ("api.history", "GET"): api(),
    ("api.read_catalog", "GET"): api(),
    ("api.open_checkout", "POST"): api(201, 201, form='{"pack": "small"}'),
    ("api.open_pack_purchase", "POST"): api(201, 201, form='{"pack": "small"}'),
    ("api.spend", "POST"): api(201, 402, form='{"credits": 1}'),
    ("api.batch", "POST"): api(200, 200, form='{"spends": [{"key": "k", "credits": 1}]}'),
    ("api.estimate", "POST"): api(200, 200, form='{"credits": 1}'),
    ("api.hold", "POST"): api(201, 402, form='{"credits": 1}'),
    ("api.read_hold", "GET"): api(200, 404),
    ("api.capture", "POST"): api(201, 404, form='{"credits": 1}'),
    ("api.release", "POST"): api(201, 404, form="{}"),
    ("api.reverse", "POST"): api(201, 404, form="{}"),
    ("api.grant", "POST"): api(403, 403, form='{"kind": "bonus", "credits": 1, "reason": "x"}'),
    ("api_docs.document", "GET"): public(200),
    ("api_docs.page", "GET"): public(200),
    ("api.verify_payment", "GET"): api(200, 404, query="session_id={session}"),
    ("auth.login", "GET"): public(200, 303),
    ("auth.login", "POST"): public(422, 303),
    ("auth.logout", "GET"): public(303, 200),
    ("auth.logout", "POST"): public(303),
    ("auth.register", "GET"): public(200, 303),
    ("auth.register", "POST"): public(422, 303),
    ("checkout_return.success", "GET"): page(200, 404, query="session_id={session}"),
    ("credits.checkout", "POST"): page(303, 303, form="pack=small&key={key}&terms={terms}"),
    ("credits.credits", "GET"): page(),
    ("credits.receipt", "GET"): page(200, 404),
    ("dashboard.dashboard", "GET"): page(),
    ("dashboard.home", "GET"): Row(TO_LOGIN, 303, 303),
    ("health.healthz", "GET"): public(200),
    ("health.metrics", "GET"): public(200),
    ("health.readyz", "GET"): public(200),
    ("legacy.account_credits", "GET"): public(308),
    ("legacy.account_credits_success", "GET"): public(308),
    ("legacy.billing", "GET"): public(308),
    ("legacy.dashboard_customer", "GET"): public(308),
    ("partials.alerts", "GET"): partial(),
    ("partials.balance_badge", "GET"): partial(),
    ("partials.balance_card", "GET"): partial(),
    ("partials.checkout_status", "GET"): partial(200, 404),
    ("partials.notice", "GET"): partial(),
    ("partials.pack_estimate", "GET"): partial(),
    ("partials.pack_grid", "GET"): partial(),
    ("partials.purchases", "GET"): partial(),
    ("partials.recent_activity", "GET"): partial(),
    ("settings.balance", "GET"): partial(),
    ("settings.browsers", "GET"): partial(),
    ("settings.email", "GET"): partial(),
    ("settings.look", "GET"): partial(),
    ("settings.password", "GET"): partial(),
    ("settings.save_browsers", "POST"): page(303, 303),
    ("settings.save_email", "POST"): page(422, 422),
    ("settings.save_look", "POST"): page(422, 422),
    ("settings.save_password", "POST"): page(422, 422),
    ("settings.section", "GET"): page(404, 404),
    ("settings.settings", "GET"): page(),
    ("settings.swap_browsers", "POST"): partial(),
    ("settings.swap_email", "POST"): partial(422, 422),
    ("settings.swap_look", "POST"): partial(422, 422),
    ("settings.swap_password", "POST"): partial(422, 422),
    ("static", "GET"): public(200),
    ("webhook.receive", "POST"): public(400),
    # The simulated Stripe stands for another company's site: it knows no users of ours, and only this machine.
    ("simulator.control_room", "GET"): public(200),
    ("simulator.event", "GET"): public(404),
    ("simulator.stored_object", "GET"): public(200),
    ("simulator.checkout", "GET"): public(200),
    ("simulator.authentication", "GET"): public(303),
    ("simulator.closed", "GET"): public(200),
    ("simulator.confirming", "GET"): public(303),
    ("simulator.receipt", "GET"): public(404),
    ("simulator.static", "GET"): public(200),
    ("simulator.pay", "POST"): public(303, form="outcome=declined&webhook=never"),
    ("simulator.authenticate", "POST"): public(303, form="answer=fail"),
    ("simulator.resend", "POST"): public(404),
    ("simulator.settle", "POST"): public(404, form="end=succeeds"),
    ("simulator.expire", "POST"): public(303),
    ("simulator.all_deliveries", "POST"): public(303, form="act=let_go"),
    ("simulator.chosen_deliveries", "POST"): public(303, form="act=send&manner=plain"),
    ("simulator.arm_fault", "POST"): public(303, form="call=POST%20/v1/prices&fault=500&times=1"),
    ("simulator.clear_faults", "POST"): public(303),
}
WITHOUT_TOKEN = {"webhook.receive"}
FILES = {"static": "app.css", "simulator.static": "simulator.css"}


@dataclass(frozen=True)
class Shop:
    """The owner's purchase, paid, a spend and two holds, and the three who ask."""

    app: Flask
    purchase_id: str
    session_id: str
    spend_seq: int
    hold_seqs: tuple[int, int]
    nobody: FlaskClient
    owner: FlaskClient
    other: FlaskClient

    def path(self, endpoint: str) -> str:
        (rule,) = [rule for rule in self.app.url_map.iter_rules() if rule.endpoint == endpoint]
        known = {"purchase_id": self.purchase_id, "session_id": self.session_id, "object_id": self.session_id}
        known |= {"filename": FILES.get(endpoint, ""), "entry": str(self.spend_seq)}
        known |= {"hold": str(self.hold_seqs[endpoint == "api.release"])}
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: known.get(found[1], "unknown"), rule.rule)

    def filled(self, text: str) -> str:
        from webapp.extensions import parts

        known = {"{purchase}": self.purchase_id, "{session}": self.session_id, "{key}": "k" * 16}
        known |= {"{terms}": parts().catalog.pack("small").terms}
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    def ask(self, client: FlaskClient, endpoint: str, method: str, *, token: str | None = "own", **headers: str):
        """One request as the row says; `token` None sends no CSRF token."""
        row = ACCESS[endpoint, method]
        form = self.filled(row.form)
        sent = dict(headers)
        if method == "POST":
            sent["Idempotency-Key"] = secrets.token_hex(8)
        if method == "POST" and token:
            sent["X-CSRFToken"] = csrf_token_of(self.app, client)
        return client.open(
            self.path(endpoint),
            method=method,
            query_string=self.filled(row.query),
            data=form or None,
            content_type="application/json" if form.startswith("{") else "application/x-www-form-urlencoded",
            headers=sent,
        )


@pytest.fixture
def shop(app, user, monkeypatch):
    monkeypatch.setattr(limiter, "enabled", False)
    purchase = start_purchase(user=user, pack_slug="popular", terms=None, open_key="form:1", now=utc_now())
    app.extensions["simulator"].pay(purchase.session_id, sending=Sending(webhook="never"))
    purchase = settle_purchase(user.account_id, purchase.id, now=utc_now())
    assert purchase.state == "paid"
    other = make_user("other@example.com")
    browsers = (app.test_client(), sign_in(app, user), sign_in(app, other))
    spent = spend(user.account_id, 1, actor_kind="user").entry.seq
    held = tuple(hold(user.account_id, 1).entry.seq for _ in range(2))
    return Shop(app, purchase.id, purchase.session_id, spent, held, *browsers)


def routes(app):
    """Every endpoint with each method that does something."""
    return {
        (rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def told(response):
    """The answer in the words of the table."""
    if response.status_code == 303 and response.headers["Location"].partition("?")[0] == "/login":
        return TO_LOGIN
    if response.status_code == 401:
        return IN_HTMX if response.headers.get("HX-Redirect", "").startswith("/login") else IN_API
    return response.status_code


def test_every_route_has_a_row_and_every_row_a_route(app):
    assert sorted(ACCESS) == sorted(routes(app))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_route_answers_each_of_them_as_its_row_says(shop, method):
    found, expected = {}, {}
    for endpoint, its_method in ACCESS:
        if its_method == method and endpoint != "auth.logout":
            row = ACCESS[endpoint, method]
            for who in ("nobody", "other", "owner"):
                with shop.ask(getattr(shop, who), endpoint, method) as response:
                    found[endpoint, who] = told(response)
                expected[endpoint, who] = getattr(row, who)
    assert found == expected


def test_signing_out_answers_each_of_them_as_its_row_says(shop):
    for who in ("nobody", "other", "owner"):
        for method in ("GET", "POST"):
            response = shop.ask(getattr(shop, who), "auth.logout", method)
            assert response.status_code == getattr(ACCESS["auth.logout", method], who)
    assert told(shop.owner.get("/dashboard")) == TO_LOGIN


def test_anothers_object_answers_exactly_as_a_missing_one(shop):
    def seen(response):
        body = re.sub(r"(request_id\W+|Reference: )[0-9a-f]{16}", "", response.get_data(as_text=True))
        body = re.sub(r'("hold": ?)[0-9]+', r"\1", body)  # what was asked for
        return response.status_code, re.sub(r"csrf_token[^>]*>|[A-Za-z0-9._-]{80,}", "", body)

    for path, own, missing in (
        ("/dashboard/credits/success?session_id=", shop.session_id, "cs_test_nothing"),
        ("/dashboard/credits/receipts/", shop.purchase_id, "nothing"),
        ("/partials/checkout-status/", shop.purchase_id, "nothing"),
        ("/api/billing/verify-payment?session_id=", shop.session_id, "cs_test_nothing"),
        ("/api/credits/holds/", str(shop.hold_seqs[0]), "99999"),
    ):
        assert shop.owner.get(path + own).status_code == 200
        theirs, none = shop.other.get(path + own), shop.other.get(path + missing)
        assert seen(theirs) == seen(none)
        assert theirs.status_code == 404


def test_head_and_options_tell_nobody_more_than_get(shop):
    for endpoint, method in ACCESS:
        if method == "GET":
            for asked in ("HEAD", "OPTIONS"):
                with shop.nobody.open(shop.path(endpoint), method=asked) as response:
                    assert response.get_data() == b"" or endpoint.startswith("api.")
                    assert "1,0" not in response.get_data(as_text=True)


def test_every_unsafe_route_but_the_signed_webhook_needs_the_token(shop):
    """With the session cookie alone: 400; nobody is asked to sign in before it, where that is needed."""
    unsafe = [(endpoint, method) for endpoint, method in sorted(routes(shop.app)) if method != "GET"]
    assert unsafe
    for endpoint, method in unsafe:
        for client in (shop.owner, shop.nobody):
            response = shop.ask(client, endpoint, method, token=None)
            body = response.get_data(as_text=True)
            if endpoint in WITHOUT_TOKEN:
                assert "signed" in body
            elif client is shop.nobody and isinstance(ACCESS[endpoint, method].nobody, str):
                assert told(response) == ACCESS[endpoint, method].nobody
            else:
                assert response.status_code == 400, endpoint
                assert "This page got old" in body, endpoint


def test_nothing_is_exempt_from_the_token_but_the_webhook_and_the_api_that_looks_itself():
    assert {blueprint.name for blueprint in csrf._exempt_blueprints} == {"webhook", "api"}
    assert csrf._exempt_views == set()


def test_no_unsafe_method_is_answered_like_a_read(app):
    """A route that takes GET and POST changes nothing by GET: none does both but the three forms."""
    both = {endpoint for endpoint, method in routes(app) if method == "POST" and (endpoint, "GET") in routes(app)}
    assert both == {"auth.login", "auth.logout", "auth.register"}


def as_a_stranger_says(client):
    """Headers that name another host; the browser takes its cookie there, as a proxy that rewrites Host would."""
    csrf_token_of(client.application, client)
    client.set_cookie("refill", client.get_cookie("refill").value, domain=EVIL)
    return {
        "Host": EVIL,
        "X-Forwarded-Host": EVIL,
        "Forwarded": f"host={EVIL}",
        "Referer": f"https://{EVIL}/",
        "Origin": f"https://{EVIL}",
    }


def test_no_header_of_a_stranger_becomes_an_address_of_ours(shop):
    """Host, X-Forwarded-Host and Referer are what the asker says; every address comes from BASE_URL or is a path."""
    answered = {}
    for endpoint, method in sorted(ACCESS, key=lambda asked: asked[0] == "auth.logout"):
        for who in ("nobody", "owner"):
            client = getattr(shop, who)
            with shop.ask(client, endpoint, method, **as_a_stranger_says(client)) as response:
                answered[endpoint, method, who] = response.status_code
                place = response.headers.get("Location", "")
                assert EVIL not in response.get_data(as_text=True), endpoint
                assert EVIL not in str(response.headers), endpoint
                assert place == "" or place.startswith(("/", OWN_ORIGIN)), endpoint
                assert not place.startswith("//"), endpoint
    assert answered["dashboard.dashboard", "GET", "owner"] == 200  # the owner was signed in all the same
    assert answered["credits.checkout", "POST", "owner"] == 303


@pytest.mark.parametrize("path", ["/static//app.css", "/dashboard/credits//success", "/_stripe", "/login//"])
def test_no_redirect_of_the_routing_leads_to_a_host_that_the_asker_named(shop, path):
    answer = shop.nobody.get(path, headers={"Host": EVIL})
    assert EVIL not in answer.headers.get("Location", "")
    assert answer.status_code in {308, 404}


def test_every_address_sent_to_stripe_is_our_own(shop):
    response = shop.ask(shop.owner, "api.open_checkout", "POST", **as_a_stranger_says(shop.owner))
    assert response.status_code == 201
    with shop.app.extensions["simulator"].store.reading() as state:
        bodies = [row["json"] for row in state.rows("SELECT json FROM sim_object WHERE type = 'checkout.session'")]
    assert len(bodies) == 2
    for body in bodies:
        assert EVIL not in body
        addresses = re.findall(r'"(?:success|cancel)_url": ?"([^"]+)"', body)
        assert len(addresses) == 2
        assert all(address.startswith(f"{OWN_ORIGIN}/dashboard/credits") for address in addresses)
