"""The examples of docs/integrate.md, run as they stand there: first the page's code, then what it says of it."""

import doctest
import re
import shutil
import sys

import pytest

from tests.api.calling import Api
from tests.app.one_database import database_url
from tests.client.conftest import address
from tests.support.browsing import Browser, sign_in
from tests.support.databases import ROOT
from tests.support.people import make_user
from webapp.extensions import db, transact
from webapp.ledger.queries import balance
from webapp.orm import utc_now
from webapp.people.keyring import create_key

__all__ = ["address", "database_url"]

PAGE = (ROOT / "docs/integrate.md").read_text()
HERE, ELSEWHERE = PAGE.split("## From another program")


def code_of(part):
    return "\n".join(re.findall(r"^```python\n(.*?)^```", part, re.MULTILINE | re.DOTALL))


def examples_of(part):
    return re.findall(r"^```pycon\n(.*?)```", part, re.MULTILINE | re.DOTALL)


def run(example, words):
    told = []
    test = doctest.DocTestParser().get_doctest(example, words, "an example", "docs/integrate.md", 0)
    results = doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert results.attempted
    assert results.failed == 0, "".join(told)


def test_the_page_has_its_examples():
    assert (len(examples_of(HERE)), len(examples_of(ELSEWHERE))) == (8, 8)


@pytest.fixture
def product(tmp_path, monkeypatch, sqlite_database):
    """The application of the page, and the words of its examples for somebody with ten credits."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "APP_ENV": "test",
        "SECRET_KEY": "secret-key-of-the-page-with-32-characters",
        "DATABASE_URL": sqlite_database(),
        "CATALOG": str(ROOT / "catalog.toml"),
    }.items():
        monkeypatch.setenv(name, text)
    for name in ("STRIPE_MODE", "STRIPE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    words = {"__name__": __name__}
    exec(compile(code_of(HERE), "docs/integrate.md", "exec"), words)
    app = words["app"]
    app.test_client_class = Browser
    with app.app_context():
        yield words
        db.session.remove()
        db.engine.dispose()


def words_of(product, number):
    """What an example says, for somebody new with ten credits."""
    user = make_user(f"someone-{number}@example.com", welcome_credits=10)
    api = Api(product["app"], sign_in(product["app"], user), user)
    headers = {"X-CSRFToken": api.token}
    return product | {
        "account_id": user.account_id,
        "post": lambda path, body, key=None: api.post(path, body, key=key).status_code,
        "get": lambda path: api.client.get(path, headers=headers).status_code,
        "available": lambda: balance(db.session(), user.account_id, now=utc_now()).available,
    }


def test_the_examples_inside_an_application_are_true(product):
    for number, example in enumerate(examples_of(HERE)):
        run(example, words_of(product, number))


@pytest.fixture
def program(tmp_path, monkeypatch, address):
    """A program with a copy of the client and a service key, and an account with 930 credits."""
    shutil.copytree(ROOT / "webapp/client", tmp_path / "refill_client")
    monkeypatch.syspath_prepend(tmp_path)
    facts = {"account_id": None, "name": "My product", "scopes": ["read", "spend", "manage"], "now": utc_now()}
    monkeypatch.setenv("REFILL_URL", address)
    monkeypatch.setenv("REFILL_KEY", transact(lambda session: create_key(session, **facts))[1])
    words = {"__name__": __name__}
    exec(compile(code_of(ELSEWHERE), "docs/integrate.md", "exec"), words)
    refill = words["refill"]
    refill.account(external_id="user-7", email="user-7@example.com")
    words["user"] = refill.for_account("user-7")
    words["user"].grant(kind="bonus", credits=930 - words["user"].balance().available, reason="For the page")
    yield words
    words["refill"].close()
    for name in [name for name in sys.modules if name.partition(".")[0] == "refill_client"]:
        del sys.modules[name]


@pytest.mark.parametrize("number", range(8))
def test_an_example_of_another_program_is_true(program, number):
    run(examples_of(ELSEWHERE)[number], program)
