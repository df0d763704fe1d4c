"""Which thresholds an account is beyond now. Pure: the page and the writer ask the same function.

Of one occasion only the worst threshold counts: whoever uses 90 % at once is told once.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from webapp.alerts.facts import AccountFacts, Choices, Crossing, Kind, Known, weight
from webapp.alerts.models import RaisedAlert
from webapp.alerts.payments import failed_invoice, has_failed
from webapp.ledger.queries import LimitStanding, LotFacts

EXPIRING_DAYS = (1, 7, 30)
LIMIT_PERCENTS = (100, 80)
RECOVERY_TOLD_FOR = dt.timedelta(days=1)


def crossings(facts: AccountFacts, known: Known) -> tuple[Crossing, ...]:
    """Every crossing that stands now. One whose worse threshold was seen before keeps that one's name."""
    found = (
        *_depleted(facts, known.raised),
        *_payments(facts),
        *_limits(facts.limits, known.choices),
        *_allowance(facts, known.choices),
        *_low(facts, known),
        *_expiring(facts, known.choices),
    )
    return tuple(_as_seen(crossing, known.raised) for crossing in found)


def is_out(facts: AccountFacts) -> bool:
    """Whether there is nothing to spend any more; an account that never used any credits is not out of them."""
    return not facts.balance.available and bool(facts.balance.total_used)


def dismissed_at(crossing: Crossing, raised: Iterable[RaisedAlert]) -> dt.datetime | None:
    """When somebody put it away, if they did: it comes back with the next threshold or occasion."""
    return next((row.dismissed_at for row in raised if row.id == crossing.id), None)


def is_dismissible(kind: str, threshold: int, facts: dict[str, Any]) -> bool:
    """Whether it may be put away: not while it keeps the account from being used, or a payment from being made."""
    stops = kind in {"depleted", "payment"}
    return not (stops or (kind == "limit" and threshold == LIMIT_PERCENTS[0] and facts["pauses"]))


def is_over(row: RaisedAlert, standing: Iterable[Crossing], *, now: dt.datetime) -> bool:
    """Whether the occasion of a row is over. While it isn't, what falls under its threshold may rise above it again."""
    if row.ends_at is not None:
        return row.ends_at <= now
    return (row.kind, row.subject, row.occasion) not in {crossing.group for crossing in standing}


def _as_seen(crossing: Crossing, raised: Iterable[RaisedAlert]) -> Crossing:
    seen = [row.threshold for row in raised if (row.kind, row.subject, row.occasion) == crossing.group]
    worst = max((crossing.threshold, *seen), key=lambda threshold: weight(crossing.kind, threshold))
    return replace(crossing, threshold=worst)


def _allowance(facts: AccountFacts, choices: Choices) -> Iterator[Crossing]:
    allowance = facts.allowance
    if allowance is None or allowance.ends_at is None or not allowance.limit:
        return
    reached = [percent for percent in choices.percents if 100 * allowance.used >= percent * allowance.limit]
    if reached:
        told = {"used": allowance.used, "limit": allowance.limit}
        yield Crossing("allowance", "", _instant(allowance.ends_at), max(reached), allowance.ends_at, told)


def _low(facts: AccountFacts, known: Known) -> Iterator[Crossing]:
    """Under the account's own line. Whoever has nothing left at once is told that, and not this as well."""
    line, available = known.choices.low_credits, facts.balance.available
    if available >= line:
        return
    lasts = any(row.kind == "low" and row.ended_at is None for row in known.raised)
    if lasts or not is_out(facts):
        yield Crossing("low", "", _episode("low", known.raised), line, None, {"available": available})


def _depleted(facts: AccountFacts, raised: Sequence[RaisedAlert]) -> Iterator[Crossing]:
    """Out of credits; or, when that has ended lately, that it has."""
    told = {"available": facts.balance.available, "debt": facts.balance.debt}
    if is_out(facts):
        yield Crossing("depleted", "", _episode("depleted", raised), 0, None, told)
        return
    ended = next((row.occasion for row in raised if _has_just_ended(row, facts.now)), None)
    if ended is not None:
        yield Crossing("recovered", "", ended, 0, None, told)


def _has_just_ended(row: RaisedAlert, now: dt.datetime) -> bool:
    if row.ended_at is not None:
        return False
    return row.kind == "depleted" or (row.kind == "recovered" and row.raised_at > now - RECOVERY_TOLD_FOR)


def _episode(kind: Kind, raised: Iterable[RaisedAlert]) -> str:
    """The number of the episode that lasts, else of the next; in digits of one length, so that text sorts as it."""
    newest = max((row for row in raised if row.kind == kind), key=lambda row: row.occasion, default=None)
    if newest is None:
        return f"{1:08d}"
    return newest.occasion if newest.ended_at is None else f"{int(newest.occasion) + 1:08d}"


def _expiring(facts: AccountFacts, choices: Choices) -> Iterator[Crossing]:
    """Lots about to end, soonest first. An allowance is renewed, or ends with its plan: that is told elsewhere."""
    lots = [lot for lot in facts.balance.lots if lot.kind != "allowance" and lot.expires_at is not None]
    for lot in sorted(lots, key=lambda lot: (lot.expires_at, lot.grant)) if choices.expiring else ():
        yield from _expiring_lot(lot, facts.now)


def _expiring_lot(lot: LotFacts, now: dt.datetime) -> Iterator[Crossing]:
    ends_at = lot.expires_at
    days = next((days for days in EXPIRING_DAYS if ends_at and ends_at - now <= dt.timedelta(days=days)), None)
    if days is not None:
        yield Crossing("expiring", str(lot.grant), "", days, ends_at, {"credits": lot.credits, "kind": lot.kind})


def _limits(limits: Iterable[LimitStanding], choices: Choices) -> Iterator[Crossing]:
    """Limits that are reached or nearly; one that is reached and pauses is told whatever was chosen."""
    for standing in limits:
        limit, window = standing.limit, standing.window
        percent = next((one for one in LIMIT_PERCENTS if 100 * standing.counted >= one * limit.credits), None)
        if percent is None or not (choices.limits or (limit.pauses and standing.is_reached)):
            continue
        # Another limit, or another thing to happen at it, is another occasion.
        occasion = f"{_instant(window.starts_at)} {limit.credits} {'pauses' if limit.pauses else 'tells'}"
        told = {"credits": limit.credits, "used": standing.used, "held": standing.held, "pauses": limit.pauses}
        yield Crossing("limit", f"{limit.key_id}:{limit.period}", occasion, percent, window.ends_at, told)


def _payments(facts: AccountFacts) -> Iterator[Crossing]:
    row, purchase = facts.subscription, facts.failed_purchase
    if row is not None and has_failed(row):
        yield Crossing("payment", row.id, failed_invoice(row), 0, None, {"of": "subscription", "problem": row.problem})
    if purchase is not None:
        yield Crossing("payment", purchase.id, "", 0, None, {"of": "purchase", "pack": purchase.pack_slug})


def _instant(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
