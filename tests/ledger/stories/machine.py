"""Random stories: what may happen next, and how long one waits before it."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.ledger.model.account import PRIORITY
from tests.ledger.model.finishing import next_end
from tests.ledger.stories.limiting import MOST, PAUSES, PERIODS, Limiting
from tests.ledger.stories.steps import HOUR, INSTANT, METERS, NAMES, PICKS, STEPS, WAITS, WHO, key_of, picked, step
from tests.ledger.stories.telling import STARTS_AT, Telling

LATE = STARTS_AT + 1000 * HOUR  # lots that never end end later
KINDS = st.sampled_from([*sorted(PRIORITY), "purchased", "purchased"])
LIFETIMES = st.sampled_from([None, None, None, 1, 2, 3, 6])  # in hours
LASTS = st.sampled_from([1, 900, 3600, 7200, 7200, 86_400, 86_400])  # in seconds
DAYS_AGO = st.sampled_from([None, None, 0, 1, 40])
DESCRIPTIONS = st.sampled_from(["", "Outbound call", "Anruf – 12 min"])
FINGERPRINTS = st.sampled_from([None, None, None, "f1"])
TOTALS = st.sampled_from([100, 100, 100, 7, 0])
MONEY = st.sampled_from([0, 0, 0, 25, 50, 100, 101])  # in percent of the total


class Stories(Limiting, RuleBasedStateMachine):
    """Tells the same story to the ledger and to the model, and compares everything after every step."""

    engine = None
    met = None

    def __init__(self):
        super().__init__()
        self.telling = Telling(self.engine, self.met)
        self.requests = []
        self.payments = [0, 0]

    def teardown(self):
        self.telling.close()

    @initialize(
        lots=st.lists(st.tuples(WHO, KINDS, st.integers(10, 60), LIFETIMES), min_size=4, max_size=7),
        limits=st.lists(st.tuples(WHO, METERS, PERIODS, MOST, PAUSES), max_size=3),
    )
    def begin_with_some_lots(self, lots, limits):
        for who, *limit in limits:
            self.set_limit(0, who, *limit, may_stop_now=False)
        for who, kind, given, hours in lots:
            self.give(0, who, kind, given, hours, "")

    @rule(what=st.deferred(lambda: st.sampled_from(NAMES)).flatmap(lambda name: st.tuples(st.just(name), STEPS[name])))
    def next(self, what):
        """One step: its name, and what was drawn for it."""
        name, drawn = what
        getattr(self, name)(**drawn)

    def new_key(self):
        return f"k{len(self.requests)}"

    def tell(self, who, operation, **request):
        request = {"key": self.new_key()} | request
        self.requests.append((who, operation, request))
        return self.telling.tell(who, operation, request)

    @step(
        times=2,
        wait=WAITS,
        who=WHO,
        kind=KINDS,
        credits=st.integers(10, 60),
        hours=LIFETIMES,
        description=DESCRIPTIONS,
        known=st.sampled_from([None, None, None, None, (50, 0), (0, 50), (30, 30), (100, 0)]),
    )
    def give(self, wait, who, kind, credits, hours, description, known=None):
        """A payment gives its credits; `known` facts about its money may have come first."""
        self.telling.pass_time(wait * HOUR)
        source = ("purchase", f"p{self.payments[who]}")
        self.payments[who] += 1
        if known is not None:
            self.telling.tell_facts(who, source, 100, *known, is_floor=False)
            self.telling.compare_everything()
        facts = {"source_kind": source[0], "source_id": source[1], "description": description}
        facts["expires_at"] = None if hours is None else self.telling.now + hours * HOUR
        self.tell(who, "grant", kind=kind, credits=credits, **facts)

    @step(
        times=3,
        wait=WAITS,
        who=WHO,
        credits=st.sampled_from([1, 2, 3, 5, 8, 20, 40, 60]),
        meter=METERS,
        days_ago=DAYS_AGO,
        description=DESCRIPTIONS,
        fingerprint=FINGERPRINTS,
    )
    def spend(self, wait, who, credits, meter, days_ago, description, fingerprint):
        self.telling.pass_time(wait * HOUR)
        use = self.use(credits, meter, days_ago)
        self.tell(who, "spend", description=description, fingerprint=fingerprint, **use)

    def use(self, credits, meter, days_ago):
        occurred_at = None if days_ago is None else self.telling.now - dt.timedelta(days=days_ago)
        return {"credits": credits, "meter": meter, "key_id": key_of(meter), "occurred_at": occurred_at}

    @step(
        wait=WAITS,
        lines=st.lists(
            st.tuples(st.integers(0, 1), st.sampled_from([1, 2, 3, 20, 60, 0]), METERS, st.sampled_from([0, 0, 0, 1])),
            min_size=2,
            max_size=5,
        ),
    )
    def spend_in_a_batch(self, wait, lines):
        """Some lines of a batch are the line before told again."""
        self.telling.pass_time(wait * HOUR)
        told = []
        for who, used, meter, is_again in lines:
            line = (who, {"key": self.new_key()} | self.use(used, meter, None))
            told.append(told[-1] if told and is_again else line)
            self.requests.append((told[-1][0], "spend", told[-1][1]))
        answers = self.telling.tell_batch(told)
        self.met["batch over two accounts"] += len({who for who, _ in told}) > 1
        is_good = [isinstance(answer, dict) for answer in answers]
        self.met["batch of good and bad lines"] += any(is_good) and not all(is_good)
        self.met["key twice in a batch"] += any(answer["replayed"] for answer in answers if isinstance(answer, dict))

    @step(
        wait=WAITS,
        who=WHO,
        credits=st.sampled_from([1, 3, 10, 20, 40]),
        seconds=LASTS,
        meter=METERS,
        description=DESCRIPTIONS,
    )
    def hold(self, wait, who, credits, seconds, meter, description):
        self.telling.pass_time(wait * HOUR)
        facts = {"key_id": key_of(meter), "description": description}
        self.tell(who, "hold", credits=credits, lasts_seconds=seconds, **facts)

    @step(
        wait=WAITS,
        pick=PICKS,
        percent=st.sampled_from([1, 50, 50, 100, 100, 200]),
        may_exceed=st.booleans(),
        meter=METERS,
        days_ago=DAYS_AGO,
    )
    def capture(self, wait, pick, percent, may_exceed, meter, days_ago):
        self.telling.pass_time(wait * HOUR)
        if not self.with_holds():
            return
        who, hold_seq = picked(self.with_holds(), pick)
        held = self.telling.accounts[who]["holds"][hold_seq]["credits"]
        use = self.use(max(1, held * percent // 100), meter, days_ago)
        self.tell(who, "capture", hold_seq=hold_seq, may_exceed_hold=may_exceed, **use)

    @step(wait=WAITS, pick=PICKS)
    def release(self, wait, pick):
        self.telling.pass_time(wait * HOUR)
        if not self.with_holds():
            return
        who, hold_seq = picked(self.with_holds(), pick)
        self.tell(who, "release", hold_seq=hold_seq)

    def with_holds(self):
        """The holds of both accounts; closed ones come seldom."""
        held = [(who, n, hold) for who in (0, 1) for n, hold in self.telling.accounts[who]["holds"].items()]
        is_open = [(who, n) for who, n, hold in held if hold["state"] == "open"]
        return [(who, n) for who, n, hold in held if hold["state"] != "open"][-1:] + is_open * 3

    @step(
        times=5,
        who=WHO,
        credits=st.sampled_from([3, 10, 20, 40]),
        meter=METERS,
        seconds=LASTS,
        waits=st.sampled_from([0, 0, 1, 2, 3]),
        returned=st.sampled_from([None, None, 50, 100]),
        percent=st.sampled_from([0, 1, 50, 50, 100, 200, 200]),
        given=st.sampled_from([None, None, None, 20]),
        may_exceed=st.sampled_from([True, True, False]),
        is_told_again=st.booleans(),
    )
    def work_on_hold(self, who, credits, meter, seconds, waits, returned, percent, given, may_exceed, is_told_again):
        """A hold, perhaps a refund of what it holds or a grant that pays first, some time; then use is charged."""
        answer = self.tell(who, "hold", credits=credits, lasts_seconds=seconds, key_id=key_of(meter))
        if not isinstance(answer, dict):
            return
        one_too_many = self.use(answer["available"] + 1, "", None)
        self.telling.tell(who, "spend", {"key": "never spent"} | one_too_many)
        held = self.telling.accounts[who]["entries"][answer["entry"] - 1]["lots"]
        if returned is not None:
            self.tell_facts_of(who, held[-1][0], 100, returned, 0, is_floor=False)
        if given is not None:
            self.give(0, who, "allowance", given, 6, "")
        self.telling.compare_everything()
        self.telling.pass_time(waits * HOUR)
        if percent:
            use = self.use(max(1, credits * percent // 100), "call_minute", None)
            self.tell(who, "capture", hold_seq=answer["entry"], may_exceed_hold=may_exceed, **use)
            if is_told_again:
                self.telling.tell(*self.requests[-1])
        else:
            self.tell(who, "release", hold_seq=answer["entry"])

    @step(
        times=3,
        wait=WAITS,
        pick=PICKS,
        percent=st.sampled_from([1, 30, 50, 50, 100, 100, 101]),
        description=DESCRIPTIONS,
    )
    def reverse(self, wait, pick, percent, description):
        self.telling.pass_time(wait * HOUR)
        if not self.uses():
            return
        who, entry_seq, used = picked(self.uses(), pick)
        reversed_ = -(-used * percent // 100)
        self.tell(who, "reverse", entry_seq=entry_seq, credits=reversed_, description=description)

    @step(pick=PICKS, earlier=st.integers(0, 1))
    def reverse_a_day_after_the_end(self, pick, earlier):
        """At the instant at which a lot has been over for 24 hours, or just before it."""
        uses = [(who, n, of) for who, n, of in self.uses_with_lots() if self.telling.now < of + 24 * HOUR < LATE]
        if not uses:
            return
        who, entry_seq, ended_at = picked(uses, pick)
        self.telling.pass_time(ended_at + 24 * HOUR - earlier * INSTANT - self.telling.now)
        self.tell(who, "reverse", entry_seq=entry_seq, credits=1, description="")

    def uses_with_lots(self):
        """The uses, each with the end of the lot that paid first."""
        for who, entry_seq, _ in self.uses():
            account = self.telling.accounts[who]
            yield who, entry_seq, account["lots"][account["entries"][entry_seq - 1]["lots"][0][0]]["ends_at"]

    def uses(self):
        return [
            (who, entry["seq"], -entry["credits"])
            for who in (0, 1)
            for entry in self.telling.accounts[who]["entries"]
            if entry["kind"] in {"spend", "capture"}
        ]

    @step(
        wait=WAITS,
        pick=PICKS,
        credits=st.sampled_from([1, 2, 5, 20]),
        returned=st.sampled_from([None, None, 50, 100]),
        is_refund_first=st.booleans(),
    )
    def void(self, wait, pick, credits, returned, is_refund_first):
        """An operator takes credits of a lot, perhaps one whose payment is given back too."""
        self.telling.pass_time(wait * HOUR)
        lots = [(who, n) for who in (0, 1) for n, lot in self.telling.accounts[who]["lots"].items() if lot["available"]]
        if not lots:
            return
        who, n = picked(lots, pick)
        if returned is not None and is_refund_first:
            self.tell_facts_of(who, n, 100, returned // 2, 10, is_floor=False)
        self.tell(who, "void", grant_seq=n, credits=credits, description="Adjustment: a test")
        if returned is not None:
            self.tell_facts_of(who, n, 100, returned, 0, is_floor=False)
        elif is_refund_first:  # not of one lot then, but of all in the order of their use
            self.tell(who, "void_in_order", credits=4 * credits, description="Adjustment: more than one lot may have")

    @step(
        times=2, wait=WAITS, who=WHO, pick=PICKS, total=TOTALS, returned=MONEY, disputed=MONEY, is_floor=st.booleans()
    )
    def money_goes_back(self, wait, who, pick, total, returned, disputed, is_floor):
        self.tell_facts(wait, who, pick, total, returned, disputed, is_floor)

    @step(
        times=3,
        pick=PICKS,
        returned=st.sampled_from([30, 60, 100, 100]),
        disputed=st.sampled_from([0, 0, 40]),
        given=st.sampled_from([None, 5, 30, 100]),
        reversed_=st.sampled_from([0, 0, 1, 10]),
        in_the_end=st.sampled_from([None, 0, 0, 50]),
        is_floor=st.sampled_from([False, False, True]),
    )
    def take_back_what_was_spent(self, pick, returned, disputed, given, reversed_, in_the_end, is_floor):
        """A refund makes a debt. A grant pays it, a reverse too; the refund may fail in the end."""
        if not self.spent_lots():
            return
        who, n = picked(self.spent_lots(), pick)
        self.tell_facts_of(who, n, 100, returned, disputed, is_floor=is_floor)
        if given is not None:
            self.give(0, who, "bonus", given, 1, "")
        for entry in self.telling.accounts[who]["entries"]:
            if reversed_ and entry["kind"] in {"spend", "capture"} and n in dict(entry["lots"]):
                self.tell(who, "reverse", entry_seq=entry["seq"], credits=reversed_)
                break
        self.telling.compare_everything()
        if in_the_end is not None:
            self.tell_facts_of(who, n, 100, in_the_end, 0, is_floor=is_floor)

    def spent_lots(self):
        lots = [(who, n, lot) for who in (0, 1) for n, lot in self.telling.accounts[who]["lots"].items()]
        return [(who, n) for who, n, lot in lots if lot["spent"]]

    def tell_facts(self, wait, who, pick, total, returned, disputed, is_floor):
        """Of one of the payments so far, or of the one that comes next."""
        self.telling.pass_time(wait * HOUR)
        source = ("purchase", f"p{max(0, self.payments[who] - pick % 7)}")
        self.telling.tell_facts(who, source, total, returned, disputed, is_floor=is_floor)

    def tell_facts_of(self, who, n, total, returned, disputed, *, is_floor):
        """Of the payment behind a lot. Money is given in percent of the total."""
        source = self.telling.accounts[who]["lots"][n]["source"]
        self.telling.tell_facts(who, source, total, returned, disputed, is_floor=is_floor)

    @step(length=st.sampled_from([HOUR, HOUR, 23 * HOUR]), who=WHO, is_settled=st.booleans())
    def wait(self, length, who, is_settled):
        self.telling.pass_time(length)
        if is_settled:
            self.telling.settle(who)

    @step(times=2, who=WHO, earlier=st.sampled_from([0, 0, 1]))
    def wait_until_something_ends(self, who, earlier):
        """To the very instant, or one microsecond before."""
        ends_at = next_end(self.telling.accounts[who], dt.datetime.max.replace(tzinfo=dt.UTC))
        if ends_at is not None and STARTS_AT <= self.telling.now < ends_at < self.telling.now + 100 * HOUR:
            self.telling.pass_time(ends_at - self.telling.now - earlier * INSTANT)

    @step(
        times=2,
        pick=st.integers(0, 30),
        other=st.sampled_from([{}, {}, {"key": "k"}, {"credits": 7}, {"hold_seq": 1}, {"may_exceed_hold": True}]),
    )
    def tell_again(self, pick, other):
        """The same request, or almost the same: another key for the same source, other facts for the same key."""
        if not self.requests:
            return
        who, operation, request = picked(self.requests, pick)
        other = {name: value for name, value in other.items() if name in request}
        if operation != "grant":
            other.pop("key", None)
        self.telling.tell(who, operation, request | other)

    @step(who=WHO, number=st.sampled_from([0, 1, 2, 4, 7, 1000]), credits=st.sampled_from([1, 1, 1, 1, 0, -1]))
    def ask_for_too_much(self, who, number, credits):
        """Number 0: while spending is paused. Other numbers may be of other entries, or of none."""
        if number == 0:
            self.pause_for_a_moment(who)
            return
        self.tell(who, "reverse", entry_seq=number, credits=credits)
        self.tell(who, "void", grant_seq=number, credits=credits, description="")
        self.tell(who, "capture", hold_seq=number, credits=credits, meter="", key_id=0)
        self.tell(who, "release", hold_seq=number)

    def pause_for_a_moment(self, who):
        """While spending is paused nothing new is taken, and what is on hold may still be charged."""
        self.telling.pause(who, "operator", True)
        self.spend(0, who, 1, "", None, "", None)
        self.telling.pause(who, "owner", True)
        self.hold(0, who, 1, 3600, "", "")
        self.telling.pause(who, "operator", False)
        for n, hold in self.telling.accounts[who]["holds"].items():
            if hold["state"] == "open":
                above = self.use(hold["credits"] + 1, "", None)
                self.tell(who, "capture", hold_seq=n, may_exceed_hold=True, **above)
                self.tell(who, "capture", hold_seq=n, may_exceed_hold=True, **self.use(1, "", None))
                break
        self.spend(0, who, 1, "", None, "", None)
        self.telling.pause(who, "owner", False)

    @step(who=WHO, pick=PICKS, before=st.sampled_from([0, 0, 1, 2]))
    def look_back(self, who, pick, before):
        """At the balance of an earlier instant of the story, and at a hold."""
        told = self.telling.past[who]
        if told:
            self.telling.compare_the_past(who, max(told[0][0], picked(told, pick)[0] - before * INSTANT))
        held = list(self.telling.accounts[who]["holds"])
        self.telling.compare_a_hold(who, picked([1000, *held], pick))

    @invariant()
    def the_ledger_and_the_model_agree(self):
        self.telling.compare_everything()
