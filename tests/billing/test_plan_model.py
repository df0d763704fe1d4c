"""Random lives of subscriptions against the formula: no sequence of switches and renewals gives more than it says.

The formula is worked out here from what was done at Stripe alone: the plan that each period began with, and each step
above all plans the period had so far, for the share of it that was left.
"""

import datetime as dt
import random
from collections import Counter

from tests.billing.subscribing import MAX, START, Subscribing, at
from tests.support.people import make_user

ALLOWANCES = {"plus": 500, "pro": 2000, "max": 5000}
SEED = 20261126
STEPS = 14


def expected(began: dt.datetime, ends: dt.datetime, levels: list[tuple[dt.datetime, int]]) -> int:
    """What a period gives: its first level, and each rise above the highest so far, by whole seconds, rounded down."""
    total = highest = levels[0][1]
    for moment, level in levels[1:]:
        rise = max(level - highest, 0)
        total += rise * int((ends - moment).total_seconds()) // int((ends - began).total_seconds())
        highest = max(highest, level)
    return total


class Life:
    """One subscriber whose events come late, twice, or in any order, but all before the period is over."""

    def __init__(self, subscribing: Subscribing, number: int, met: Counter[str]) -> None:
        self.subscribing, self.met = subscribing, met
        self.chance = random.Random(SEED + number)
        subscribing.user = make_user(f"plan{number}@example.com")
        self.now, self.levels, self.given = START, [], []
        slug = self.chance.choice(sorted(ALLOWANCES))
        with at(self.now):
            self.id = subscribing.subscribe(slug)
            self.began, self.ends = self.span()
        self.levels = [(self.began, ALLOWANCES[slug])]

    def span(self) -> tuple[dt.datetime, dt.datetime]:
        item = self.subscribing.at_stripe(self.id)["items"]["data"][0]
        began, ends = item["current_period_start"], item["current_period_end"]
        return dt.datetime.fromtimestamp(began, dt.UTC), dt.datetime.fromtimestamp(ends, dt.UTC)

    def step(self) -> None:
        what = self.chance.choice(("switch", "switch", "tell", "renew", "cancel and resume"))
        self.met[what] += 1
        left = self.ends - self.now
        self.now += left * self.chance.random() * 0.6
        self.now = self.now.replace(microsecond=0)
        with at(self.now):
            if what == "switch":
                self.switch()
            elif what == "tell":
                self.subscribing.tell_shuffled(self.chance.randrange(2**32))
            elif what == "cancel and resume":
                self.subscribing.simulator.cancel(self.id, at_period_end=True)
                self.subscribing.simulator.resume(self.id)
        if what == "renew":
            self.renew()

    def switch(self) -> None:
        slug = self.chance.choice(sorted(ALLOWANCES))
        self.subscribing.simulator.switch_plan(self.id, self.subscribing.price_of(slug))
        self.levels.append((self.now, ALLOWANCES[slug]))

    def end_period(self) -> None:
        """Everything is told before the period is over, in any order and some of it twice."""
        with at(self.ends - dt.timedelta(seconds=1)):
            seed = self.chance.randrange(2**32)
            self.subscribing.tell_shuffled(seed)
        self.given.append(expected(self.began, self.ends, self.levels))

    def renew(self) -> None:
        self.end_period()
        self.now = self.ends
        with at(self.now):
            self.subscribing.simulator.renew(self.id)
            self.began, self.ends = self.span()
        self.levels = [(self.began, self.levels[-1][1])]

    def check(self) -> None:
        self.end_period()
        with at(self.now):
            assert [one.given_credits for one in self.subscribing.periods()] == self.given
            for one in self.subscribing.periods():
                assert one.given_credits <= one.highest_credits
            assert sum(granted for _, granted, _ in self.subscribing.given()) == sum(self.given)
            self.subscribing.assert_sound()


def test_no_life_of_switches_and_renewals_gives_more_or_less_than_the_formula(subscribing, one_in):
    subscribing.sell(MAX)
    met: Counter[str] = Counter()
    for number in range(60 if one_in == 1 else 4):
        life = Life(subscribing, number, met)
        for _ in range(STEPS):
            life.step()
        life.check()
    assert min(met.values()) >= 4, "each kind of step was met"
