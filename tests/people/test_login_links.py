"""Following a login link: once, soon, into a fresh session; and what somebody without a password can do then."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from sqlalchemy import func, select

from tests.support.browsing import csrf_token, sign_in
from tests.support.forms import PASSWORD, is_signed_in, sign_in_by_form
from tests.support.people import make_user
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.hosts import Wish, host_account
from webapp.people.links import make_login_link, prune_login_links
from webapp.people.models import LoginLink, User
from webapp.web.gate import SECRET_SLOT
from webapp.worker.sign_ins import sweep_login_links

SETTINGS = "/dashboard/settings"
ENDED = "This link has been used or has ended. Sign in, or ask for a new one."
MINUTES = dt.timedelta(minutes=1)


@pytest.fixture
def guest(app):
    """Somebody a host product brought: no password yet."""
    found = host_account(Wish("guest", "guest@example.com", None), welcome_credits=0, now=utc_now())
    return transact(lambda session: session.scalars(select(User).where(User.account_id == found.account_id)).one())


def link(user):
    secret, _ = transact(lambda session: make_login_link(session, user.account_id, now=utc_now()))
    return f"/sign-in/{secret}"


def links():
    return transact(lambda session: session.scalar(select(func.count()).select_from(LoginLink)))


def who(client):
    page = client.get("/dashboard")
    return page.text.split('id="account-email">')[1].split("<")[0] if page.status_code == 200 else None


def test_a_link_signs_in_once_and_tells_its_address_nobody(app, guest):
    path = link(guest)
    client = app.test_client()
    answer = client.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert who(client) == "guest@example.com"
    again = app.test_client().get(path)
    assert again.status_code == 410
    assert ENDED in again.text
    assert "<h1" in again.text
    assert "Welcome back" in again.text
    assert again.headers["Referrer-Policy"] == "no-referrer"
    assert links() == 0


@pytest.mark.parametrize("target", ["/dashboard/credits", "/dashboard/credits?pack=small"])
def test_it_leads_on_to_a_page_of_ours(app, guest, target):
    answer = app.test_client().get(link(guest), query_string={"next": target})
    assert answer.headers["Location"] == target


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "/logout"])
def test_it_leads_nowhere_else(app, guest, target):
    answer = app.test_client().get(link(guest), query_string={"next": target})
    assert answer.headers["Location"] == "/dashboard"


@pytest.mark.parametrize("secret", ["x", "rfl_" + "A" * 43, "%00", "é" * 50, "..", "x" * 3000])
def test_a_link_that_never_was_is_answered_as_one_that_has_ended(app, guest, secret):
    answer = app.test_client().get(f"/sign-in/{secret}", query_string={"next": "/dashboard/credits"})
    assert answer.status_code in {404, 410}
    if secret != "..":
        assert ENDED in answer.text
        assert 'name="next" value="/dashboard/credits"' in answer.text
        assert "signed out after a while" not in answer.text


def test_it_lives_five_minutes(app, guest):
    with time_machine.travel(utc_now(), tick=False) as clock:
        paths = [link(guest) for _ in range(2)]
        clock.shift(5 * MINUTES - dt.timedelta(seconds=1))
        assert app.test_client().get(paths[0]).status_code == 303
        clock.shift(dt.timedelta(seconds=1))
        assert app.test_client().get(paths[1]).status_code == 410


def test_whoever_was_signed_in_here_is_signed_out_first(app, guest, user):
    client = sign_in(app, user)
    name = app.config["SESSION_COOKIE_NAME"]
    copy = client.get_cookie(name).value
    with client.session_transaction() as session:
        session["draft"] = "of somebody else"
    assert client.get(link(guest)).status_code == 303
    with client.session_transaction() as session:
        assert set(session) == {SECRET_SLOT, "_permanent"}
    assert who(client) == "guest@example.com"
    thief = app.test_client()
    thief.set_cookie(name, copy)
    assert not is_signed_in(thief)


def test_an_ended_link_leaves_alone_who_is_signed_in(app, user):
    client = sign_in(app, user)
    answer = client.get("/sign-in/rfl_" + "A" * 43)
    assert answer.status_code == 410
    assert "You are signed in as before." in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert who(client) == user.email


@pytest.mark.parametrize("ahead", [{"method": "HEAD"}, {"headers": {"Sec-Purpose": "prefetch;prerender"}}])
def test_looking_ahead_uses_no_link_up(app, guest, ahead):
    path = link(guest)
    answer = app.test_client().open(path, **ahead)
    assert answer.status_code == 503
    assert "Set-Cookie" not in answer.headers or SECRET_SLOT not in answer.headers["Set-Cookie"]
    assert app.test_client().get(path).status_code == 303


def test_of_many_who_follow_one_link_at_once_one_gets_in(app, guest):
    path, start = link(guest), threading.Barrier(6)

    def follow(_):
        client = app.test_client()
        start.wait()
        return client.get(path).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(follow, range(6))) == [303] + [410] * 5


def test_who_became_an_operator_meanwhile_is_not_let_in(app, guest):
    path = link(guest)
    transact(lambda session: setattr(session.get_one(User, guest.id), "role", "admin"))
    assert app.test_client().get(path).status_code == 410


def test_the_secret_is_in_no_log(app, guest, capsys):
    path = link(guest)
    capsys.readouterr()
    app.test_client().get(path)
    app.test_client().get(path)
    written = capsys.readouterr().err
    assert "route=/sign-in/<secret>" in written.replace('"', "").replace("'", "")
    assert "signed_in_by_link" in written
    assert path.rpartition("/")[2] not in written
    assert "guest" not in written


def test_the_worker_sweeps_links_that_ended(app, guest):
    link(guest)
    now = utc_now()
    assert transact(lambda session: prune_login_links(session, now=now)) == 0
    assert sweep_login_links(now + 6 * MINUTES).settled == 1
    assert links() == 0


class TestWithoutPassword:
    @pytest.fixture
    def here(self, app, guest):
        client = app.test_client()
        client.get(link(guest))
        return client

    def test_no_password_opens_the_door(self, app, guest):
        for password in ("!", "", PASSWORD):
            answer = sign_in_by_form(app.test_client(), guest.email, password)
            assert answer.status_code == 422
            assert "Email or password isn&#39;t right" in answer.text

    def test_settings_ask_for_no_present_password_and_say_why(self, here):
        page = here.get(SETTINGS).text
        assert "Set a password" in page
        assert 'id="password-present"' not in page
        assert 'id="email-present"' not in page
        assert "Set a password first" in page

    def set_password(self, client, password=PASSWORD):
        form = {"csrf_token": csrf_token(client, SETTINGS), "password": password}
        return client.post(f"{SETTINGS}/password", data=form)

    def test_a_first_password_signs_in_from_then_on_and_out_everywhere_else(self, app, here, guest):
        elsewhere = sign_in(app, guest)
        assert self.set_password(here, "short").status_code == 422
        answer = self.set_password(here)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"{SETTINGS}#settings-password")
        assert who(here) == guest.email
        assert not is_signed_in(elsewhere)
        assert sign_in_by_form(app.test_client(), guest.email).status_code == 303
        page = here.get(SETTINGS).text
        assert 'id="password-present"' in page
        assert 'id="email-present"' in page
        assert self.set_password(here, "quite another password").status_code == 422, "now the present one is asked for"

    def test_a_browser_found_signed_in_later_cant_set_it(self, app, here, guest):
        with time_machine.travel(utc_now() + 16 * MINUTES):
            answer = self.set_password(here)
            assert answer.status_code == 422
            assert "come here again by the link" in answer.text
            assert here.get(link(guest)).status_code == 303
            assert self.set_password(here).status_code == 303

    def test_the_email_is_changed_with_a_password_only(self, here, guest):
        form = {"csrf_token": csrf_token(here, SETTINGS), "email": "new@example.com", "present": ""}
        answer = here.post(f"{SETTINGS}/email", data=form)
        assert answer.status_code == 422
        assert "Set a password first" in answer.text
        assert transact(lambda session: session.get_one(User, guest.id)).email == guest.email


def test_people_with_a_password_come_by_links_too(app):
    sam = make_user("sam@example.com")
    client = app.test_client()
    assert client.get(link(sam)).status_code == 303
    assert who(client) == "sam@example.com"
    assert 'id="password-present"' in client.get(SETTINGS).text
