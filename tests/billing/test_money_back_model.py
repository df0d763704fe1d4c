"""Stories of an account whose money comes back: told late, doubled, dropped, then asked for; equal to the model.

The model is the ledger's own (`tests/ledger/model`), which shares no code with it. What its facts are is read here
from the simulated Stripe, by the rules alone.
"""

import datetime as dt
import random
from collections import Counter
from typing import Any

import pytest
import time_machine
from sqlalchemy.orm import Session

from tests.billing.buying import Buying
from tests.billing.returning import Telling, dispute, end_refund, move, payment_of, refund, taken
from tests.ledger.model import operations as model
from tests.ledger.model.account import RefusedError, new_account
from tests.ledger.stories import comparing
from tests.support.people import make_user
from webapp.billing.models import Purchase
from webapp.extensions import db, transact
from webapp.ledger import operations as ledger
from webapp.ledger.errors import LedgerRefusal
from webapp.ledger.verify import verify
from webapp.orm import utc_now
from webapp.simulator.disputing import steps_of
from webapp.simulator.errors import StripeRefusal
from webapp.web.money_back import ask_money_back

SEED = 20261126
STEPS = 70
USE = {"meter": "", "key_id": 0}


class Story:
    """A new account in the ledger and in the model, its purchases at Stripe, and the events that nobody has told."""

    def __init__(self, buying: Buying, chance: random.Random, number: int, clock: Any, met: Counter[str]) -> None:
        self.buying, self.chance, self.clock, self.met = buying, chance, clock, met
        buying.user = make_user(f"story{number}@example.com")
        self.name, self.account = f"story{number}", new_account()
        self.bought: list[Purchase] = []
        self.refunds: list[str] = []
        self.disputes: list[str] = []
        self.events: list[tuple[Purchase, Telling]] = []
        self.told: set[str] = set()
        self.numbers = 0

    def key(self) -> str:
        self.numbers += 1
        return f"{self.name}:{self.numbers}"

    def tell_ledger(self, operation: str, **request: Any) -> None:
        """One operation of the product, to both; they must agree whether it is refused."""
        request = {"key": self.key()} | request
        now = utc_now()
        try:
            self.account, _ = model.tell(self.account, operation, request, now)
            expected = None
        except RefusedError as refused:
            expected = refused.name
        run, account_id = getattr(ledger, operation), self.buying.user.account_id
        try:
            transact(lambda session: run(session, account_id, **request, now=now))
            found = None
        except LedgerRefusal as refused:
            found = type(refused).__name__
        assert found == expected, operation
        self.met[operation] += found is None

    # Steps.

    def buy(self) -> None:
        purchase = self.buying.paid("starter", key=self.key())
        self.bought.append(purchase)
        self.note(purchase)

    def give(self) -> None:
        ends_at = utc_now() + dt.timedelta(hours=self.chance.randint(1, 5))
        facts = {"source_kind": "promotion", "source_id": self.key(), "description": "", "expires_at": ends_at}
        self.tell_ledger("grant", kind="bonus", credits=self.chance.randint(5, 60), **facts)

    def spend(self) -> None:
        self.tell_ledger("spend", credits=self.chance.choice([1, 7, 30, 80]), **USE)

    def hold(self) -> None:
        self.tell_ledger("hold", credits=self.chance.choice([5, 20, 60]), lasts_seconds=self.chance.choice([900, 7200]))

    def finish_hold(self) -> None:
        is_open = [n for n, hold in self.account["holds"].items() if hold["state"] == "open"]
        if not is_open:
            return
        number = self.chance.choice(is_open)
        if self.chance.random() < 0.5:
            self.tell_ledger("release", hold_seq=number)
        else:
            self.tell_ledger("capture", hold_seq=number, credits=self.chance.randint(1, 6), **USE)

    def wait(self) -> None:
        self.clock.shift(dt.timedelta(minutes=self.chance.choice([1, 20, 90])))

    def refund(self) -> None:
        self.at_stripe(lambda purchase: self.refunds.append(self.refunded(purchase)))

    def refunded(self, purchase: Purchase) -> str:
        amount_minor = self.chance.choice([None, 1, 99, 250, 500])
        course = self.chance.choice(["succeeds", "pending", "asks"])
        return refund(self.buying, purchase, amount_minor, course)["id"]

    def end_refund(self) -> None:
        if self.refunds:
            chosen, end = self.chance.choice(self.refunds), self.chance.choice(["succeeds", "fails", "fails"])
            self.at_stripe(lambda _: self.met.update([end] * bool(end_refund(self.buying, chosen, end))))

    def dispute(self) -> None:
        self.at_stripe(lambda purchase: self.disputes.append(self.disputed(purchase)))

    def disputed(self, purchase: Purchase) -> str:
        amount_minor = self.chance.choice([None, 120, 500])
        opened = dispute(self.buying, purchase, amount_minor=amount_minor, is_inquiry=self.chance.random() < 0.3)
        return str(opened["id"])

    def move_dispute(self) -> None:
        if self.disputes:
            chosen = self.chance.choice(self.disputes)
            with self.buying.simulator.store.reading() as state:
                steps = steps_of(state.load("dispute", chosen))
            if steps:
                step = self.chance.choice(steps)
                self.at_stripe(lambda _: self.met.update([step] * bool(move(self.buying, chosen, step))))

    def tell(self) -> None:
        """One event, an old one told again, or all that wait; each may be forgotten for ever."""
        if not self.events:
            return
        for purchase, telling in self.chance.sample(self.events, self.chance.choice([1, 1, min(4, len(self.events))])):
            self.told_one(purchase, telling)
            if self.chance.random() < 0.7:
                self.events.remove((purchase, telling))

    # What they need.

    def at_stripe(self, happen: Any) -> None:
        if not self.bought:
            return
        purchase = self.chance.choice(self.bought)
        try:
            happen(purchase)
        except StripeRefusal:
            return
        self.note(None)

    def note(self, purchase: Purchase | None) -> None:
        for telling in taken(self.buying):
            self.events.append((purchase or self.purchase_of(telling), telling))

    def purchase_of(self, telling: Telling) -> Purchase:
        body, _ = self.buying.simulator.deliveries.signed(telling.event_id, now=0)
        text = body if isinstance(body, str) else body.decode()
        return next(purchase for purchase in self.bought if payment_of(self.buying, purchase) in text)

    def told_one(self, purchase: Purchase, telling: Telling) -> None:
        answer = self.buying.tell(telling.event_id)
        assert answer.status_code == 200, telling
        if answer.json["state"] == "handled" and telling.event_id not in self.told:
            self.told.add(telling.event_id)
            self.expect(purchase, is_money_back=telling.kind.startswith(("refund", "charge")))
            self.met["told"] += 1

    def expect(self, purchase: Purchase, *, is_money_back: bool) -> None:
        """What an event of the payment, or asking, does: the grant, once, and its claims as Stripe has them now."""
        now, source = utc_now(), ("purchase", purchase.id)
        facts = {"source_kind": source[0], "source_id": source[1]}
        if source not in [lot["source"] for lot in self.account["lots"].values()]:
            grant = {"key": f"purchase:{purchase.id}", "kind": "purchased", "credits": 100, "expires_at": None}
            self.account, _ = model.tell(self.account, "grant", {**grant, **facts, "description": "Starter pack"}, now)
        if is_money_back:
            returned, disputed, is_any = self.money_of(purchase)
            if is_any:
                facts |= {"total_minor": 500, "returned_minor": returned, "disputed_minor": disputed, "is_floor": False}
                self.account, _ = model.settle_takeback(self.account, facts, now)

    def money_of(self, purchase: Purchase) -> tuple[int, int, bool]:
        """By the rules: refunds that have not failed and disputes whose money is away; other open disputes."""
        intent_id = payment_of(self.buying, purchase)
        with self.buying.simulator.store.reading() as state:
            refunds = [state.load("refund", made) for made in self.refunds]
            disputes = [state.load("dispute", opened) for opened in self.disputes]
        refunds = [made for made in refunds if made["payment_intent"] == intent_id]
        disputes = [opened for opened in disputes if opened["payment_intent"] == intent_id]
        away = [opened for opened in disputes if len(opened["balance_transactions"]) % 2]
        ends = {"won", "lost", "warning_closed"}
        asked = [opened for opened in disputes if opened not in away and opened["status"] not in ends]
        returned = sum(made["amount"] for made in refunds if made["status"] not in {"failed", "canceled"})
        returned = min(500, returned + sum(opened["amount"] for opened in away))
        return returned, min(500 - returned, sum(one["amount"] for one in asked)), bool(refunds or disputes)

    def compare(self) -> None:
        with Session(db.engine) as session:
            comparing.compare_balance(session, self.buying.user.account_id, self.account, utc_now())

    def compare_all(self) -> None:
        account_id = self.buying.user.account_id
        with Session(db.engine) as session:
            comparing.compare_balance(session, account_id, self.account, utc_now())
            comparing.compare_lots(session, account_id, self.account)
            comparing.compare_postings(session, account_id, self.account, 0)
            comparing.compare_holds(session, account_id, self.account)
            assert verify(session, account_id, now=utc_now()).faults == ()

    def ask(self) -> None:
        """Whatever was dropped: ask Stripe about each purchase, as reconciliation does."""
        for purchase in self.bought:
            if self.buying.purchase(purchase).state == "open":
                self.buying.settle(purchase)
            ask_money_back(self.buying.gateway, purchase.account_id, purchase.id, now=utc_now())
            self.expect(purchase, is_money_back=True)


WEIGHTS = {
    "buy": 2, "give": 2, "spend": 4, "hold": 3, "finish_hold": 2, "wait": 4, "refund": 3, "end_refund": 3,
    "dispute": 2, "move_dispute": 3, "tell": 9,
}  # fmt: skip
# Each of them must have happened in the stories of the gate, or they prove little.
MUST_MEET = ("grant", "spend", "hold", "capture", "release", "succeeds", "fails", "withdraw", "win", "lose", "told")


def test_stories_told_late_doubled_and_dropped_then_asked_for_equal_the_model(buying, one_in):
    chance, met = random.Random(SEED), Counter[str]()
    with time_machine.travel(utc_now(), tick=False) as clock:
        for number in range(45 // one_in):
            story = Story(buying, chance, number, clock, met)
            story.buy()
            for step in chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=STEPS):
                getattr(story, step)()
                story.compare()
            story.ask()
            story.compare_all()
            before = len(story.account["entries"])
            story.ask()
            story.compare_all()
            assert len(story.account["entries"]) == before, "asked again, nothing changes"
            met["debt"] += model.shown(story.account, utc_now())["debt"] > 0
            met["entries"] += before
    assert all(met[name] for name in MUST_MEET), met
    assert met["entries"] > 20 * 45 // one_in


def test_the_model_notices_a_claim_that_is_not_settled(buying):
    """The comparison itself: a refund that only one of the two has heard of."""
    with time_machine.travel(utc_now(), tick=False) as clock:
        story = Story(buying, random.Random(SEED), 1, clock, Counter())
        story.buy()
        story.refunds.append(refund(buying, story.bought[0], 100)["id"])
        story.expect(story.bought[0], is_money_back=True)
        with pytest.raises(AssertionError):
            story.compare()
        story.ask()
        story.compare_all()
