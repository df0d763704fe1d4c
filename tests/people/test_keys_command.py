import datetime as dt

import pytest
import time_machine

from tests.app.one_database import database_url
from tests.support.keys import KeyClient, make_key
from webapp.extensions import db, end_reading, transact
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.operations import set_limit
from webapp.ledger.queries import limit_standings
from webapp.orm import utc_now
from webapp.people.keyring import all_keys

__all__ = ["database_url"]


def run(app, *words):
    done = app.test_cli_runner().invoke(args=["keys", *words])
    assert "Traceback" not in done.output
    return done


def keys():
    end_reading()
    found = all_keys(db.session(), now=utc_now())
    end_reading()
    return found


@pytest.mark.parametrize("by", ["email", "account_id"])
def test_create_prints_the_key_alone_and_everything_else_beside_it(app, user, by):
    done = run(app, "create", "--account", str(getattr(user, by)), "--scopes", "read, spend", "--name", "CI")
    (key,) = keys()
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 1
    secret = done.stdout.strip()
    assert secret.startswith(key.prefix)
    assert (key.scopes, key.name, key.account_id) == (("read", "spend"), "CI", user.account_id)
    assert secret not in done.stderr
    assert f"Made key {key.id} “CI”, key of account {user.account_id}, may read spend." in done.stderr
    assert KeyClient(app, secret).get("/api/credits/balance").json["account"] == user.account_id


def test_a_service_key_may_do_everything_unless_it_is_said_otherwise(app, user):
    secret = run(app, "create", "--service").stdout.strip()
    assert run(app, "create", "--service", "--scopes", "read", "--name", "Reader").exit_code == 0
    assert {key.name: key.scopes for key in keys()} == {
        "Command line": ("read", "spend", "manage"),
        "Reader": ("read",),
    }
    asked = KeyClient(app, secret, account=str(user.account_id)).get("/api/credits/balance")
    assert asked.json["account"] == user.account_id


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["create"], "Say whose key it is: --account EMAIL or --service."),
        (["create", "--service", "--account", "1"], "Say whose key it is: --account EMAIL or --service."),
        (["create", "--account", "no@example.com", "--scopes", "read"], "Nobody has the e-mail no@example.com."),
        (["create", "--account", "123", "--scopes", "read"], "There is no such account."),
        (["create", "--account", "9" * 30, "--scopes", "read"], "There is no such account."),
        (["create", "--account", "someone@example.com"], "A key has one or more of the scopes read, spend, manage."),
        (["create", "--service", "--scopes", "root"], "A key has one or more of the scopes read, spend, manage."),
        (["create", "--service", "--scopes", ""], "A key has one or more of the scopes read, spend, manage."),
        (["create", "--service", "--name", ""], "Give the key a name of 1 to 60 characters that can be shown."),
        (["list", "--service", "--account", "1"], "Say --account EMAIL or --service, not both."),
        (["list", "--account", "no@example.com"], "Nobody has the e-mail no@example.com."),
        (["revoke", "123"], "There is no such key, or it was revoked."),
        (["revoke", "9" * 30], "There is no such key, or it was revoked."),
        (["rotate", "123"], "There is no such key, or it was revoked."),
    ],
)
def test_what_cant_be_done_is_told_in_one_sentence(app, user, words, sentence):
    done = run(app, *words)
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{sentence}\n")
    assert keys() == []


def test_list_shows_living_and_revoked_keys_by_owner_and_no_secret(app, user):
    own, secret = make_key(user.account_id, "read", name="Own")
    service, service_secret = make_key(None, name="Service")
    KeyClient(app, secret).get("/api/credits/balance")
    assert run(app, "revoke", str(service.id)).stdout == f"Revoked key {service.id} “Service”.\n"
    run(app, "rotate", str(own.id))
    everything = run(app, "list").stdout
    assert everything.count("\n") == 2
    for text in (secret, service_secret, secret[12:], service_secret[12:]):
        assert text not in everything
    (line,) = run(app, "list", "--account", user.email).stdout.splitlines()
    assert line.startswith(str(own.id))
    for words in (f"account {user.account_id}", "read", "used 20", "old secret until 20", "Own"):
        assert words in line
    (line,) = run(app, "list", "--service").stdout.splitlines()
    assert "never used  revoked 20" in line


def test_revoking_from_the_command_line_ends_the_limits_of_the_key_too(app, user):
    key, _ = make_key(user.account_id)
    limit = SpendLimit(key.id, "day", 10, pauses=True, is_money=False)
    transact(lambda session: set_limit(session, user.account_id, limit, may_stop_now=False, now=utc_now()))
    assert run(app, "revoke", str(key.id)).exit_code == 0
    assert transact(lambda session: limit_standings(session, user.account_id, now=utc_now())) == []


def test_an_empty_list_says_so_beside_the_list(app, user):
    done = run(app, "list", "--account", user.email)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "No keys.\n")


def test_rotate_prints_the_new_secret_alone_and_lets_the_old_one_end(app, user):
    key, old = make_key(user.account_id)

    def works(secret):
        return KeyClient(app, secret).get("/api/credits/balance").status_code == 200

    with time_machine.travel(utc_now(), tick=False) as clock:
        usual = run(app, "rotate", str(key.id)).stdout.strip()
        clock.shift(dt.timedelta(hours=23, minutes=59))
        assert (works(old), works(usual)) == (True, True)
        clock.shift(dt.timedelta(minutes=1))
        assert (works(old), works(usual)) == (False, True)
        done = run(app, "rotate", str(key.id), "--overlap-hours", "0")
        assert "its old secret has ended" in done.stderr
        assert (works(usual), works(done.stdout.strip())) == (False, True)
        for hours in ("-1", "169", "9" * 12):
            refused = run(app, "rotate", str(key.id), "--overlap-hours", hours)
            assert refused.exit_code == 1
            assert refused.stderr == "The old secret can live on for 0 to 168 hours (7 days).\n"
    assert [line.id for line in keys()] == [key.id]
