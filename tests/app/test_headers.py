"""Security headers stand on every kind of answer, errors too; the policy has no way around it; cookies are closed."""

import io
import re

import pytest

from tests.app.one_database import database_url
from tests.support.browsing import csrf_token, sign_in
from tests.support.people import PASSWORD
from webapp.settings import HTMX_URL

__all__ = ["database_url"]

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NEEDED_BY_POLICY = {
    "default-src": {"'none'"},
    "script-src": {"'self'", HTMX_URL},
    "style-src": {"'self'"},
    "img-src": {"'self'"},
    "connect-src": {"'self'"},
    "form-action": {"'self'", "https://checkout.stripe.com", "https://billing.stripe.com"},
    "frame-ancestors": {"'none'"},
    "base-uri": {"'none'"},
}


@pytest.fixture
def breaking_app(make_app):
    """The application with one view that breaks."""
    app = make_app()

    @app.get("/broken")
    @app.get("/partials/broken", endpoint="broken_partial")
    @app.get("/api/broken", endpoint="broken_api")
    def broken():
        raise RuntimeError("details for the log only")

    return app


ANSWERS = {
    "a page": ("GET", "/login", 200),
    "a redirect": ("GET", "/dashboard", 303),
    "an older address": ("GET", "/account/credits", 308),
    "a partial for nobody": ("GET", "/partials/balance-badge", 401),
    "an API for nobody": ("GET", "/api/credits/balance", 401),
    "no page": ("GET", "/no-such-page", 404),
    "no partial": ("GET", "/partials/none", 404),
    "no API": ("GET", "/api/none", 404),
    "a wrong method": ("DELETE", "/login", 405),
    "a wrong method of the API": ("DELETE", "/api/catalog", 405),
    "a form without a token": ("POST", "/login", 400),
    "an unsigned event": ("POST", "/api/stripe/webhook", 400),
    "a broken page": ("GET", "/broken", 500),
    "a broken partial": ("GET", "/partials/broken", 500),
    "a broken API": ("GET", "/api/broken", 500),
    "health": ("GET", "/healthz", 200),
    "figures": ("GET", "/metrics", 200),
    "a style sheet": ("GET", "/static/app.css", 200),
    "no static file": ("GET", "/static/none.css", 404),
    "options": ("OPTIONS", "/login", 200),
}


def policy(response):
    words = [part.split() for part in response.headers["Content-Security-Policy"].split(";")]
    return {name: set(sources) for name, *sources in words}


def assert_guarded(response):
    for name, text in ALWAYS.items():
        assert response.headers.getlist(name) == [text], name
    found = policy(response)
    assert {name: found.get(name) for name in NEEDED_BY_POLICY} == NEEDED_BY_POLICY
    assert "Server" not in response.headers or "Python" not in response.headers["Server"]


@pytest.mark.parametrize("name", ANSWERS)
def test_every_kind_of_answer_is_guarded(breaking_app, name):
    method, path, status = ANSWERS[name]
    with breaking_app.test_client().open(path, method=method) as response:
        assert response.status_code == status
        assert_guarded(response)
        assert response.headers["X-Request-ID"]


def test_a_body_that_is_too_large_is_answered_with_them(breaking_app):
    body = io.BytesIO(b"x" * (2 << 20))
    response = breaking_app.test_client().post("/api/stripe/webhook", input_stream=body, content_length=2 << 20)
    assert response.status_code == 413
    assert_guarded(response)


def test_a_limit_is_answered_with_them(app, user):
    client = sign_in(app, user)
    answers = [client.get("/api/billing/verify-payment?session_id=x") for _ in range(21)]
    assert [answer.status_code for answer in answers[-2:]] == [404, 429]
    assert_guarded(answers[-1])


def test_the_policy_allows_nothing_inline_nothing_evaluated_and_no_whole_scheme(client):
    text = client.get("/login").headers["Content-Security-Policy"]
    assert not re.search(r"unsafe|eval|nonce|strict-dynamic|\*|data:|blob:|https:( |;|$)|http:", text)


def test_what_is_behind_the_sign_in_is_in_no_cache(app, user):
    client = sign_in(app, user)
    for path in (
        "/dashboard",
        "/dashboard/credits",
        "/dashboard/settings",
        "/partials/settings/look",
        "/partials/balance-badge",
        "/api/credits/balance",
        "/no-such-page",
    ):
        response = client.get(path)
        assert response.headers["Cache-Control"] == "private, no-store", path
        assert "ETag" not in response.headers
        assert "Last-Modified" not in response.headers


def test_static_files_may_be_kept_and_carry_no_cookie(client):
    with client.get("/static/app.css") as response:
        assert "no-store" not in response.headers["Cache-Control"]
        assert "Set-Cookie" not in response.headers
        assert "Cookie" not in response.headers.get("Vary", "")
    assert "Cookie" in client.get("/login").headers["Vary"]


@pytest.fixture
def production(make_app):
    """A production application behind HTTPS, payments off."""
    return make_app(
        app_env="production",
        base_url="https://credits.example.com",
        stripe_mode="off",
        stripe_webhook_secret=None,
        trusted_proxies=1,
    )


def test_https_is_demanded_in_production_only(production, client):
    response = production.test_client().get("/login")
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    assert_guarded(response)
    assert "Strict-Transport-Security" not in client.get("/login").headers


def cookies(response):
    """Set-Cookie headers: name to its attributes in small letters."""
    found = {}
    for header in response.headers.getlist("Set-Cookie"):
        pair, *attributes = header.split(";")
        found[pair.split("=")[0]] = {part.strip().lower() for part in attributes}
    return found


def test_the_cookie_is_the_hosts_own_closed_to_scripts_and_to_other_sites(production, client):
    secure = cookies(production.test_client().get("/login"))
    assert set(secure) == {"__Host-refill"}
    assert secure["__Host-refill"] >= {"secure", "httponly", "samesite=lax", "path=/"}
    assert not [part for part in secure["__Host-refill"] if part.startswith("domain")]
    plain = cookies(client.get("/login"))
    assert set(plain) == {"refill"}
    assert plain["refill"] >= {"httponly", "samesite=lax", "path=/"}
    assert "secure" not in plain["refill"]


@pytest.mark.usefixtures("user")
def test_the_session_cookie_changes_at_sign_in_and_stays_closed(client):
    token = csrf_token(client)
    before = client.get_cookie("refill").value
    form = {"email": "someone@example.com", "password": PASSWORD, "remember": "1", "csrf_token": token}
    response = client.post("/login", data=form)
    assert response.status_code == 303
    given = cookies(response)
    assert set(given) == {"refill"}
    assert given["refill"] >= {"httponly", "samesite=lax", "path=/"}
    assert client.get_cookie("refill").value != before


def test_no_answer_names_the_software_behind_it(breaking_app):
    for method, path, _ in ANSWERS.values():
        with breaking_app.test_client().open(path, method=method) as response:
            assert not {"X-Powered-By", "Via"} & set(response.headers.keys())
            assert "werkzeug" not in response.get_data(as_text=True).lower(), path
