"""Spend controls on the dashboard: the limit that ends first, the others, the pause, and how many keys there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from webapp.extensions import db
from webapp.ledger.limits.facts import LimitStanding
from webapp.people.keyring import keys_of_account
from webapp.web.display import percent
from webapp.web.limit_words import PERIODS, TITLES, behaviour, limit_amount, limit_number, used_text
from webapp.web.meters import Meter, meter
from webapp.web.pages.reader import Reader
from webapp.web.pages.spend_limits import raise_address

OTHERS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class LimitLine:
    """One limit as the card shows it: whose and of which period, how far it is used, and where it is changed."""

    title: str
    used: str
    of: str
    text: str
    meter: Meter
    behaviour: str
    address: str
    standing: LimitStanding


def controls_card(reader: Reader) -> dict[str, Any]:
    """`dashboard/_controls_card.html`. One query for limits, if there are any, and one for keys."""
    keys = keys_of_account(db.session(), reader.account_id, now=reader.now)
    lines = limit_lines(reader, {key.id: key.name for key in keys})
    return {
        "reader": reader,
        "limit": lines[0] if lines else None,
        "other_limits": lines[1 : 1 + OTHERS_SHOWN],
        "more_limits": max(0, len(lines) - 1 - OTHERS_SHOWN),
        "active_keys": len(keys),
        "told_shares": _told_shares(reader),
        "owner_paused_at": reader.balance.owner_paused_at,
        "operator_paused_at": reader.spending_paused_at,
    }


def limit_lines(reader: Reader, names: Mapping[int, str] | None = None) -> list[LimitLine]:
    """Every limit of the account, those of its keys by their `names`, else by their numbers; the most used first."""
    return [_line(reader, standing, names or {}) for standing in sorted(reader.limits, key=_nearness)]


def _told_shares(reader: Reader) -> str:
    """The shares of an allowance that the owner is told of: `50%, 80% and 100%`."""
    *first, last = [percent(share, reader.locale) for share in reader.known_alerts.choices.percents] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _nearness(standing: LimitStanding) -> tuple[Fraction, bool, int, int]:
    """The order of limits: the most used first; of equal ones those that pause, of the account, of the longer time."""
    limit = standing.limit
    return (-Fraction(standing.counted, limit.credits), not limit.pauses, limit.key_id, PERIODS.index(limit.period))


def _line(reader: Reader, standing: LimitStanding, names: Mapping[int, str]) -> LimitLine:
    limit, catalog, locale = standing.limit, reader.catalog, reader.locale
    text = used_text(standing, catalog, locale)
    title = TITLES[limit.period]
    if limit.key_id:
        title = f"{names.get(limit.key_id, f'API key {limit.key_id}')}, {title.lower()}"
    return LimitLine(
        title=title,
        used=limit_number(standing.counted, limit, catalog, locale),
        of=f"of {limit_amount(limit.credits, limit, catalog, locale)} limit",
        text=text,
        meter=meter(standing.counted, limit.credits, text=f"{text} used", locale=locale),
        behaviour=behaviour(limit),
        address=raise_address(standing),
        standing=standing,
    )
