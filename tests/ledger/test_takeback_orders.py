"""Facts about money told in any order, and what is due settled early or late: the end is the same."""

import datetime as dt

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.ledger.model.account import BOOKS
from webapp.ledger.errors import LedgerRefusal
from webapp.ledger.models import grants, holds
from webapp.ledger.operations import (
    capture,
    expire,
    grant,
    hold,
    open_account,
    release,
    reverse,
    settle_takeback,
    spend,
    void,
)
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify
from webapp.orm import WRITES

STARTS_AT = dt.datetime(2026, 11, 20, 14, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
KINDS = st.sampled_from(["allowance", "bonus", "purchased", "purchased"])
LOTS = st.lists(st.tuples(KINDS, st.integers(5, 60), st.sampled_from([None, None, 2, 4])), min_size=2, max_size=4)
CREDITS = st.integers(1, 60)
MONEY = st.tuples(st.sampled_from([0, 25, 50, 100]), st.sampled_from([0, 0, 30, 100]))
REFUND = st.tuples(st.sampled_from([0, 25, 50, 100]), st.just(0))
FIXED = settings(settings.get_profile("gate"), phases=(Phase.generate,), max_examples=20)


class Before:
    """An account with lots, spends and a hold, some of it due: what is fixed before facts are told."""

    def __init__(self, session, lots, uses, waits):
        self.session = session
        self.now = STARTS_AT
        self.account_id = open_account(session, now=self.now)
        for number, (kind, size, hours) in enumerate(lots):
            self.grant(number, kind, size, None if hours is None else self.now + hours * HOUR)
        for number, (operation, used) in enumerate(uses):
            extra = {"lasts_seconds": 3 * 3600} if operation is hold else {}
            self.attempt(operation, credits=used, key=f"u{number}", **extra)
        self.now += waits * HOUR

    def grant(self, number, kind, credits, expires_at=None):
        source = {"source_kind": "purchase", "source_id": f"p{number}"}
        facts = {"kind": kind, "credits": credits, "expires_at": expires_at}
        grant(self.session, self.account_id, key=f"g{number}", **facts, **source, now=self.now)

    def attempt(self, operation, *numbers, **facts):
        try:
            with self.session.begin_nested():
                return operation(self.session, self.account_id, *numbers, **facts, now=self.now)
        except LedgerRefusal:
            return None

    def tell(self, number, money, *, is_floor=False):
        facts = {"total_minor": 100, "returned_minor": money[0], "disputed_minor": money[1], "is_floor": is_floor}
        source = {"source_kind": "purchase", "source_id": f"p{number}"}
        settle_takeback(self.session, self.account_id, **source, **facts, now=self.now)

    def end_of(self, steps):
        """The lots and the sums after these steps, which are then undone."""
        with self.session.begin_nested() as undone:
            for step in steps:
                step()
            found = (lots_of(self), sums_of(self))
            assert verify(self.session, self.account_id, now=self.now).faults == ()
            undone.rollback()
        return found


def lots_of(account):
    chosen = grants.select().where(grants.c.account_id == account.account_id)
    rows = account.session.execute(chosen).mappings()
    return {(row["source_kind"], row["source_id"]): tuple(row[book] for book in BOOKS) for row in rows}


def sums_of(account):
    found = balance(account.session, account.account_id, now=account.now)
    return {name: getattr(found, name) for name in ("balance", "available", "held", "frozen", "debt")}


def session_of(engine):
    return Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False)


def accounts(test):
    """Draw what is fixed before: lots, uses, and how long ago they were."""
    uses = st.lists(st.tuples(st.sampled_from([spend, spend, hold]), CREDITS), min_size=1, max_size=4)
    return given(data=st.data(), lots=LOTS, uses=uses, waits=st.sampled_from([0, 1, 2, 3]))(FIXED(test))


ORDERS = 6


@accounts
def test_whatever_was_told_of_a_payment_before_only_what_is_true_in_the_end_counts(
    shared_engine, data, lots, uses, waits
):
    """Its own lot and the account's sums end the same; which other lot paid its debt may differ."""
    number, is_floor, in_the_end = data.draw(st.tuples(st.integers(0, len(lots) - 1), st.booleans(), MONEY))
    with session_of(shared_engine) as session:
        before = Before(session, lots, uses, waits)
        ends = []
        for _ in range(ORDERS):
            told = [*data.draw(st.lists(MONEY, max_size=4)), in_the_end, in_the_end]
            steps = [lambda money=money: before.tell(number, money, is_floor=is_floor) for money in told]
            found, sums = before.end_of(steps)
            ends.append((found["purchase", f"p{number}"], sums))
    assert ends == [ends[0]] * ORDERS


@accounts
def test_the_balance_is_the_same_in_whatever_order_several_payments_are_told(shared_engine, data, lots, uses, waits):
    """Lots too, as long as nothing is in dispute: what paid a debt before it was disputed can't be frozen any more."""
    money = data.draw(st.lists(data.draw(st.sampled_from([MONEY, REFUND])), min_size=len(lots), max_size=len(lots)))
    with session_of(shared_engine) as session:
        before = Before(session, lots, uses, waits)
        ends = []
        for _ in range(ORDERS):
            repeated = data.draw(st.lists(st.sampled_from(range(len(lots))), max_size=3))
            order = data.draw(st.permutations([*range(len(lots)), *repeated]))
            ends.append(before.end_of([lambda number=number: before.tell(number, money[number]) for number in order]))
    if any(disputed for _, disputed in money):
        ends = [sums["balance"] for _, sums in ends]
    assert ends == [ends[0]] * ORDERS


@accounts
def test_a_refund_may_come_before_its_grant(shared_engine, data, lots, uses, waits):
    money, owed = data.draw(st.tuples(MONEY, st.sampled_from([0, 100])))
    new = len(lots)
    with session_of(shared_engine) as session:
        before = Before(session, lots, uses, waits)
        before.tell(0, (owed, 0))  # there may be a debt that the new lot pays

        def give():
            before.grant(new, "purchased", 40)

        def tell():
            before.tell(new, money)

        ends = [before.end_of(steps) for steps in ((give, tell), (tell, give), (tell, give, tell), (tell, tell, give))]
    if money[1]:
        ends = [sums["balance"] for _, sums in ends]
    assert ends == [ends[0]] * len(ends)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "spend", "hold", "hold", "capture", "release", "reverse", "void", "money", "money"]),
        st.sampled_from([0, 0, 1, 1, 2]),  # hours before it
        CREDITS,
        st.integers(1, 12),  # the number of an entry, a lot, a hold or a payment
        MONEY,
    ),
    min_size=6,
    max_size=16,
)


def tell_step(account, place, step):
    operation, _, amount, number, money = step
    key = {"key": f"s{place}"}
    if operation == "grant":
        account.grant(100 + place, "purchased", amount, account.now + 2 * HOUR)
        return None
    if operation == "money":
        return account.tell(number % 4, money)
    runs = {
        "spend": lambda: account.attempt(spend, credits=amount, **key),
        "hold": lambda: account.attempt(hold, credits=amount, lasts_seconds=5400, **key),
        "capture": lambda: account.attempt(capture, number, credits=1 + amount // 10, **key),
        "release": lambda: account.attempt(release, number, **key),
        "reverse": lambda: account.attempt(reverse, number, credits=1 + amount // 10, **key),
        "void": lambda: account.attempt(void, number, credits=1 + amount // 10, **key),
    }
    return runs[operation]()


@FIXED
@given(lots=LOTS, steps=STEPS, early=st.lists(st.booleans(), min_size=64, max_size=64))
def test_settling_early_or_late_ends_the_same(shared_engine, lots, steps, early):
    """One account is settled at random instants between its operations, the other only by the operations themselves."""
    with session_of(shared_engine) as session:
        often, never = (Before(session, lots, [], 0) for _ in range(2))
        instants = iter(early)
        for place, step in enumerate(steps):
            for _ in range(2 * step[1]):
                often.now += HOUR / 2
                if next(instants):
                    expire(session, often.account_id, now=often.now)
            never.now += step[1] * HOUR
            assert answer(tell_step(often, place, step)) == answer(tell_step(never, place, step))
            assert shown(often) == shown(never)
        assert written(often) == written(never)


def answer(told):
    return told and (told.entry.kind, told.entry.seq, told.available, told.held)


def shown(account):
    found = balance(account.session, account.account_id, now=account.now)
    return (sums_of(account), found.lots)


def written(account):
    """Everything that the account has in the end, but when it was written."""
    end = account.now + 200 * HOUR
    expire(account.session, account.account_id, now=end)
    entries = history(account.session, account.account_id, limit=100, now=end).entries
    told = [(entry.seq, entry.kind, entry.credits, entry.balance_after, entry.lots) for entry in entries]
    chosen = holds.select().where(holds.c.account_id == account.account_id)
    states = {row["seq"]: row["state"] for row in account.session.execute(chosen).mappings()}
    return (told, lots_of(account), states)
