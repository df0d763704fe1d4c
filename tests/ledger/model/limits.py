"""Spend limits of the model: nothing is counted along the way, every window is counted anew from all that happened."""

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

from tests.ledger.model.account import RefusedError, copied, seal
from tests.ledger.model.finishing import settle_due

A_MOMENT = dt.timedelta(minutes=15)  # no zone's clock is set but at a quarter of an hour


def set_limit(account, limit, *, may_stop_now, now):
    """The account with one more limit, or with another one for the same key and period. What is due is written."""
    after = copied(account)
    settle_due(after, now)
    seal(after, len(account["entries"]), now)
    own = {name: limit[name] for name in ("credits", "pauses", "is_money")}
    after["limits"] = account["limits"] | {(limit["key_id"], limit["period"]): own}
    stands = standing(after, limit["key_id"], limit["period"], now)
    if limit["pauses"] and not may_stop_now and stands["used"] + stands["held"] >= limit["credits"]:
        facts = {"limit": limit["credits"], "used": stands["used"], "held": stands["held"]}
        raise RefusedError("LimitAlreadyReached", **facts)
    return after


def drop_limit(account, key_id, period):
    """The account without this limit."""
    left = {of: limit for of, limit in account["limits"].items() if of != (key_id, period)}
    return account | {"limits": left}


def check_limits(account, needed, key_id, now):
    """Refuse what would go above a limit of the account, or of the key that asks."""
    above = []
    for (of, period), limit in account["limits"].items():
        stands = standing(account, of, period, now)
        if of in {0, key_id} and limit["pauses"] and stands["used"] + stands["held"] + needed > limit["credits"]:
            above.append(refusal(of, period, limit, stands, needed))
    if above:  # no rule says which of several is told
        raise RefusedError("SpendLimitReached", **(above[0] if len(above) == 1 else {}))


def refusal(of, period, limit, stands, needed):
    left = max(0, limit["credits"] - stands["used"] - stands["held"])
    facts = {"needed": needed, "limit": limit["credits"], "used": stands["used"], "held": stands["held"]}
    facts |= {"left": left, "period": period, "key": of or None, "resets_at": stands["ends_at"].isoformat()}
    return facts


def standing(account, of, period, now):
    """What counts toward a limit in its present window: of the whole account (0), or of one key only."""
    starts_at, ends_at = window(period, account["zone"], now)
    used = held = 0
    for at, key_id, part, is_held in counted(account):
        if starts_at <= at < ends_at and of in {0, key_id}:
            used += 0 if is_held else part
            held += part if is_held else 0
    return {"used": used, "held": held, "starts_at": starts_at, "ends_at": ends_at}


def counted(account):
    """All that was ever used, and all that is on hold: when it counts, for which key, how much, and whether on hold."""
    for hold in account["holds"].values():
        if hold["state"] == "open":
            yield hold["made_at"], hold["key_id"], hold["credits"], True
    for use in account["entries"]:
        if use["kind"] == "spend":
            yield use["written_at"], use["key_id"], -use["credits"] - returned(account, use), False
        elif use["kind"] == "capture":
            hold = account["holds"][use["hold"]]
            above = max(0, -use["credits"] - hold["credits"])
            within = -use["credits"] - above
            back = returned(account, use)
            yield use["written_at"], use["key_id"], above - min(above, back), False
            yield hold["made_at"], hold["key_id"], within - max(0, back - above), False


def returned(account, use):
    return sum(entry["credits"] for entry in account["entries"] if entry["reverses"] == use["seq"])


def window(period, zone, now):
    """The day, the week from Monday or the month in which the instant is, by the clocks of the zone."""
    today = now.astimezone(ZoneInfo(zone)).date()
    first = {
        "day": today,
        "week": today - dt.timedelta(days=today.isoweekday() - 1),
        "month": today.replace(day=1),
    }[period]
    after = {"day": first + dt.timedelta(days=1), "week": first + dt.timedelta(days=7)}.get(period)
    if after is None:
        after = (first + dt.timedelta(days=31)).replace(day=1)
    return begin_of(first, zone), begin_of(after, zone)


@cache
def begin_of(day, zone):
    """The first instant of a day: some have no midnight, some have two."""
    instant = dt.datetime.combine(day - dt.timedelta(days=1), dt.time(), tzinfo=dt.UTC)
    while instant.astimezone(ZoneInfo(zone)).date() < day:
        instant += A_MOMENT
    return instant
