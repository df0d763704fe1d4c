import pytest
from sqlalchemy import select

from tests.support.browsing import sign_in
from tests.support.forms import PASSWORD, sign_in_by_form
from webapp.extensions import transact
from webapp.ledger.models import Account
from webapp.people.models import User


def run(app, *words, typed=None):
    return app.test_cli_runner().invoke(args=["user", "create", *words], input=typed)


def made(email):
    return transact(lambda session: session.scalars(select(User).where(User.email == email)).one_or_none())


@pytest.mark.parametrize(("role", "credits"), [("user", 20), ("support", 0), ("billing", 0), ("admin", 0)])
def test_a_user_of_each_role_can_be_made_and_signs_in(app, client, role, credits):
    done = run(app, "ops@example.com", "--password", PASSWORD, "--role", role)
    user = made("ops@example.com")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"Made ops@example.com: user {user.id}, role {role}, account {user.account_id}.\n"
    assert user.role == role
    assert transact(lambda session: session.get(Account, user.account_id)).available == credits
    assert sign_in_by_form(client, "ops@example.com").status_code == 303


def test_without_a_role_it_is_a_plain_user(app):
    assert run(app, "ops@example.com", "--password", PASSWORD).exit_code == 0
    assert made("ops@example.com").role == "user"


def test_a_password_that_is_not_given_is_asked_for_unseen_and_twice(app, client):
    done = run(app, "ops@example.com", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert done.exit_code == 0
    assert PASSWORD not in done.output
    assert sign_in_by_form(client, "ops@example.com").status_code == 303


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("someone@example.com", "--password", PASSWORD), "We can't use this email for an account."),
        (("nobody", "--password", PASSWORD), "Enter an email address like sam@example.com."),
        (("new@example.com", "--password", "short"), "Use a password of 12 characters or more."),
        (("new@example.com", "--password", ""), "Use a password of 12 characters or more."),
        (("new@example.com", "--password", "new@example.com"), "Your password can't be your email address."),
    ],
)
def test_what_cannot_be_made_is_told_in_one_sentence(app, user, words, sentence):
    done = run(app, *words)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.output
    assert made("new@example.com") is None


def test_an_unknown_role_is_refused(app):
    done = run(app, "ops@example.com", "--password", PASSWORD, "--role", "root")
    assert done.exit_code == 2
    assert made("ops@example.com") is None


def test_a_new_password_signs_out_everywhere(app, user):
    browser = sign_in(app, user)
    assert browser.get("/dashboard").status_code == 200
    words = ["user", "password", user.email, "--password", "another long password"]
    result = app.test_cli_runner().invoke(args=words)
    assert (result.exit_code, result.output) == (
        0,
        f"{user.email} has a new password and is signed out everywhere.\n",
    )
    assert browser.get("/dashboard").status_code == 303


def test_nobody_gets_no_password(app):
    result = app.test_cli_runner().invoke(args=["user", "password", "no@example.com", "--password", "a" * 20])
    assert (result.exit_code, result.stderr) == (1, "Nobody signs in with no@example.com.\n")
