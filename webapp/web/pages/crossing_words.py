"""What the banners say of thresholds that are crossed, in order; what was put away isn't said again.

Failed payments are stored as crossings too, but have banners of their own: see `alerts` and `shell`.
"""

import datetime as dt
from collections.abc import Callable

from flask import url_for

from webapp.alerts.crossings import crossings, dismissed_at, is_dismissible, is_out
from webapp.alerts.facts import AccountFacts, Crossing, weight
from webapp.alerts.payments import last_failure
from webapp.extensions import db
from webapp.ledger.queries import LimitStanding
from webapp.ledger.usage import day_of
from webapp.people.keyring import keys_of_account
from webapp.web.dates import clock, date_text
from webapp.web.display import amount, credits_word, percent_used, short_amount, worth
from webapp.web.pages.alerts import Alert, Dismissal
from webapp.web.pages.reader import Reader

MONTH_DAYS = range(28, 32)
YEAR_DAYS = range(360, 370)
EACH = {"day": "a day", "week": "a week", "month": "a month"}
# What ends a reached limit, for the label of the cross.
NEXT = {"day": "tomorrow", "week": "next week", "month": "next month"}


def account_facts(reader: Reader) -> AccountFacts:
    """How the reader's account stands, from what the page has read anyway."""
    return AccountFacts(
        balance=reader.balance,
        allowance=reader.allowance_use,
        limits=reader.limits,
        subscription=reader.plan_standing.subscription,
        failed_purchase=last_failure(reader.purchases, now=reader.now),
        now=reader.now,
    )


def crossing_alerts(reader: Reader) -> list[Alert]:
    """At most one banner of each kind, the worst first; of facts that are one in the reader's eyes only the worst."""
    facts = account_facts(reader)
    known = reader.known_alerts
    told: dict[str, Alert] = {}
    for crossing in sorted(crossings(facts, known), key=_worst_first):
        if crossing.kind in told or dismissed_at(crossing, known.raised) or _is_said_elsewhere(crossing, facts):
            continue
        found = WORDS[crossing.kind](reader, crossing)
        if found is not None:
            told[crossing.kind] = found
    return list(told.values())


def _worst_first(crossing: Crossing) -> tuple[bool, int, int]:
    """What can't be put away, then by kind, then the worst threshold; of equals those that come first stay so."""
    may_go = is_dismissible(crossing.kind, crossing.threshold, crossing.facts)
    return may_go, list(WORDS).index(crossing.kind), -weight(crossing.kind, crossing.threshold)


def _is_said_elsewhere(crossing: Crossing, facts: AccountFacts) -> bool:
    """Debts have a banner of their own, and who is out of credits needn't hear that they are few, or which are gone."""
    if crossing.kind == "depleted":
        return bool(facts.balance.debt)
    return crossing.kind in {"allowance", "low", "recovered"} and (bool(facts.balance.debt) or is_out(facts))


def _depleted(reader: Reader, _crossing: Crossing) -> Alert:
    period = reader.allowance if _resets(reader) else None
    renewal = f", or when your allowance resets on {_date(reader, period.ends_at)}" if period else ""
    text = f"Usage is paused. It starts again the moment you add credits{renewal}."
    return Alert("alert-empty", "bad", "warn", "You're out of credits", text, (_buy(),))


def _recovered(reader: Reader, crossing: Crossing) -> Alert:
    text = f"Your balance is {_amount(reader, reader.balance.available)}, and usage goes on."
    return Alert("alert-recovered", "ok", "check", "You have credits again", text, (), dismissal=_dismissal(crossing))


def _allowance(reader: Reader, crossing: Crossing) -> Alert | None:
    use = reader.allowance_use
    if use is None:
        return None
    span = _span(reader)
    whose = f"this {span}'s allowance" if span else "your allowance"
    dismissal = _dismissal(crossing, f"next {span}" if span else "")
    is_used_up = use.used >= use.limit
    share = "all" if is_used_up else percent_used(use.used, use.limit, reader.locale)
    text = _what_follows(reader, use.available, is_used_up=is_used_up)
    ways = (_buy(), _change())
    return Alert("alert-allowance", "warn", "warn", f"You've used {share} of {whose}", text, ways, dismissal=dismissal)


def _what_follows(reader: Reader, left: int, *, is_used_up: bool) -> str:
    """What becomes of usage. Where something else has stopped it nothing is promised: that has a banner of its own."""
    if is_stopped(reader):
        return ""
    return _when_used_up(reader) if is_used_up else _when_it_runs_out(reader, left)


def is_stopped(reader: Reader) -> bool:
    """Whether spending is paused, by a person or by a limit of the whole account that is reached."""
    of_account = (one for one in reader.limits if one.limit.key_id == 0 and one.limit.pauses)
    return reader.is_paused or any(one.is_reached for one in of_account)


def _when_it_runs_out(reader: Reader, left: int) -> str:
    others = reader.balance.available - left
    if others > 0:
        verb = "takes" if _is_one(reader, others) else "take"
        return f"Nothing stops when it runs out: your {_other(reader, others)} {verb} over by themselves."
    return f"When it runs out, usage stops until you add credits{_or_reset(reader)}."


def _when_used_up(reader: Reader) -> str:
    period = reader.allowance if _resets(reader) else None
    reset = f" It resets on {_date(reader, period.ends_at)}." if period else ""
    return f"Nothing stops: your {_other(reader, reader.balance.available)} took over by themselves.{reset}"


def _other(reader: Reader, credits: int) -> str:
    """`844 other credits`; in a catalogue of money `$8.44 of other credits`."""
    written = short_amount(credits, reader.catalog, reader.locale)
    if reader.catalog.display == "money":
        return f"{written} of other credits"
    return f"{written} other {credits_word(credits, reader.catalog.unit)}".strip()


def _or_reset(reader: Reader) -> str:
    period = reader.allowance if _resets(reader) else None
    return f", or until it resets on {_date(reader, period.ends_at)}" if period else ""


def _low(reader: Reader, crossing: Crossing) -> Alert:
    line = _amount(reader, reader.known_alerts.choices.low_credits)
    text = f"You have {_amount(reader, reader.balance.available)} left."
    dismissal = _dismissal(crossing, "your balance falls under it again")
    ways = (_buy(), _change())
    return Alert("alert-low", "warn", "warn", f"Your balance is under {line}", text, ways, dismissal=dismissal)


def _expiring(reader: Reader, crossing: Crossing) -> Alert | None:
    """All that ends at one instant; what remains afterwards is said too."""
    ends_at = crossing.ends_at
    lots = [lot for lot in reader.balance.lots if lot.expires_at == ends_at and lot.kind != "allowance"]
    going = sum(lot.credits for lot in lots)
    if ends_at is None or not going:
        return None
    rest = reader.balance.available - going
    verb = "expires" if _is_one(reader, going) or reader.catalog.display == "money" else "expire"
    title = f"{_amount(reader, going)} {verb} {_when(reader, ends_at)}"
    stay = f" Your {_other(reader, rest)} {'stays' if _is_one(reader, rest) else 'stay'}." if rest > 0 else ""
    kind, icon = ("info", "clock") if crossing.threshold > 7 else ("warn", "clock")
    text = f"What you don't use by then is gone.{stay}"
    dismissal = _dismissal(crossing, "they are about to expire" if crossing.threshold > 1 else "")
    return Alert("alert-expiring", kind, icon, title, text, (_change(),), dismissal=dismissal)


def _limit(reader: Reader, crossing: Crossing) -> Alert | None:
    standing = next((one for one in reader.limits if _subject(one) == crossing.subject), None)
    if standing is None:
        return None
    whose, its, way = _of_whom(reader, standing)
    size = _limit_size(reader, standing)
    until = f"until {_date(reader, standing.window.ends_at)}"
    period = standing.limit.period
    dismissal = _dismissal(crossing, NEXT[period])
    if not standing.is_reached:
        share = percent_used(standing.counted, standing.limit.credits, reader.locale)
        end = "Usage pauses there" if standing.limit.pauses else "Usage goes on beyond it: it only tells you"
        title = f"{whose} used {share} of {its} spend limit"
        return Alert("alert-limit", "warn", "warn", title, f"It is {size}. {end}.", way, dismissal=dismissal)
    title = f"{whose} reached {its} spend limit"
    if standing.limit.pauses:
        return Alert("alert-limit", "bad", "lock", title, f"It is {size}. Usage is paused {until}.", way)
    text = f"It is {size}. Usage goes on: this limit only tells you."
    return Alert("alert-limit", "warn", "warn", title, text, way, dismissal=dismissal)


def _of_whom(reader: Reader, standing: LimitStanding) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Who has used how much, whose limit it is, and where it is changed."""
    key_id = standing.limit.key_id
    if key_id == 0:
        return "You've", "your", (("Change limits", f"{url_for('settings.settings')}#settings-limits"),)
    living = keys_of_account(db.session(), reader.account_id, now=reader.now)
    name = next((key.name for key in living if key.id == key_id), "")
    whose = f"API key “{name}” has" if name else "An API key has"
    return whose, "its", (("Change limits", url_for("keys.key", key_id=key_id)),)


def _limit_size(reader: Reader, standing: LimitStanding) -> str:
    """`$40.00 a month`, or in credits where it was set in credits."""
    limit = standing.limit
    written = _amount(reader, limit.credits)
    if limit.is_money:
        written = worth(limit.credits, reader.catalog.unit, reader.locale)
    return f"{written} {EACH[limit.period]}"


def _subject(standing: LimitStanding) -> str:
    return f"{standing.limit.key_id}:{standing.limit.period}"


def _unsaid(_reader: Reader, _crossing: Crossing) -> None:
    return None


WORDS: dict[str, Callable[[Reader, Crossing], Alert | None]] = {
    "depleted": _depleted,
    "recovered": _recovered,
    "limit": _limit,
    "allowance": _allowance,
    "low": _low,
    "expiring": _expiring,
    "payment": _unsaid,
}


def _dismissal(crossing: Crossing, until: str = "") -> Dismissal | None:
    if not is_dismissible(crossing.kind, crossing.threshold, crossing.facts):
        return None
    return Dismissal(crossing.id, f"Dismiss this alert until {until}" if until else "Dismiss this alert")


def _span(reader: Reader) -> str:
    """What people call the period of the allowance: a month or a year, else nothing."""
    if reader.allowance is None:
        return ""
    days = round((reader.allowance.ends_at - reader.allowance.starts_at) / dt.timedelta(days=1))
    return "month" if days in MONTH_DAYS else "year" if days in YEAR_DAYS else ""


def _when(reader: Reader, instant: dt.datetime) -> str:
    days = (day_of(instant, reader.zone) - reader.today).days
    if days > 1:
        return f"on {_date(reader, instant)}"
    return f"{'tomorrow' if days else 'today'} at {clock(instant, reader.zone, reader.locale)}"


def _resets(reader: Reader) -> bool:
    return reader.allowance is not None and reader.plan_standing.renews(reader.allowance)


def _is_one(reader: Reader, credits: int) -> bool:
    """Whether it is written as one credit, so that the verb is that of one."""
    unit = reader.catalog.unit
    return reader.catalog.display != "money" and not unit.symbol and credits == 10**unit.decimals


def _date(reader: Reader, instant: dt.datetime) -> str:
    return date_text(instant, reader.zone, reader.locale, reader.now)


def _amount(reader: Reader, credits: int) -> str:
    return amount(credits, reader.catalog, reader.locale)


def _buy() -> tuple[str, str]:
    return "Buy credits", url_for("credits.credits")


def _change() -> tuple[str, str]:
    return "Change alerts", f"{url_for('settings.settings')}#settings-alerts"
