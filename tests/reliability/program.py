"""A program that spends over HTTP with an API key, at a served Refill; and what its account says afterwards."""

import json

from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.reliability.serving import Served
from tests.reliability.shop import Answer, ask
from webapp.extensions import db, transact
from webapp.ledger.models import Entry
from webapp.ledger.operations import SpendLimit, grant, open_account, set_limit
from webapp.ledger.queries import balance
from webapp.ledger.verify import verify
from webapp.orm import utc_now
from webapp.people.keyring import create_key

SPEND = "/api/credits/spend"


class Program:
    """A new account with so many credits, perhaps with a limit of what it may spend, and a key of it."""

    def __init__(self, app: Flask, served: Served, credits: int, limit: SpendLimit | None = None) -> None:
        self.app, self.served = app, served
        gift = {"kind": "bonus", "key": "gift", "source_kind": "test", "source_id": "gift", "now": utc_now()}

        def work(session: Session) -> tuple[int, str]:
            account_id = open_account(session, now=utc_now())
            grant(session, account_id, credits=credits, **gift)
            if limit is not None:
                set_limit(session, account_id, limit, may_stop_now=False, now=utc_now())
            facts = {"account_id": account_id, "name": "program", "scopes": ["spend"], "now": utc_now()}
            return account_id, create_key(session, **facts)[1]

        with app.app_context():
            self.account_id, self.secret = transact(work)

    def spend(self, key: str) -> Answer | None:
        """Spend one credit; None when the server went away without an answer."""
        body = json.dumps({"credits": 1}).encode()
        headers = {"Authorization": f"Bearer {self.secret}", "Content-Type": "application/json", "Idempotency-Key": key}
        return ask(self.served.port, "POST", SPEND, body, headers)

    def spent(self) -> int:
        """How many spends are stored."""
        wanted = select(func.count()).where(Entry.account_id == self.account_id, Entry.kind == "spend")
        with self.app.app_context(), Session(db.engine) as session:
            return session.scalars(wanted).one()

    def assert_sound(self, *, available: int) -> None:
        """So much is left, and the books agree with themselves."""
        with self.app.app_context(), Session(db.engine) as session:
            assert balance(session, self.account_id, now=utc_now()).available == available
            assert verify(session, self.account_id, now=utc_now()).faults == ()
