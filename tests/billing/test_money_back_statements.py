"""How many statements an event about money that came back takes: the same at any size of the account."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from tests.billing.books import bought, use
from tests.billing.buying import Buying
from tests.billing.returning import refund, taken, tell
from webapp.extensions import db


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is sent to the database."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):
            found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield found
    event.remove(db.engine, "before_cursor_execute", note)


def taken_by_a_refund(buying: Buying, statements: list[str], number: int) -> tuple[int, int]:
    """The statements of the first event of a refund, and of the second, which finds all settled."""
    purchase = bought(buying, number)
    refund(buying, purchase, 100)
    counts = []
    for telling in taken(buying)[:2]:
        statements.clear()
        tell(buying, telling)
        counts.append(len(statements))
    return counts[0], counts[1]


def test_a_refund_takes_the_same_statements_however_much_the_account_has_seen(buying, app, statements):
    first = taken_by_a_refund(buying, statements, 0)
    for number in range(1, 6):
        bought(buying, number)
        for spend in range(8):
            use(buying, "spend", credits=3, key=f"{number} {spend}")
    assert taken_by_a_refund(buying, statements, 6) == first
    assert first == (22, 15)
