"""The model against stories worked out by hand: a wrong model would prove a wrong ledger."""

import datetime as dt

import pytest

from tests.ledger.model.account import RefusedError, new_account
from tests.ledger.model.operations import expire, settle_takeback, shown, tell

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


class Telling:
    """An account told about step by step."""

    def __init__(self):
        self.account = new_account()
        self.now = NOON
        self.steps = 0

    def later(self, hours):
        self.now += hours * HOUR
        return self

    def tell(self, operation, **request):
        self.steps += 1
        self.account, answer = tell(self.account, operation, {"key": f"k{self.steps}"} | request, self.now)
        return answer["entry"]

    def grant(self, credits, hours=None, kind="purchased", source=None):
        ends_at = None if hours is None else self.now + hours * HOUR
        made = {"source_kind": "purchase", "source_id": source or f"s{self.steps}", "description": ""}
        return self.tell("grant", kind=kind, credits=credits, expires_at=ends_at, **made)

    def spend(self, credits):
        return self.tell("spend", credits=credits, meter="", key_id=0)

    def hold(self, credits, hours=1):
        return self.tell("hold", credits=credits, lasts_seconds=hours * 3600, key_id=0)

    def capture(self, hold, credits):
        return self.tell("capture", hold_seq=hold, credits=credits, meter="", key_id=0)

    def reverse(self, entry, credits):
        return self.tell("reverse", entry_seq=entry, credits=credits)

    def take_back(self, source, returned, disputed=0, total=100, is_floor=False):
        facts = {"total_minor": total, "returned_minor": returned, "disputed_minor": disputed, "is_floor": is_floor}
        request = {"source_kind": "purchase", "source_id": source} | facts
        self.account, _ = settle_takeback(self.account, request, self.now)

    def kinds_since(self, seq):
        return [(entry["kind"], entry["credits"]) for entry in self.account["entries"][seq:]]

    def lot(self, n):
        books = ("available", "held", "frozen", "spent", "expired", "voided", "owed")
        return {book: self.account["lots"][n][book] for book in books if self.account["lots"][n][book]}

    def balance(self):
        return shown(self.account, self.now)["balance"]


@pytest.fixture
def told():
    return Telling()


def test_who_owes_pays_with_the_next_grant_and_gets_it_back_when_the_refund_fails(told):
    bought = told.grant(1000, source="L")
    told.spend(900)
    told.take_back("L", 100)
    assert (told.balance(), told.lot(bought)) == (-900, {"spent": 900, "voided": 1000, "owed": -900})
    gift = told.grant(500, source="M")
    assert (told.balance(), told.lot(gift)) == (-400, {"owed": 500})
    before = len(told.account["entries"])
    told.take_back("L", 0)
    assert told.kinds_since(before) == [("giveback", 1000)]
    assert (told.balance(), told.lot(bought)) == (600, {"available": 100, "spent": 900})
    assert told.lot(gift) == {"available": 500}
    assert told.account["entries"][-1]["moves"] == {
        (bought, "voided", "owed"): 900,
        (bought, "voided", "available"): 100,
        (gift, "owed", "available"): 500,
    }


def test_a_refund_told_before_its_grant_waits_for_it(told):
    told.take_back("L", 40, 20)
    assert told.account["entries"] == []
    told.grant(1000, source="L")
    assert told.kinds_since(0) == [("grant", 1000), ("takeback", -400), ("freeze", 0)]
    assert told.lot(1) == {"available": 400, "frozen": 200, "voided": 400}
    assert [entry["key"] for entry in told.account["entries"]] == ["k1", "takeback:1:2", "takeback:1:3"]
    told.take_back("L", 40)
    assert told.lot(1) == {"available": 600, "voided": 400}


def test_a_take_back_takes_frozen_then_available_then_what_was_spent(told):
    told.grant(100, source="L")
    told.spend(50)
    told.take_back("L", 0, 30)
    assert told.lot(1) == {"available": 20, "frozen": 30, "spent": 50}
    told.take_back("L", 20)
    assert told.lot(1) == {"available": 30, "spent": 50, "voided": 20}
    told.take_back("L", 20, 10)
    told.take_back("L", 90, 10)
    assert told.lot(1) == {"spent": 50, "voided": 90, "owed": -40}
    assert told.account["entries"][-1]["moves"] == {
        (1, "frozen", "voided"): 10,
        (1, "available", "voided"): 20,
        (1, "owed", "voided"): 40,
    }


def test_a_floor_lets_go_what_was_spent(told):
    told.grant(100, source="L")
    told.spend(70)
    told.take_back("L", 100, is_floor=True)
    assert (told.lot(1), told.balance()) == ({"spent": 70, "voided": 30}, 0)


def test_held_credits_wait_for_their_hold(told):
    told.grant(100, source="L")
    hold = told.hold(60)
    told.take_back("L", 100)
    assert told.lot(1) == {"held": 60, "voided": 40}
    told.capture(hold, 10)
    assert told.kinds_since(3) == [("capture", -10), ("takeback", -60)]
    assert (told.lot(1), told.balance()) == ({"spent": 10, "voided": 100, "owed": -10}, -10)


def test_a_reverse_pays_what_the_lot_itself_owes(told):
    told.grant(100, source="L")
    spent = told.spend(80)
    told.take_back("L", 100)
    assert told.lot(1) == {"spent": 80, "voided": 100, "owed": -80}
    told.reverse(spent, 30)
    assert (told.lot(1), told.balance()) == ({"spent": 50, "voided": 100, "owed": -50}, -50)
    assert told.account["entries"][-1]["moves"] == {(1, "spent", "available"): 30, (1, "available", "owed"): 30}


def test_what_comes_back_after_its_lot_has_ended_is_granted_for_a_day_more(told):
    told.grant(100, hours=1)
    told.grant(10)
    spent = told.spend(105)
    told.later(25)
    told.reverse(spent, 40)
    assert told.kinds_since(3) == [("reverse", 40), ("expire", -40)]
    told = Telling()
    told.grant(100, hours=1)
    told.grant(10)
    spent = told.spend(105)
    told.later(24)
    told.reverse(spent, 102)
    assert told.kinds_since(3) == [("reverse", 102), ("expire", -100), ("grant", 100)]
    assert [entry["key"] for entry in told.account["entries"]][4:] == ["expire:1:0", "regrant:4:1"]
    lot = told.account["lots"][6]
    assert (lot["kind"], lot["source"], lot["ends_at"]) == ("purchased", ("reverse", "4:1"), NOON + 25 * HOUR)
    told.reverse(spent, 3)
    assert told.balance() == 110


def test_everything_due_ends_in_the_order_of_time(told):
    told.grant(10, hours=3)  # lot 1
    told.grant(20, hours=2)  # lot 2, pays first
    told.hold(25, hours=2)  # 20 of lot 2, 5 of lot 1
    told.hold(3, hours=4)
    told.later(4)
    told.account, seqs = expire(told.account, told.now)
    assert seqs == [5, 6, 7, 8, 9]
    assert [entry["key"] for entry in told.account["entries"][4:]] == [
        "release:3",
        "expire:2:0",
        "expire:1:0",
        "release:4",
        "expire:1:7",
    ]
    assert told.kinds_since(4) == [("release", 0), ("expire", -20), ("expire", -7), ("release", 0), ("expire", -3)]


def test_at_the_very_instant_it_is_over(told):
    told.grant(10, hours=1)
    assert shown(told.account, NOON + HOUR - dt.timedelta(microseconds=1))["available"] == 10
    assert shown(told.account, NOON + HOUR)["available"] == 0
    told = Telling()
    told.grant(10)
    hold = told.hold(10, hours=1)
    told.later(1)
    with pytest.raises(RefusedError) as refused:
        told.capture(hold, 1)
    assert (refused.value.name, refused.value.facts) == ("HoldClosed", {"hold": hold, "state": "expired"})
    assert told.account["holds"][hold]["state"] == "open"  # a refused operation leaves nothing
    assert told.spend(10)


def test_what_a_hold_gives_back_pays_a_debt_at_its_end(told):
    told.grant(100, source="L")
    told.spend(70)
    told.grant(50, source="M")
    told.hold(60)
    told.take_back("L", 100)
    assert told.lot(1) == {"held": 30, "spent": 70, "voided": 70, "owed": -70}
    assert (told.lot(3), told.balance()) == ({"held": 30, "owed": 20}, 10)
    told.later(1)
    assert told.balance() == -20
    told.account, _ = expire(told.account, told.now)
    assert told.kinds_since(5) == [("release", 0), ("takeback", -30)]
    assert (told.lot(1), told.lot(3)) == ({"spent": 70, "voided": 100, "owed": -70}, {"owed": 50})
