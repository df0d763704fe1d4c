"""CPU of the pages and of a webhook that grants, in process, against a Flask application that answers "ok"."""

import time
import uuid
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from bench.contest import Contender, Row, contest
from tests.support.browsing import sign_in
from webapp import create_app
from webapp.extensions import end_reading, parts, transact
from webapp.ledger import operations
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.people.users import register
from webapp.settings import read_settings
from webapp.web.prices import sync_now

PAGES = ("/dashboard", "/dashboard/credits")
PAGE_COUNT = 20
ENTRIES = 200


def page_rows(database_url: str, database: str, folder: Path) -> list[Row]:
    """The two pages of a user with some history."""
    app = application(database_url, folder)
    with app.app_context():
        sync_now()
        user = _user_with_history()
        end_reading()
    plain = trivial().test_client()
    client = sign_in(app, user)
    return [
        contest(
            f"CPU of GET {path}, {database}, against a trivial GET",
            Contender(path, lambda count, path=path: _ask(client, path, count)),
            Contender("trivial", lambda count: _ask(plain, "/", count)),
            count=PAGE_COUNT,
            clock=time.process_time,
        )
        for path in PAGES
    ]


def application(database_url: str, folder: Path) -> Flask:
    """A whole application in simulated mode."""
    return create_app(
        read_settings(
            _env_file=None,
            app_env="test",
            secret_key="secret of the benchmark",
            database_url=database_url,
            stripe_mode="simulated",
            stripe_secret_key=None,
            stripe_webhook_secret="whsec_bench",
            simulator_path=folder / f"simulator-{uuid.uuid4().hex}.sqlite3",
        )
    )


def trivial() -> Flask:
    """The least an application can answer."""
    app = Flask("trivial")
    app.add_url_rule("/", "ok", lambda: "ok", methods=["GET", "POST"])
    return app


def _user_with_history() -> User:
    user = transact(
        lambda session: register(
            session,
            email="bench@example.com",
            password="a long enough password",
            name="Bench",
            welcome_credits=parts().catalog.welcome_credits,
            now=utc_now(),
        )
    )
    transact(
        lambda session: operations.grant(
            session,
            user.account_id,
            kind="purchased",
            credits=10**6,
            key="bench",
            source_kind="bench",
            source_id="1",
            now=utc_now(),
        )
    )
    for number in range(ENTRIES):
        transact(
            lambda session, number=number: operations.spend(
                session, user.account_id, credits=3, meter="call_minute", key=f"bench:{number}", now=utc_now()
            )
        )
    return user


def _ask(client: FlaskClient, path: str, count: int) -> None:
    for _ in range(count):
        answer = client.get(path)
        assert answer.status_code == 200, answer.status
