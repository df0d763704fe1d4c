"""Steps about spend limits: setting and dropping them, the edge of what is left, and the edges of their windows."""

from hypothesis import strategies as st

from tests.ledger.model.limits import standing
from tests.ledger.stories.steps import HOUR, INSTANT, METERS, PICKS, WAITS, WHO, key_of, picked, step
from tests.ledger.stories.telling import STARTS_AT

PERIODS = st.sampled_from(["day", "day", "week", "month"])
MOST = st.sampled_from([5, 20, 40, 80, 80, 120])  # credits
PAUSES = st.sampled_from([True, True, True, False])
ZONES = st.sampled_from(["UTC", "America/Havana", "Pacific/Kiritimati"])


class Limiting:
    """What stories tell of limits; `telling`, `tell`, `use` and `uses` are those of `Stories`."""

    @step(wait=WAITS, who=WHO, meter=METERS, period=PERIODS, credits=MOST, pauses=PAUSES, may_stop_now=st.booleans())
    def set_limit(self, wait, who, meter, period, credits, pauses, may_stop_now):
        self.telling.pass_time(wait * HOUR)
        limit = {"key_id": key_of(meter), "period": period, "credits": credits, "pauses": pauses, "is_money": False}
        self.telling.set_limit(who, limit, may_stop_now=may_stop_now)

    @step(who=WHO, pick=PICKS, period=PERIODS)
    def drop_limit(self, who, pick, period):
        """One there is, or one that may not be there."""
        of = picked([*self.telling.accounts[who]["limits"], (0, period)], pick)
        self.telling.drop_limit(who, *of)

    @step(times=2, wait=WAITS, who=WHO, pick=PICKS, more=st.sampled_from([0, 0, 1]), as_hold=st.booleans())
    def use_what_is_left(self, wait, who, pick, more, as_hold):
        """All that is left of a limit, or one credit too many."""
        self.telling.pass_time(wait * HOUR)
        account = self.telling.accounts[who]
        if not account["limits"]:
            return
        of, period = picked(list(account["limits"]), pick)
        stands = standing(account, of, period, self.telling.now)
        left = account["limits"][of, period]["credits"] - stands["used"] - stands["held"] + more
        if left > 0 and as_hold:
            self.tell(who, "hold", credits=left, lasts_seconds=7200, key_id=of)
        elif left > 0:
            self.tell(who, "spend", **self.use(left, "call_minute" if of else "", None))

    @step(
        times=3,
        who=WHO,
        pick=PICKS,
        earlier=st.sampled_from([0, 0, 1]),
        credits=st.sampled_from([4, 10, 20]),
        meter=METERS,
        percent=st.sampled_from([0, 50, 100, 200, 200]),
        by=METERS,
        returned=st.sampled_from([0, 30, 60, 100]),
    )
    def work_over_the_edge(self, who, pick, earlier, credits, meter, percent, by, returned):
        """A hold before a window's end and its capture in the next one, or one microsecond before; then a reverse."""
        account = self.telling.accounts[who]
        if not account["limits"]:
            return
        ends_at = standing(account, *picked(list(account["limits"]), pick), self.telling.now)["ends_at"]
        begin = max(ends_at - HOUR, self.telling.now)
        if not STARTS_AT <= begin < STARTS_AT + 800 * HOUR:
            return
        self.telling.pass_time(begin - self.telling.now)
        answer = self.tell(who, "hold", credits=credits, lasts_seconds=3600, key_id=key_of(meter))
        self.tell(who, "spend", **self.use(1, meter, None))
        self.telling.compare_everything()
        self.telling.pass_time(ends_at - earlier * INSTANT - self.telling.now)
        if isinstance(answer, dict) and percent and self.telling.now < ends_at + earlier * INSTANT:
            use = self.use(credits * percent // 100, by, None)
            self.tell(who, "capture", hold_seq=answer["entry"], may_exceed_hold=True, **use)
            self.telling.compare_everything()
        if returned and self.uses():
            of, entry_seq, used = picked(self.uses(), 0)
            self.tell(of, "reverse", entry_seq=entry_seq, credits=-(-used * returned // 100), description="")

    @step(who=WHO, zone=ZONES)
    def move_to(self, who, zone):
        self.telling.move_to(who, zone)
