"""Fixtures of the tests of spend limits: an account with credits to spare, told about in few words."""

from dataclasses import dataclass

import pytest

from webapp.ledger import operations
from webapp.ledger.operations import SpendLimit
from webapp.ledger.queries import limit_standings
from webapp.ledger.verify import verify


@dataclass
class Limited:
    """Operations of one account with keys of their own, and how its limits stand."""

    session: object
    account_id: int
    steps: int = 0

    def limit(self, credits, period="day", *, key_id=0, pauses=True, may_stop_now=False, now):
        limit = SpendLimit(key_id, period, credits, pauses=pauses, is_money=False)
        return operations.set_limit(self.session, self.account_id, limit, may_stop_now=may_stop_now, now=now)

    def tell(self, operation, *numbers, **facts):
        self.steps += 1
        given = {"key": f"k{self.steps}"} | facts
        return getattr(operations, operation)(self.session, self.account_id, *numbers, **given)

    def spend(self, credits, **facts):
        return self.tell("spend", credits=credits, **facts).entry.seq

    def hold(self, credits, **facts):
        return self.tell("hold", credits=credits, **{"lasts_seconds": 3600} | facts).entry.seq

    def capture(self, hold, credits, **facts):
        return self.tell("capture", hold, credits=credits, may_exceed_hold=True, **facts).entry.seq

    def release(self, hold, **facts):
        return self.tell("release", hold, **facts).entry.seq

    def reverse(self, entry, credits, **facts):
        return self.tell("reverse", entry, credits=credits, **facts).entry.seq

    def zone(self, time_zone):
        operations.set_time_zone(self.session, self.account_id, time_zone)

    def stands(self, now, *, key_id=0, period="day"):
        """(used, held) of a limit. Whatever a window has counted is what entries say."""
        assert verify(self.session, self.account_id, now=now).faults == ()
        (found,) = [
            one
            for one in limit_standings(self.session, self.account_id, now=now)
            if (one.limit.key_id, one.limit.period) == (key_id, period)
        ]
        return found.used, found.held


@pytest.fixture
def of(session, account_id, give):
    give(1000)
    return Limited(session, account_id)
