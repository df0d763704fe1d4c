"""Telling one step to the ledger and to the model, and comparing the answers. Each step is noted in words."""

import datetime as dt

from hypothesis import note
from sqlalchemy.orm import Session

from tests.ledger.model import limits as model_limits
from tests.ledger.model import operations as model
from tests.ledger.model.account import RefusedError, new_account
from tests.ledger.stories import comparing
from tests.ledger.stories.meeting import things_limited, things_met, things_refused
from webapp.ledger import operations as ledger
from webapp.ledger.errors import LedgerRefusal
from webapp.ledger.queries import accounts_due, balance_as_of
from webapp.ledger.queries import hold as hold_of
from webapp.ledger.verify import verify
from webapp.orm import WRITES

STARTS_AT = dt.datetime(2026, 11, 20, 14, 0, tzinfo=dt.UTC)
ZONES = ("UTC", "Pacific/Kiritimati")
TABLES = "accounts, entries, entry_details, grants, postings, holds, usage_daily, claims, spend_limits, limit_windows"
PAUSES = {
    "owner": (ledger.pause_as_owner, ledger.resume_as_owner),
    "operator": (ledger.pause_spending, ledger.resume_spending),
}


class Telling:
    """Two accounts of the ledger in one transaction that never commits, and the same two in the model."""

    def __init__(self, engine, met):
        self.session = Session(engine.execution_options(**{WRITES: True}), expire_on_commit=False)
        self.met = met
        self.now = STARTS_AT
        self.ids = [ledger.open_account(self.session, time_zone=zone, now=self.now) for zone in ZONES]
        self.accounts = [new_account(zone) for zone in ZONES]
        self.compared = [0, 0]  # entries whose postings have been compared
        self.answered = [[], []]  # entries answered since the last comparison
        self.past = [[], []]  # every instant that was compared, with the account of the model
        self.touched = set()

    def close(self):
        """Roll back. PostgreSQL keeps the rows until a vacuum: each story would be slower than the one before."""
        engine = self.session.get_bind()
        self.session.close()
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql(f"VACUUM {TABLES}")

    def pass_time(self, length):
        self.now += length
        if length:
            note(f"    {self.now - STARTS_AT} after the start:")

    def tell(self, who, operation, request):
        """One operation with a key."""
        run = getattr(ledger, operation)
        before, expected = self.accounts[who], self.expect(who, operation, request)
        found = self.run(lambda: run(self.session, self.ids[who], **request, now=self.now))
        note(f"account {who}: {operation} {in_words(request)} -> {answer_in_words(expected)}")
        self.compare_answer(who, found, expected)
        self.count(before, self.accounts[who], operation, request, expected)
        return expected

    def expect(self, who, operation, request):
        """The model's answer. The model's account goes on."""
        self.touched.add(who)
        try:
            self.accounts[who], answer = model.tell(self.accounts[who], operation, request, self.now)
        except RefusedError as refused:
            return refused
        return answer

    def run(self, work):
        """What the ledger answers. Refused, it leaves nothing: as at the edges, what it wrote is rolled back."""
        try:
            with self.session.begin_nested():
                return work()
        except LedgerRefusal as refused:
            return refused

    def tell_batch(self, lines):
        """Several spends at once; each line counts as if it were told alone, in the lines' order."""
        given = [ledger.SpendLine(account_id=self.ids[who], **request) for who, request in lines]
        found = self.run(lambda: ledger.spend_batch(self.session, given, now=self.now))
        note("a batch:")
        answers = []
        for (who, request), answer in zip(lines, found, strict=True):
            before, expected = self.accounts[who], self.expect(who, "spend", request)
            answers.append(expected)
            note(f"    account {who}: spend {in_words(request)} -> {answer_in_words(expected)}")
            self.compare_answer(who, answer, expected)
            self.count(before, self.accounts[who], "spend", request, expected)
        return answers

    def tell_facts(self, who, source, total, returned, disputed, *, is_floor):
        """What has become of the money of a payment: `returned` and `disputed` are percents of the total."""
        request = {"source_kind": source[0], "source_id": source[1], "total_minor": total, "is_floor": is_floor}
        request |= {"returned_minor": total * returned // 100, "disputed_minor": total * disputed // 100}
        before = self.accounts[who]

        def work():
            return ledger.settle_takeback(self.session, self.ids[who], **request, now=self.now)

        try:
            self.accounts[who], seqs = model.settle_takeback(before, request, self.now)
        except RefusedError as refused:
            self.touched.add(who)
            self.compare_answer(who, self.run(work), refused)
            self.count(before, before, "settle_takeback", request, refused)
            return
        note(f"account {who}: settle_takeback {in_words(request)} -> entries {seqs}")
        self.compare_settled(who, seqs, work)
        self.count(before, self.accounts[who], "settle_takeback", request, {"replayed": False})

    def settle(self, who):
        """Write what is due."""
        before = self.accounts[who]
        self.accounts[who], seqs = model.expire(before, self.now)
        note(f"account {who}: expire -> entries {seqs}")
        self.compare_settled(who, seqs, lambda: ledger.expire(self.session, self.ids[who], now=self.now))
        self.count(before, self.accounts[who], "expire", {}, {"replayed": False})

    def pause(self, who, by, is_paused):
        """The owner or an operator pauses spending, or lets it go on: each for himself."""
        note(f"account {who}: spending is {'paused' if is_paused else 'no longer paused'} by its {by}")
        paused_at = dict(self.accounts[who]["paused_at"])
        was_paused = by in paused_at
        if is_paused:
            assert PAUSES[by][0](self.session, self.ids[who], now=self.now) is not was_paused
            paused_at.setdefault(by, self.now)
        else:
            assert PAUSES[by][1](self.session, self.ids[who]) is was_paused
            paused_at.pop(by, None)
        self.accounts[who] = self.accounts[who] | {"paused_at": paused_at}

    def set_limit(self, who, limit, *, may_stop_now):
        """A spend limit, or another one in its place."""
        self.touched.add(who)
        before = self.accounts[who]

        def work():
            given = ledger.SpendLimit(**limit)
            return ledger.set_limit(self.session, self.ids[who], given, may_stop_now=may_stop_now, now=self.now)

        expected, found = None, self.run(work)
        try:
            self.accounts[who] = model_limits.set_limit(before, limit, may_stop_now=may_stop_now, now=self.now)
        except RefusedError as refused:
            expected = refused
        note(f"account {who}: set_limit {in_words(limit)} -> {expected or 'set'}")
        if expected is None:
            assert not isinstance(found, LedgerRefusal), f"The ledger refused: {type(found).__name__} {found.facts}"
        else:
            self.compare_answer(who, found, expected)
        self.met.update(things_limited(before, limit, expected, self.now))

    def drop_limit(self, who, key_id, period):
        note(f"account {who}: drop_limit {key_id} {period}")
        ledger.drop_limit(self.session, self.ids[who], key_id=key_id, period=period)
        self.accounts[who] = model_limits.drop_limit(self.accounts[who], key_id, period)
        self.met["limit dropped"] += 1

    def move_to(self, who, zone):
        """Days, weeks and months are those of another time zone from now on."""
        note(f"account {who}: set_time_zone {zone}")
        ledger.set_time_zone(self.session, self.ids[who], zone)
        self.met["zone changed beside limits"] += bool(self.accounts[who]["limits"])
        self.accounts[who] = self.accounts[who] | {"zone": zone}

    def compare_settled(self, who, seqs, work):
        self.touched.add(who)
        found = self.run(work)
        assert [entry.seq for entry in found] == seqs
        self.answered[who] += found

    def compare_answer(self, who, found, expected):
        if isinstance(expected, RefusedError):
            assert isinstance(found, LedgerRefusal), f"The ledger did not refuse: {found}"
            assert type(found).__name__ == expected.name
            assert expected.facts in (None, found.facts)
            return
        assert not isinstance(found, LedgerRefusal), f"The ledger refused: {type(found).__name__} {found.facts}"
        told = {name: getattr(found, name) for name in ("available", "held", "replayed")}
        told |= {"entry": found.entry.seq, "hold": found.hold and hold_facts(found.hold)}
        assert told == expected
        self.answered[who].append(found.entry)

    def compare_everything(self):
        """All that the ledger says; of an account that no step has touched since, only the balance at this instant."""
        due = set(accounts_due(self.session, now=self.now, limit=10))
        for who, account in enumerate(self.accounts):
            comparing.compare_balance(self.session, self.ids[who], account, self.now)
            comparing.compare_limits(self.session, self.ids[who], account, self.now)
            assert (self.ids[who] in due) == model.shown(account, self.now)["is_due"]
            self.past[who].append((self.now, account))
        for who in sorted(self.touched):
            self.compare_account(who)
        self.touched.clear()
        assert verify(self.session, now=self.now).faults == ()

    def compare_account(self, who):
        account_id, account = self.ids[who], self.accounts[who]
        comparing.compare_history(self.session, account_id, account, self.now, self.answered[who])
        comparing.compare_postings(self.session, account_id, account, self.compared[who])
        comparing.compare_lots(self.session, account_id, account)
        comparing.compare_holds(self.session, account_id, account)
        comparing.compare_usage(self.session, account_id, account)
        self.compared[who], self.answered[who] = len(account["entries"]), []

    def compare_the_past(self, who, at):
        """The balance as it was at an instant of the story, but for take-backs that were not written then."""
        note(f"account {who}: balance as of {at - STARTS_AT} after the start")
        known = [account for told_at, account in self.past[who] if told_at <= at]
        expected = model.shown(known[-1] | {"facts": {}}, at)
        found = balance_as_of(self.session, self.ids[who], at=at)
        for name in ("available", "held", "frozen", "debt", "balance", "kinds"):
            assert getattr(found, name) == expected[name], name
        assert [(lot.grant, lot.credits) for lot in found.lots] == expected["lots"]

    def compare_a_hold(self, who, number):
        """One hold by its number, as it is now: over at its very instant, whether or not an entry says so."""
        later, _ = model.expire(self.accounts[who], self.now)
        expected = later["holds"].get(number)
        found = hold_of(self.session, self.ids[who], number, now=self.now)
        assert (found and hold_facts(found)) == (expected and answered_hold(number, expected))

    def count(self, before, after, operation, request, answer):
        if isinstance(answer, RefusedError):
            self.met.update(things_refused(before, operation, request, answer, self.now))
        else:
            self.met.update(things_met(before, after, operation, request, answer, self.now))


def hold_facts(hold):
    return {"seq": hold.seq, "credits": hold.credits, "captured": hold.captured, "state": hold.state} | {
        "ends_at": hold.expires_at
    }


def answered_hold(number, hold):
    return {"seq": number} | {name: hold[name] for name in ("credits", "captured", "state", "ends_at")}


def in_words(request):
    return ", ".join(f"{name}={value}" for name, value in request.items() if value not in (None, ""))


def answer_in_words(answer):
    if isinstance(answer, RefusedError):
        return f"refused: {answer.name} {answer.facts or ''}"
    again = "again " if answer["replayed"] else ""
    return f"{again}entry {answer['entry']}, available {answer['available']}, held {answer['held']}"
