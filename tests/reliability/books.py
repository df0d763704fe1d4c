"""A ledger beside the processes that write it: accounts made for them, and what is true afterwards."""

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.extensions import db, transact
from webapp.ledger.models import Entry
from webapp.ledger.operations import SpendLimit, grant, open_account, set_limit
from webapp.ledger.queries import balance, limit_standings
from webapp.ledger.verify import verify
from webapp.orm import utc_now


class Books:
    """Looks at one database from this process."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def account(self, credits: int, limit: SpendLimit | None = None) -> int:
        """A new account with so many credits, and perhaps a limit of what it may spend."""
        gift = {"kind": "bonus", "key": "gift", "source_kind": "test", "source_id": "gift", "now": utc_now()}

        def work(session: Session) -> int:
            account_id = open_account(session, now=utc_now())
            grant(session, account_id, credits=credits, **gift)
            if limit is not None:
                set_limit(session, account_id, limit, may_stop_now=False, now=utc_now())
            return account_id

        with self.app.app_context():
            return transact(work)

    def keys(self, account_id: int) -> list[str]:
        """The key of each spend, in their order; each was for one credit."""
        wanted = select(Entry.key).where(Entry.account_id == account_id, Entry.kind == "spend").order_by(Entry.seq)
        with self.app.app_context(), Session(db.engine) as session:
            return list(session.scalars(wanted))

    def counted(self, account_id: int) -> tuple[int, int]:
        """What the account's only limit has counted: used, and held."""
        with self.app.app_context(), Session(db.engine) as session:
            (standing,) = limit_standings(session, account_id, now=utc_now())
            return standing.used, standing.held

    def assert_sound(self, account_id: int, *, available: int) -> None:
        """So much is left, and the books agree with themselves."""
        with self.app.app_context(), Session(db.engine) as session:
            assert balance(session, account_id, now=utc_now()).available == available
            assert verify(session, account_id, now=utc_now()).faults == ()
