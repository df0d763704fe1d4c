"""The worked examples of docs/ledger.md, run as they stand there."""

import datetime as dt
import doctest
import re

import pytest

from tests.support.databases import ROOT
from webapp.ledger import operations, queries
from webapp.ledger.errors import LedgerRefusal
from webapp.ledger.operations import open_account
from webapp.ledger.verify import verify

PAGE = (ROOT / "docs/ledger.md").read_text()
EXAMPLES = re.findall(r"^([^\n]+):\n\n```pycon\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL)
BOOKS = ("available", "held", "frozen", "spent", "expired", "voided", "owed")


class Said(str):
    """What an example shows: printed without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


class Story:
    """The words of the examples: the ledger's operations on one account, at a clock that they move themselves."""

    def __init__(self, session, now):
        self.session = session
        self.now = now
        self.account_id = open_account(session, now=now)
        self.number = 0
        self.lots = {}

    def words(self):
        names = ("grant", "spend", "hold", "capture", "reverse", "void", "settle_takeback", "after", "lot", "balance")
        return {name: getattr(self, name) for name in names}

    def grant(self, name, credits, hours=None, kind="purchased"):
        expires_at = None if hours is None else self.now + dt.timedelta(hours=hours)
        source = {"source_kind": "purchase", "source_id": name}
        posted = self.run("grant", kind=kind, credits=credits, expires_at=expires_at, **source)
        self.lots[name] = posted.entry.seq
        return self.balance()

    def spend(self, credits, *, quietly=False):
        posted = self.run("spend", credits=credits)
        return posted.entry.seq if quietly else self.balance()

    def hold(self, credits, hours=1):
        return self.run("hold", credits=credits, lasts_seconds=hours * 3600).entry.seq

    def capture(self, hold, credits, **facts):
        try:
            self.run("capture", hold, credits=credits, **facts)
        except LedgerRefusal as refusal:
            return Said(f"{type(refusal).__name__}: {refusal.sentence}")
        return self.balance()

    def reverse(self, entry, credits):
        self.run("reverse", entry, credits=credits)
        return self.balance()

    def void(self, name, credits):
        self.run("void", self.lots[name], credits=credits)
        return self.balance()

    def settle_takeback(self, name, *, total, returned=0, disputed=0, is_floor=False):
        money = {"total_minor": total, "returned_minor": returned, "disputed_minor": disputed}
        source = {"source_kind": "purchase", "source_id": name}
        operations.settle_takeback(self.session, self.account_id, **source, **money, is_floor=is_floor, now=self.now)
        return self.balance()

    def after(self, *, hours):
        self.now += dt.timedelta(hours=hours)
        return self.balance()

    def lot(self, name):
        from webapp.ledger.models import Grant

        lot = self.session.get(Grant, (self.account_id, self.lots[name]), populate_existing=True)
        return Said(", ".join(f"{book} {getattr(lot, book)}" for book in BOOKS if getattr(lot, book)))

    def balance(self):
        assert verify(self.session, self.account_id, now=self.now).faults == ()
        found = queries.balance(self.session, self.account_id, now=self.now)
        parts = {"available": found.available, "held": found.held, "frozen": found.frozen, "owed": found.debt}
        told = ", ".join(f"{name} {has:,}" for name, has in parts.items() if has)
        return Said(f"balance {found.balance:,}: {told or 'nothing'}")

    def run(self, operation, *places, **facts):
        self.number += 1
        run = getattr(operations, operation)
        return run(self.session, self.account_id, *places, **facts, key=f"k{self.number}", now=self.now)


def test_the_page_has_its_examples():
    assert len(EXAMPLES) == 12


@pytest.mark.parametrize(("title", "example"), EXAMPLES, ids=[title[:60] for title, _ in EXAMPLES])
def test_an_example_of_the_page_is_true(session, now, title, example):
    told = []
    test = doctest.DocTestParser().get_doctest(example, Story(session, now).words(), title, "docs/ledger.md", 0)
    results = doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert results.attempted > 1
    assert results.failed == 0, "".join(told)
