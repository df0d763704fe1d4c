import json

import pytest
from flask import Flask
from sqlalchemy import text

from webapp.cli.credits import group
from webapp.extensions import db, transact
from webapp.ledger.operations import grant, open_account, spend
from webapp.ledger.queries import balance, history
from webapp.orm import configure_engine
from webapp.people.users import create_user


@pytest.fixture
def app(database_url):
    """Storage and the commands, and nothing else of the application."""
    app = Flask("webapp")
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url
    db.init_app(app)
    app.cli.add_command(group)
    with app.app_context():
        configure_engine(db.engine)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def account_id(app, now):
    user = transact(
        lambda session: create_user(session, email="sam@example.com", password="long-enough-words", now=now)
    )
    return user.account_id


@pytest.fixture
def run(app):
    runner = app.test_cli_runner()

    def invoke(*words):
        db.session.remove()
        return runner.invoke(args=["credits", *map(str, words)])

    return invoke


def now_of(account_id, now):
    return balance(db.session, account_id, now=now)


def test_credits_are_granted_by_e_mail_or_by_number(run, account_id, now):
    first = run("grant", "sam@example.com", 100, "--reason", "Sorry for the outage")
    assert (first.exit_code, first.stdout) == (0, "Granted 100 (entry 1). Available: 100.\n")
    second = run("grant", account_id, 50, "--kind", "purchased", "--expires-at", "2999-01-01T00:00:00+01:00")
    assert (second.exit_code, second.stdout) == (0, "Granted 50 (entry 2). Available: 150.\n")
    found = now_of(account_id, now)
    assert found.kinds == {"allowance": 0, "bonus": 100, "purchased": 50}
    assert found.lots[1].expires_at.isoformat() == "2998-12-31T23:00:00+00:00"
    entries = history(db.session, account_id, now=now).entries
    assert (entries[1].description, entries[1].source_kind) == ("Sorry for the outage", "cli")


def test_a_key_grants_once(run, account_id, now):
    run("grant", account_id, 100, "--key", "ticket-7")
    again = run("grant", account_id, 100, "--key", "ticket-7")
    assert again.stdout == "Granted 100 before; nothing new was written (entry 1). Available: 100.\n"
    refused = run("grant", account_id, 200, "--key", "ticket-7")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "This key was used before with another request.\n"
    assert now_of(account_id, now).available == 100


def test_credits_are_spent_in_burn_order(run, account_id, now):
    run("grant", account_id, 100, "--kind", "purchased")
    run("grant", account_id, 10, "--kind", "bonus")
    spent = run("spend", account_id, 12, "--description", "Test call", "--key", "s")
    assert (spent.exit_code, spent.stdout) == (0, "Spent 12 (entry 3). Available: 98.\n")
    assert run("spend", account_id, 12, "--description", "Test call", "--key", "s").stdout.startswith(
        "Spent 12 before;"
    )
    assert now_of(account_id, now).kinds == {"allowance": 0, "bonus": 0, "purchased": 98}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["spend", "sam@example.com", 5], "This needs 5 credits, and 0 are available."),
        (["spend", "sam@example.com", 0], "Credits must be a whole number from 1 to 1,000,000,000."),
        (["grant", "sam@example.com", 10**10], "Credits must be a whole number from 1 to 1,000,000,000."),
        (
            ["grant", "sam@example.com", 5, "--expires-at", "2020-01-01T00:00:00Z"],
            "Credits can only be granted with an",
        ),
        (["grant", "sam@example.com", 5, "--expires-at", "2999-01-01T00:00:00"], "A time must say its zone."),
        (["grant", "sam@example.com", 5, "--reason", "two\nlines"], "A description can't have control characters"),
        (["balance", "nobody@example.com"], "Nobody has the e-mail nobody@example.com."),
        (["balance", "77"], "There is no such account."),
        (["balance", "9" * 30], "There is no such account."),
        (["verify", "77"], "There is no such account."),
        (["expire", "77"], "There is no such account."),
    ],
    ids=repr,
)
def test_a_refusal_is_one_sentence_on_standard_error_and_status_1(run, account_id, words, sentence):
    refused = run(*words)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(sentence)
    assert refused.stderr.count("\n") == 1


def test_a_time_nobody_can_read_is_a_usage_error(run, account_id):
    assert run("grant", account_id, 5, "--expires-at", "soon").exit_code == 2


def test_a_balance_is_told_lot_by_lot_and_as_json(run, account_id):
    run("grant", account_id, 1000, "--kind", "purchased")
    run("grant", account_id, 10, "--kind", "bonus", "--expires-at", "2999-01-01T00:00:00Z")
    assert run("balance", "sam@example.com").stdout.splitlines() == [
        f"Account {account_id}",
        "Available: 1,010",
        "  10 bonus (entry 2), until 2999-01-01 00:00 UTC",
        "  1,000 purchased (entry 1), never expires",
    ]
    told = json.loads(run("balance", "sam@example.com", "--json").stdout)
    assert (told["available"], told["lots"][1]["expires_at"]) == (1010, None)
    assert told["lots"][0]["expires_at"] == "2999-01-01T00:00:00+00:00"


def test_the_balance_of_any_instant_is_told(run, account_id):
    run("grant", account_id, 1000)
    assert run("balance", account_id, "--as-of", "2020-01-01T00:00:00Z").stdout.splitlines()[1:] == ["Available: 0"]
    assert "Available: 1,000" in run("balance", account_id, "--as-of", "2999-01-01T00:00:00Z").stdout
    assert run("balance", account_id, "--as-of", "yesterday").exit_code == 2
    refused = run("balance", account_id, "--as-of", "2020-01-01")
    assert (refused.exit_code, refused.stderr) == (1, "A time must say its zone.\n")


def test_what_has_expired_is_settled_for_one_or_for_all(run, account_id, now):
    def give(other_id, number):
        facts = {"kind": "bonus", "key": number, "source_kind": "test", "source_id": number}
        ends_at = now.replace(year=2021)
        return lambda session: grant(
            session, other_id, credits=5, **facts, expires_at=ends_at, now=now.replace(year=2020)
        )

    other_id = transact(lambda session: open_account(session, now=now))
    for number in ("1", "2"):
        transact(give(account_id, number))
        transact(give(other_id, number))
    assert run("expire", account_id).stdout == "Entries written: 2.\n"
    assert run("expire").stdout == "Entries written: 2.\n"
    assert run("expire").stdout == "Entries written: 0.\n"
    assert now_of(other_id, now).balance == 0


def test_verify_says_what_it_checked(run, account_id):
    run("grant", account_id, 100)
    told = run("verify")
    assert (told.exit_code, told.stdout) == (0, "Checked accounts: 1, entries: 1. Everything adds up.\n")
    told = run("verify", "sam@example.com", "--json")
    report = json.loads(told.stdout)
    assert (told.exit_code, report["accounts"], report["entries"], report["faults"]) == (0, 1, 1, [])


def test_verify_names_every_fault_and_ends_with_status_1(run, account_id, now):
    run("grant", account_id, 100)
    transact(lambda session: spend(session, account_id, credits=1, key="k", now=now))
    transact(lambda session: session.execute(text("UPDATE accounts SET available = 7")))
    told = run("verify")
    assert told.exit_code == 1
    assert f"Account {account_id}: available of the account is 7, its lots have 99.\n" in told.stdout
    assert told.stdout.endswith("Checked accounts: 1, entries: 2. Faults: 2.\n")
    told = run("verify", account_id, "--json")
    assert told.exit_code == 1
    assert {fault["rule"] for fault in json.loads(told.stdout)["faults"]} == {
        "account_is_its_lots",
        "last_entry_is_the_account",
    }
