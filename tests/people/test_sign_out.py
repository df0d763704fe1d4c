import re

from tests.support.forms import is_signed_in, send, sign_in_by_form


def test_signing_out_asks_first_and_then_ends_the_session(signed_in):
    page = signed_in.get("/logout")
    assert page.status_code == 200
    assert "<title>Sign out · Refill</title>" in page.text
    assert "signed in as someone@example.com" in page.text
    assert re.search(r'<form action="/logout" method="post">\s*<input type="hidden" name="csrf_token"', page.text)
    assert is_signed_in(signed_in)
    answer = send(signed_in, "/logout", page="/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert not is_signed_in(signed_in)
    assert signed_in.get("/dashboard").headers["Location"] == "/login?next=/dashboard"


def test_a_copy_of_the_cookie_is_worth_nothing_after_sign_out(app, client, user):
    name = app.config["SESSION_COOKIE_NAME"]
    sign_in_by_form(client, "someone@example.com", remember="1")
    copy = client.get_cookie(name).value
    send(client, "/logout", page="/logout")
    thief = app.test_client()
    thief.set_cookie(name, copy)
    assert not is_signed_in(thief)


def test_other_browsers_stay_signed_in(app, user):
    phone, laptop = app.test_client(), app.test_client()
    for browser in (phone, laptop):
        sign_in_by_form(browser, "someone@example.com")
    send(phone, "/logout", page="/logout")
    assert not is_signed_in(phone)
    assert is_signed_in(laptop)


def test_another_site_cannot_sign_anybody_out(signed_in):
    answer = signed_in.post("/logout")
    assert answer.status_code == 400
    assert "This page got old" in answer.text
    assert is_signed_in(signed_in)


def test_nothing_of_the_session_is_left(signed_in):
    with signed_in.session_transaction() as session:
        session["draft"] = "of the first user"
    send(signed_in, "/logout", page="/logout")
    with signed_in.session_transaction() as session:
        assert "draft" not in session


def test_who_is_not_signed_in_is_sent_to_sign_in(client):
    assert client.get("/logout").headers["Location"] == "/login"
    answer = send(client, "/logout")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
