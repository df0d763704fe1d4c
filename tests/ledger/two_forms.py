"""One scenario told to each form of the hot path: its answers, every row it leaves, and which way each spend went."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Text, cast, event, select, text
from sqlalchemy.orm import Session

from tests.support.databases import ROOT
from webapp.ledger import operations
from webapp.ledger.errors import LedgerRefusal
from webapp.ledger.models import Base
from webapp.ledger.operations import SpendLimit, SpendLine
from webapp.ledger.verify import verify
from webapp.orm import WRITES

STARTS_AT = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)
TABLES = ("accounts", "entries", "entry_details", "grants", "postings", "holds", "claims", "usage_daily")
FUNCTIONS = (ROOT / "migrations/functions/0012_spend.sql").read_text()
NOBODY = 4711  # an account that isn't there
EVERYTHING = {
    "description": "Anruf 👩‍💻 'gut' \"so\" \\ \\u0041 %s :name; -- مكالمة",
    "details": {"z": "\x00 é 👩‍💻 \\ \" '", "a": {"b": [1, 2.5, None, True, 2**60, {"c": []}]}, "": {}},
    "meter": "call_minute",
    "quantity": 2**63 - 1,
    "key_id": 2**63 - 1,
    "actor_kind": "key",
    "fingerprint": "f" * 64,
}

Scenario = Callable[["Telling"], None]


@dataclass
class Telling:
    """A scenario as told to one form. Accounts are named by their place, so that two tellings can be compared.

    `ways` says of each spend and batch whether the database's function wrote all of it (`fast`), a part (`both`), or
    nothing (`slow`).
    """

    session: Session
    is_portable: bool
    now: dt.datetime = STARTS_AT
    accounts: list[int] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    ways: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    stored: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def open(self, time_zone: str = "UTC") -> int:
        account_id = operations.open_account(self.session, time_zone=time_zone, now=self.now)
        self.accounts.append(account_id)
        if self.is_portable:  # whoever has a limit is for the portable form; this one refuses nothing
            only_tells = SpendLimit(0, "month", 10**9, pauses=False, is_money=False)
            operations.set_limit(self.session, account_id, only_tells, may_stop_now=False, now=self.now)
            operations.note_seen(self.session, account_id)
        return len(self.accounts) - 1

    def do(self, operation: str, account: int, *numbers: Any, **facts: Any) -> None:
        """Any operation but those of the hot path."""
        self._note(lambda: getattr(operations, operation)(self.session, self._id(account), *numbers, **self._at(facts)))

    def grant(self, account: int, credits: int, kind: str = "purchased", **facts: Any) -> None:
        number = str(len(self.answers))
        given = {"key": f"g{number}", "source_kind": "test", "source_id": number} | facts
        self.do("grant", account, credits=credits, kind=kind, **given)

    def spend(self, account: int, credits: int, key: str, **facts: Any) -> None:
        given = self._at({"credits": credits, "key": key} | facts)
        self._hot(lambda: operations.spend(self.session, self._id(account), **given))

    def batch(self, *lines: tuple[int, int, str] | tuple[int, int, str, dict[str, Any]]) -> None:
        """Lines of account, credits, key and further facts."""
        made = [
            SpendLine(account_id=self._id(account), credits=wanted, key=key, **(more[0] if more else {}))
            for account, wanted, key, *more in lines
        ]
        self._hot(lambda: operations.spend_batch(self.session, made, now=self.now))

    def wait(self, **time: float) -> None:
        self.now += dt.timedelta(**time)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of the accounts, details as the text that is stored."""
        return {table: self._rows(table) for table in TABLES}

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        table = Base.metadata.tables[name]
        owner = table.c.id if name == "accounts" else table.c.account_id
        told = [column for column in table.c if column not in {owner, Base.metadata.tables["accounts"].c.limits}]
        columns = [cast(column, Text) if column.name == "details" else column for column in told]
        found = self.session.execute(select(owner, *columns).where(owner.in_(self.accounts)))
        return sorted(((self.accounts.index(row[0]), *row[1:]) for row in found), key=repr)

    def _id(self, account: int) -> int:
        return account if account >= len(self.accounts) else self.accounts[account]

    def _at(self, facts: dict[str, Any]) -> dict[str, Any]:
        return facts | {"now": self.now}

    def _hot(self, work: Callable[[], Any]) -> None:
        self.statements.clear()
        self._note(work)
        called = any("FROM spend_line" in statement for statement in self.statements)
        left = any(statement.startswith("SELECT accounts.id") for statement in self.statements)
        self.ways.append("both" if called and left else "fast" if called else "slow")

    def _note(self, work: Callable[[], Any]) -> None:
        """The answer, or the refusal; a refusal rolls back, as the edges do."""
        try:
            with self.session.begin_nested():
                answer = work()
        except LedgerRefusal as refusal:
            answer = refusal
        many = answer if isinstance(answer, list) else [answer]
        self.answers.append([_comparable(one) for one in many])


def told(engine: Engine, scenario: Scenario, *, is_portable: bool, functions: str | None = None) -> Telling:
    """Tell the scenario in a transaction that is rolled back. `functions` replaces the database's functions in it."""
    with Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False) as session:
        telling = Telling(session, is_portable)
        note = _noting(telling.statements)
        event.listen(engine, "before_cursor_execute", note)
        try:
            if functions is not None:
                session.execute(text(functions))
            scenario(telling)
            telling.stored = telling.rows()
            assert verify(session, now=telling.now).faults == ()
        finally:
            event.remove(engine, "before_cursor_execute", note)
    return telling


def assert_same(one: Telling, other: Telling) -> None:
    """Both were answered the same and left the same rows."""
    for place, (first, second) in enumerate(zip(one.answers, other.answers, strict=True)):
        assert first == second, place
    for table in TABLES:
        assert one.stored[table] == other.stored[table], table


def _comparable(answer: Any) -> Any:
    if isinstance(answer, LedgerRefusal):
        return type(answer).__name__, str(answer), answer.facts
    return answer


def _noting(statements: list[str]) -> Callable[..., None]:
    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    return note
