import re

import pytest
from sqlalchemy import func, select

from tests.support.browsing import csrf_token
from tests.support.forms import PASSWORD, is_signed_in, masked, send, sign_in_by_form
from webapp.extensions import transact
from webapp.ledger.models import Account, Entry
from webapp.people.models import User

FIELDS = {"email": "new@example.com", "password": PASSWORD, "name": "New Person"}


def apply(client, **fields):
    return send(client, "/register", page="/register", **(FIELDS | fields))


def counts():
    tables = (User, Account, Entry)
    return transact(lambda session: [session.scalar(select(func.count()).select_from(table)) for table in tables])


def only_user():
    return transact(lambda session: session.scalars(select(User)).one())


def test_the_page_says_the_rule_before_anything_is_typed_and_what_is_given(client):
    page = client.get("/register")
    assert page.status_code == 200
    assert "<title>Create an account · Refill</title>" in page.text
    assert page.text.count("<h1") == 1
    assert '<span class="hint" id="pw-hint">12 characters or more</span>' in page.text
    assert re.search(
        r'<input[^>]*name="password"[^>]*autocomplete="new-password"[^>]*aria-describedby="pw-hint"', page.text
    )
    assert re.search(r'<input[^>]*name="email"[^>]*autocomplete="username"', page.text)
    assert re.search(r'<input[^>]*name="name"[^>]*autocomplete="name"', page.text)
    assert "maxlength" not in page.text
    assert "You get 20 free credits to start with." in page.text
    assert '<form class="stack" action="/register" method="post">' in page.text


def test_who_registers_is_signed_in_with_welcome_credits_and_goes_on(client, app):
    answer = apply(client)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")
    assert is_signed_in(client)
    user = only_user()
    assert (user.email, user.name, user.role) == ("new@example.com", "New Person", "user")
    assert transact(lambda session: session.get(Account, user.account_id)).available == 20
    assert sign_in_by_form(app.test_client(), "NEW@example.com").status_code == 303


def test_a_name_may_be_left_out_and_next_is_followed(client):
    answer = send(
        client, "/register", page="/register", email="a@b.example", password=PASSWORD, next="/dashboard/credits"
    )
    assert answer.headers["Location"] == "/dashboard/credits"
    assert only_user().name == ""


def test_registering_never_leads_to_another_site(client):
    assert apply(client, next="https://evil.example").headers["Location"] == "/dashboard"


def test_the_session_is_new_after_registering(client):
    with client.session_transaction() as planted:
        planted["planted"] = "by somebody else"
    apply(client)
    with client.session_transaction() as session:
        assert "planted" not in session


def test_every_fault_is_told_at_once_under_its_field_and_what_was_typed_stays(client):
    answer = apply(client, email="new", password="short canary", name="x" * 101, next="/dashboard/credits")
    assert answer.status_code == 422
    assert re.search(r'id="summary"[^>]*role="alert"[^>]*tabindex="-1"[^>]*autofocus', answer.text)
    for field in ("em", "nm"):
        assert re.search(
            rf'<input[^>]*id="{field}"[^>]*aria-describedby="[^"]*{field}-error"[^>]*aria-invalid="true"', answer.text
        )
        assert f'<p class="err" id="{field}-error">' in answer.text
    assert answer.text.count('<p class="err"') == 2
    answer = apply(client, email="new", password="short")
    assert '<p class="err" id="pw-error">' in answer.text
    assert 'aria-describedby="pw-hint pw-error"' in answer.text
    assert 'value="new"' in answer.text
    assert 'value="New Person"' in answer.text
    assert "short" not in answer.text
    assert counts() == [0, 0, 0]
    assert not is_signed_in(client)


def test_a_taken_email_is_refused_in_words_that_confirm_nothing_and_writes_nothing(app, user):
    before = counts()
    pages = []
    for email in ("someone@example.com", "SOMEONE@example.com"):
        answer = apply(app.test_client(), email=email)
        assert answer.status_code == 422
        assert "We can&#39;t use this email for an account. If it&#39;s yours, try signing in." in answer.text
        assert not re.search(r"taken|exists|already|registered|in use", answer.text)
        pages.append(masked(answer))
    assert len(set(pages)) == 1
    assert counts() == before
    assert sign_in_by_form(app.test_client(), "someone@example.com").status_code == 303


def test_a_weak_password_with_a_taken_email_tells_nothing_about_the_email(client, user):
    answers = [apply(client, email=email, password="short") for email in ("someone@example.com", "free@example.com")]
    assert masked(answers[0]) == masked(answers[1])


def test_fields_that_the_form_does_not_have_are_ignored(client, user):
    apply(
        client, role="admin", account_id=str(user.account_id), id="1", welcome_credits="1000000", credits="1000000",
        time_zone="../../etc/passwd", locale="xx", email_key="someone@example.com", created_at="1970-01-01",
    )  # fmt: skip
    made = transact(lambda session: session.scalars(select(User).where(User.email == "new@example.com")).one())
    assert made.role == "user"
    assert made.account_id != user.account_id
    assert (made.email_key, made.time_zone, made.locale) == ("new@example.com", "UTC", "en_US")
    assert transact(lambda session: session.get(Account, made.account_id)).available == 20


@pytest.mark.parametrize(
    ("named", "zone"), [("Europe/Berlin", "Europe/Berlin"), ("", "UTC"), ("Mars/Olympus", "UTC"), ("localtime", "UTC")]
)
def test_the_zone_the_device_names_is_taken_if_there_is_such_a_zone(client, named, zone):
    assert apply(client, time_zone=named).status_code == 303
    assert only_user().time_zone == zone


def test_a_registration_without_its_token_got_old(client):
    answer = client.post("/register", data=FIELDS)
    assert answer.status_code == 400
    assert "This page got old" in answer.text
    assert counts() == [0, 0, 0]


def test_one_address_cannot_make_accounts_without_end(client):
    token = csrf_token(client, "/register")
    for _ in range(20):
        assert client.post("/register", data={"csrf_token": token, "email": "no"}).status_code == 422
    assert client.get("/register").status_code == 200
    refused = client.post("/register", data=FIELDS | {"csrf_token": token})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    elsewhere = {"REMOTE_ADDR": "198.51.100.9"}
    accepted = client.post("/register", data=FIELDS | {"csrf_token": token}, environ_overrides=elsewhere)
    assert accepted.status_code == 303


def test_who_is_signed_in_does_not_register_again(signed_in):
    answer = signed_in.get("/register?next=/dashboard/credits")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/credits")
    before = counts()
    assert apply_signed_in(signed_in).status_code == 303
    assert counts() == before


def apply_signed_in(browser):
    return send(browser, "/register", page="/logout", **FIELDS)


def test_what_people_type_is_inert_in_the_page(client):
    answer = apply(client, email="x", name='"><img src=x onerror=alert(1)>')
    assert "<img src=x" not in answer.text
    assert "&lt;img src=x" in answer.text
