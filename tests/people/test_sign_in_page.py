import datetime as dt
import re

import pytest
import time_machine
from flask import Flask

from tests.people.test_return_path import EVIL
from tests.support.browsing import csrf_token
from tests.support.forms import PASSWORD, is_signed_in, masked, send, sign_in_by_form
from webapp import create_app
from webapp.extensions import db, transact
from webapp.people.users import set_password
from webapp.web.gate import SECRET_SLOT

EMAIL = "someone@example.com"


def cookie_of(answer):
    return next(line for line in answer.headers.getlist("Set-Cookie") if not line.startswith("remember"))


def test_the_page_asks_for_email_and_password_in_words_that_password_managers_know(client):
    page = client.get("/login")
    assert page.status_code == 200
    assert "<title>Sign in · Refill</title>" in page.text
    assert page.text.count("<h1") == 1
    assert re.search(r'<input[^>]*name="email"[^>]*type="email"[^>]*autocomplete="username"', page.text)
    assert re.search(r'<input[^>]*name="password"[^>]*type="password"[^>]*autocomplete="current-password"', page.text)
    assert re.search(r'<button[^>]*type="button"[^>]*data-toggle-password="pw"[^>]*aria-pressed="false"', page.text)
    assert '<form class="stack" action="/login" method="post">' in page.text
    assert 'id="summary"' not in page.text
    assert "signed out" not in page.text
    assert "and get 20 free credits." in page.text
    assert page.headers["Cache-Control"] == "private, no-store"


def test_the_right_pair_goes_on_to_the_dashboard(client, user):
    answer = sign_in_by_form(client, EMAIL)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    assert is_signed_in(client)


def test_a_wrong_pair_keeps_what_was_typed_but_the_password(client, user):
    answer = sign_in_by_form(client, EMAIL, "not the password", remember="1", next="/dashboard/credits")
    assert answer.status_code == 422
    assert re.search(r'id="summary"[^>]*role="alert"[^>]*tabindex="-1"[^>]*autofocus', answer.text)
    assert "Email or password isn&#39;t right" in answer.text
    assert f'value="{EMAIL}"' in answer.text
    assert re.search(r'name="remember"\s+value="1"\s+checked', answer.text)
    assert 'name="next" value="/dashboard/credits"' in answer.text
    assert "not the password" not in answer.text
    assert not is_signed_in(client)


def test_an_unknown_email_and_a_wrong_password_get_the_same_page(client, user):
    known = sign_in_by_form(client, EMAIL, "not the password")
    unknown = sign_in_by_form(client, "nobody@example.com", "not the password")
    no_email = sign_in_by_form(client, "nobody", "not the password")
    assert masked(known) == masked(unknown)
    assert known.status_code == unknown.status_code == no_email.status_code == 422
    assert dict(known.headers).keys() == dict(unknown.headers).keys()


def test_too_many_tries_say_how_long_to_wait_whoever_asks_and_whatever_the_password(client, user):
    pages = []
    for email in (EMAIL, "nobody@example.com"):
        for _ in range(5):
            assert sign_in_by_form(client, email, "not the password").status_code == 422
        for password in ("not the password", PASSWORD):
            answer = sign_in_by_form(client, email, password)
            assert answer.status_code == 429
            assert 0 < int(answer.headers["Retry-After"]) <= 60
            assert "Too many tries. Please wait 1 minute, then try again." in answer.text
            pages.append(masked(answer))
    assert len(set(pages)) == 1
    assert not is_signed_in(client)


def test_what_people_type_is_inert_in_the_page(client):
    answer = sign_in_by_form(client, '"><script>alert(1)</script>@example.com', "<b>")
    assert "<script>alert" not in answer.text
    assert "&gt;&lt;script&gt;alert" in answer.text


def test_a_session_from_before_sign_in_is_worth_nothing_after_it(app, client, user):
    with client.session_transaction() as planted:
        planted["planted"] = "by somebody else"
    token = csrf_token(client)
    before = client.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    answer = sign_in_by_form(client, EMAIL)
    after = client.get_cookie(app.config["SESSION_COOKIE_NAME"]).value
    assert answer.status_code == 303
    assert before != after
    with client.session_transaction() as session:
        assert set(session) == {SECRET_SLOT, "_permanent"}
    assert csrf_token(client, "/logout") != token
    other = app.test_client()
    other.set_cookie(app.config["SESSION_COOKIE_NAME"], before)
    assert not is_signed_in(other)


def test_two_sign_ins_have_two_secrets(app, user):
    secrets = set()
    for _ in range(2):
        browser = app.test_client()
        sign_in_by_form(browser, EMAIL)
        with browser.session_transaction() as session:
            secrets.add(session[SECRET_SLOT])
    assert len(secrets) == 2


def test_a_form_without_its_token_got_old(client, user):
    for token in ({}, {"csrf_token": ""}, {"csrf_token": "made up"}):
        answer = client.post("/login", data={"email": EMAIL, "password": PASSWORD} | token)
        assert answer.status_code == 400
        assert "This page got old" in answer.text
        assert "Reload and try again. Nothing was saved or charged." in answer.text
    assert not is_signed_in(client)


def test_a_token_of_another_browser_is_no_token(app, client, user):
    answer = client.post("/login", data={"csrf_token": csrf_token(app.test_client()), "email": EMAIL})
    assert answer.status_code == 400


def test_wherever_next_points_the_form_does_not_carry_it_and_sign_in_stays_on_our_own_origin(client, user):
    for target in EVIL:
        assert 'name="next"' not in client.get("/login", query_string={"next": target}).text
    fields = {"csrf_token": csrf_token(client), "email": EMAIL, "password": PASSWORD}
    answer = client.post("/login?next=//evil.example", data=fields | {"next": "https://evil.example"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    for target in EVIL:
        again = client.get("/login", query_string={"next": target})
        assert (again.status_code, again.headers["Location"]) == (303, "/dashboard")


def test_the_hidden_field_is_checked_as_well_as_the_address(client, user):
    for target in ("//evil.example", "/\\evil.example", "/partials/balance-badge", "/api/credits/balance", "/logout"):
        assert sign_in_by_form(client, EMAIL, next=target).headers["Location"] == "/dashboard"
        send(client, "/logout", page="/logout")


def test_another_host_in_the_request_is_in_no_redirect(app, client, user):
    name = app.config["SESSION_COOKIE_NAME"]
    sign_in_by_form(client, EMAIL)
    client.set_cookie(name, client.get_cookie(name).value, domain="evil.example")
    for path, location in {"/login": "/dashboard", "/login?next=/dashboard/credits": "/dashboard/credits"}.items():
        answer = client.get(path, base_url="http://evil.example", headers={"X-Forwarded-Host": "evil.example"})
        assert (answer.status_code, answer.headers["Location"]) == (303, location)


def test_after_a_timeout_the_page_says_where_it_will_go_and_goes_there(client, user):
    page = client.get("/login", query_string={"next": "/dashboard/credits?pack=popular"})
    assert "You were signed out after a while." in page.text
    assert "take you back to <strong>Credits</strong>." in page.text
    assert 'href="/register?next=/dashboard/credits?pack%3Dpopular"' in page.text.replace("%3F", "?").replace(
        "%2F", "/"
    )
    answer = sign_in_by_form(client, EMAIL, next="/dashboard/credits?pack=popular")
    assert answer.headers["Location"] == "/dashboard/credits?pack=popular"


def test_who_is_signed_in_already_goes_on(client, user):
    sign_in_by_form(client, EMAIL)
    assert client.get("/login").headers["Location"] == "/dashboard"
    assert client.get("/login?next=/dashboard/credits").headers["Location"] == "/dashboard/credits"
    answer = send(client, "/login", page="/logout", email="nobody@example.com", password="x")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")


def test_a_browser_that_is_not_kept_forgets_at_its_end_and_we_after_twelve_hours(app, client, user):
    with time_machine.travel(dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC), tick=False) as clock:
        cookie = cookie_of(sign_in_by_form(client, EMAIL))
        assert "Expires" not in cookie
        assert "Max-Age" not in cookie
        clock.shift(dt.timedelta(hours=12, seconds=-1))
        assert is_signed_in(client)
        clock.shift(dt.timedelta(seconds=1))
        assert not is_signed_in(client)


def test_a_browser_kept_signed_in_is_known_for_thirty_days_and_not_longer(app, client, user):
    with time_machine.travel(dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC), tick=False) as clock:
        cookie = cookie_of(sign_in_by_form(client, EMAIL, remember="1"))
        assert "Expires=Sun, 20 Dec 2026 09:00:00 GMT" in cookie
        name = app.config["SESSION_COOKIE_NAME"]
        copy = client.get_cookie(name).value
        clock.shift(dt.timedelta(days=30, seconds=-1))
        assert is_signed_in(client)
        clock.shift(dt.timedelta(seconds=1))
        thief = app.test_client()
        thief.set_cookie(name, copy)
        assert not is_signed_in(thief)


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client, user):
    for remember in ({}, {"remember": "1"}):
        cookie = cookie_of(sign_in_by_form(client, EMAIL, **remember))
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        send(client, "/logout", page="/logout")


def test_in_production_the_cookie_travels_encrypted_only(settings, app, user):
    secure = create_app(settings.model_copy(update={"base_url": "https://credits.example", "stripe_mode": "off"}))
    browser = secure.test_client()
    page = browser.get("/login", base_url="https://credits.example")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text).group(1)
    answer = browser.post(
        "/login",
        base_url="https://credits.example",
        headers={"Referer": "https://credits.example/login"},
        data={"csrf_token": token, "email": EMAIL, "password": PASSWORD, "remember": "1"},
    )
    _end(secure)
    assert answer.status_code == 303
    for cookie in (*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")):
        assert cookie.startswith("__Host-refill=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_answers_on_their_way_bring_no_cookie_back_after_sign_out(client, user):
    sign_in_by_form(client, EMAIL, remember="1")
    assert "Set-Cookie" not in client.get("/login").headers


@pytest.mark.parametrize("name", ["refill", "remember_token"])
def test_a_hostile_cookie_is_nobody_and_breaks_nothing(app, user, name):
    client = app.test_client(use_cookies=False)
    for text in ("1|é", "1|" + "0" * 128, "é", "", ".", "x" * 5000, "{}", '"'):
        header = f"{name}={text}".encode().decode("latin-1")
        answer = client.get("/dashboard", headers={"Cookie": header})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=/dashboard")


def test_a_signed_cookie_with_a_made_up_secret_is_nobody(client, user):
    for secret in ("1", "", "\x00", f"{user.id}", "é" * 100, None):
        with client.session_transaction() as session:
            session[SECRET_SLOT] = secret
        assert not is_signed_in(client)


def test_a_new_password_signs_every_browser_out(app, user):
    phone, laptop = app.test_client(), app.test_client()
    for browser in (phone, laptop):
        sign_in_by_form(browser, EMAIL, remember="1")
    transact(lambda storage: set_password(storage, user, password="quite another password"))
    assert not is_signed_in(laptop)
    assert not is_signed_in(phone)


def test_sign_in_leaves_no_word_about_people_in_the_logs(client, user, caplog, capsys):
    caplog.set_level("DEBUG")
    sign_in_by_form(client, EMAIL, "a wrong canary password")
    sign_in_by_form(client, EMAIL)
    send(client, "/logout", page="/logout")
    send(client, "/register", page="/register", email=EMAIL, password="another canary password", name="Canary Name")
    logged = caplog.text + "".join(capsys.readouterr())
    for outcome in ("wrong_pair", "signed_in", "email_unavailable"):
        assert outcome in logged
    for secret in (EMAIL, "someone", "canary", "Canary", PASSWORD):
        assert secret not in logged


def test_the_limits_of_the_form_do_not_break_it(client, user):
    answer = send(client, "/login", email="x" * 200_000, password="\u0301\u0323" * 40_000)
    assert answer.status_code == 422
    assert sign_in_by_form(client, "someone@example.com\x00").status_code == 422


def _end(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
