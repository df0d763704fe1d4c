"""What puts a page into a state: an application in the test's own process, on the files of the running site.

People and their purchases are made here in milliseconds; the browser then meets them on the site, signed in.
"""

import datetime as dt
import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from playwright.sync_api import Page, Response
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.support.browsing import Browser
from tests.support.pages import PageClient
from tests.support.people import make_user
from tests.support.site import Site
from tests.views.shopper import Shopper
from webapp import create_app
from webapp.billing.models import Purchase
from webapp.extensions import db, transact
from webapp.ledger.models import Account, Grant
from webapp.ledger.operations import hold, settle_takeback
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.settings import read_settings
from webapp.simulator import Sending
from webapp.web.prices import sync_now

COOKIE = "refill"
SAME_AS_SITE = ("SECRET_KEY", "DATABASE_URL", "BASE_URL", "STRIPE_MODE", "STRIPE_WEBHOOK_SECRET", "SIMULATOR_PATH")
numbers = itertools.count(1)


class Buyer(Shopper):
    """A shopper of whose payments no webhook tells, so that each stays as it was left."""

    def paid(self, pack: str = "popular", outcome: str = "succeeds") -> Purchase:
        purchase = self.left(pack)
        self.stripe.pay(purchase.session_id, outcome, sending=Sending(webhook="never"))
        return purchase

    def stays(self, state: str, pack: str = "popular", **facts: object) -> Purchase:
        """A purchase that has come to this state and isn't asked about."""
        self.change(self.left(pack), state=state, asked_at=utc_now() + dt.timedelta(hours=1), **facts)
        return self.newest()

    def ask_back(self, what: str) -> None:
        """All of the first grant's money is `returned` or `disputed`."""
        money = {"total_minor": 1000, "returned_minor": 0, "disputed_minor": 0} | {f"{what}_minor": 1000}

        def work(session: Session) -> None:
            first = session.get_one(Grant, (self.user.account_id, 1))
            source = {"source_kind": first.source_kind, "source_id": first.source_id}
            settle_takeback(session, self.user.account_id, **source, **money, now=utc_now())

        transact(work)

    def drawn(self, path: str, **account: int) -> TestResponse:
        """The page at `path` while the account's own row says something that can't be brought about in a test."""
        with Session(db.engine) as session:
            before = {name: getattr(session.get_one(Account, self.user.account_id), name) for name in account}
        self._set(account)
        answer = self.pages.client.get(path)
        self._set(before)
        return answer

    def _set(self, account: dict[str, int]) -> None:
        def work(session: Session) -> None:
            for name, value in account.items():
                setattr(session.get_one(Account, self.user.account_id), name, value)

        transact(work)

    def become(self, **facts: object) -> None:
        """Change the person's own row."""

        def work(session: Session) -> None:
            user = session.get_one(User, self.user.id)
            for name, value in facts.items():
                setattr(user, name, value)

        transact(work)

    def hold(self, credits: int) -> None:
        """Hold credits for work in progress."""
        facts = {"credits": credits, "key": f"hold:{next(numbers)}", "lasts_seconds": 3600, "now": utc_now()}
        transact(lambda session: hold(session, self.user.account_id, **facts))


@dataclass(frozen=True)
class View:
    """Where a browser finds a state: at `path`, signed in as `buyer`.

    `drawn` is an answer of this process, for states that the site itself can't be brought into. `act` is done in the
    opened page; `is_disturbed` if that breaks requests, of which the console tells.
    """

    path: str
    buyer: Buyer | None = None
    drawn: TestResponse | None = None
    act: Callable[[Page], None] | None = None
    is_disturbed: bool = False

    def open(self, page: Page, site: Site) -> Response:
        """Show it in a browser in which nobody is signed in; the page's own answer."""
        if self.buyer is not None:
            cookie = self.buyer.pages.client.get_cookie(COOKIE)
            assert cookie is not None
            page.context.add_cookies([{"name": COOKIE, "value": cookie.value, "url": site.url}])
        drawn = self.drawn
        if drawn is not None:
            answer = {"status": drawn.status_code, "headers": dict(drawn.headers), "body": drawn.data}
            page.route(site.url + self.path, lambda route: route.fulfill(**answer))
        response = page.goto(site.url + self.path)
        if self.act is not None:
            self.act(page)
        assert response is not None
        return response


def long_email() -> str:
    """An address as long as they come, with nowhere to break it."""
    return f"{'a' * 56}-{next(numbers)}@{'long-host-name.' * 5}example.com"


@dataclass
class Stage:
    """The site, and the application that prepares it. States are made inside the application's context."""

    site: Site
    app: Flask

    @classmethod
    def of(cls, site: Site, **other: Any) -> "Stage":
        """The site's own application in this process, with `other` settings on top."""
        given = {name.lower(): site.environment[name] for name in SAME_AS_SITE} | other
        app = create_app(read_settings(_env_file=None, app_env="test", **given))
        app.config["TESTING"] = True  # its courier stays at home: only the site's delivers
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.test_client_class = Browser
        return cls(site, app)

    def drawn_elsewhere(self, buyer: Buyer, path: str, **other: Any) -> View:
        """The page at `path` as an application with `other` settings draws it, with its own copy of the database."""
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.sqlite3"
            with closing(sqlite3.connect(copy)) as target, db.engine.connect() as connection:
                connection.connection.backup(target)
            files = {"database_url": f"sqlite:///{copy}", "simulator_path": f"{folder}/simulator.sqlite3"}
            elsewhere = Stage.of(self.site, **files | other).app
            with elsewhere.app_context():
                if elsewhere.extensions["refill"].gateway:
                    sync_now()
                db.session.remove()
                drawn = Buyer.of(elsewhere, buyer.user).pages.client.get(path)
                db.engine.dispose()
        return View(path, drawn=drawn)

    def buyer(self, *, name: str = "Some One", email: str = "", welcome_credits: int = 20) -> Buyer:
        """Somebody new, signed in."""
        email = email or f"person-{next(numbers)}@example.com"
        return Buyer.of(self.app, make_user(email, name=name, welcome_credits=welcome_credits))

    def stranger(self) -> PageClient:
        """Somebody who has not signed in."""
        return PageClient(self.app.test_client())
