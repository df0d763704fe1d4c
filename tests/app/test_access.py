"""Who may ask what: a row for every route the application has, for nobody, the owner and another user.

A route without a row fails, so that none is opened unseen. Another's object answers exactly as a missing one. The table
is in access.py; what keys may ask is in test_key_access.py.
"""

import re

import pytest

from tests.api.books import hold
from tests.api.calling import csrf_token_of
from tests.app.access import ACCESS, LAST, OPERATORS, TO_LOGIN, WITHOUT_TOKEN, insider, routes, told
from tests.app.one_database import database_url
from webapp.extensions import csrf

__all__ = ["database_url"]

EVIL = "evil.example"
OWN_ORIGIN = "http://127.0.0.1:8000"


def test_every_route_has_a_row_and_every_row_a_route(app):
    assert sorted(ACCESS) == sorted(routes(app))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_route_answers_each_of_them_as_its_row_says(shop, method):
    found, expected = {}, {}
    for endpoint, its_method in sorted(ACCESS, key=lambda asked: asked[0] in LAST):
        if its_method == method and endpoint != "auth.logout":
            row = ACCESS[endpoint, method]
            answers = {who: getattr(row, who) for who in ("nobody", "other", "owner")}
            for who, answer in (answers | dict(zip(OPERATORS, row.roles, strict=False))).items():
                with shop.ask(getattr(shop, who), endpoint, method) as response:
                    found[endpoint, who] = told(response)
                expected[endpoint, who] = answer
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
        ("/dashboard/settings/keys/", shop.key_id, 123),
        ("/partials/checkout-status/", shop.purchase_id, "nothing"),
        ("/api/billing/verify-payment?session_id=", shop.session_id, "cs_test_nothing"),
        ("/api/credits/holds/", hold(shop.owner_id, 1).entry.seq, 99999),
    ):
        assert shop.owner.get(f"{path}{own}").status_code == 200
        theirs, none = shop.other.get(f"{path}{own}"), shop.other.get(f"{path}{missing}")
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
        for client in (getattr(shop, insider(endpoint)), shop.nobody):
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
        for who in ("nobody", insider(endpoint)):
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
