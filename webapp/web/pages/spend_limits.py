"""Spend controls in the settings: the limits of the account or of one key, and the pause of all spending."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import url_for

from webapp.ledger.limits.facts import LimitStanding, Period
from webapp.web.limit_words import PERIODS, TITLES, limit_text, used_text, window_words
from webapp.web.pages.forms import AS_STORED, Form
from webapp.web.pages.reader import Reader
from webapp.web.spend_limits import CONFIRMED, CREDITS, MONEY, PAUSE, TELL, WouldPause, field_text

UNITS = ((MONEY, "Money", "What the credits are worth in use"), (CREDITS, "Credits", "The credits themselves"))
ACTS = (
    (PAUSE, "Pause usage", "What would go above a limit is refused until the limit starts anew"),
    (TELL, "Only tell me", "Usage goes on; you see it here"),
)


@dataclass(frozen=True, slots=True)
class LimitField:
    """One field of the form: `text` is what it holds, `standing` the limit that is set, and `counts` since when."""

    period: Period
    title: str
    text: str
    used: str
    counts: str
    standing: LimitStanding | None


def limits(reader: Reader, form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_limits.html`: the limits of the whole account."""
    return {"reader": reader, "limits_form": form, **limit_fields(reader, form, key_id=0)}


def spending(reader: Reader, form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_spending.html`: the pause that the account's owner can make and end."""
    return {
        "reader": reader,
        "spending_form": form,
        "owner_paused_at": reader.balance.owner_paused_at,
        "operator_paused_at": reader.spending_paused_at,
    }


def limit_fields(reader: Reader, form: Form, *, key_id: int) -> dict[str, Any]:
    """`settings/_limit_fields.html`: a field for each period, the unit, and what happens at the end.

    Limits that were set one by one may differ in unit and in what they do; the form shows those of the first.
    """
    standings = {one.limit.period: one for one in reader.limits if one.limit.key_id == key_id}
    first = next((standings[period].limit for period in PERIODS if period in standings), None)
    stored = {"unit": CREDITS if first and not first.is_money else MONEY, "at_limit": PAUSE}
    if first is not None and not first.pauses:
        stored["at_limit"] = TELL
    typed = form.typed if form.refusals else stored
    is_money = reader.catalog.display == "money" or stored["unit"] == MONEY
    return {
        "limit_fields": [_field(reader, period, standings.get(period), form, is_money=is_money) for period in PERIODS],
        "limit_units": () if reader.catalog.display == "money" else UNITS,
        "limit_acts": ACTS,
        "limit_unit": typed.get("unit"),
        "limit_act": typed.get("at_limit"),
        "limit_confirms": " ".join(one.token for one in form.refusals if isinstance(one, WouldPause)),
        "limit_confirmed": CONFIRMED,
    }


def limits_by_key(reader: Reader) -> dict[int, str]:
    """The limits of each key that has some, in one line: `$10.00 a day, $40.00 a month`."""
    return {key_id: ", ".join(_texts(reader, key_id)) for key_id in {one.limit.key_id for one in reader.limits}}


def raise_address(standing: LimitStanding) -> str:
    """Where a limit is changed: the settings, or the page of its key."""
    if standing.limit.key_id:
        return url_for("keys.key", key_id=standing.limit.key_id, _anchor="limits")
    return url_for("settings.settings", _anchor="settings-limits")


def _texts(reader: Reader, key_id: int) -> Iterable[str]:
    own = {one.limit.period: one.limit for one in reader.limits if one.limit.key_id == key_id}
    return (limit_text(own[period], reader.catalog, reader.locale) for period in PERIODS if period in own)


def _field(reader: Reader, period: Period, standing: LimitStanding | None, form: Form, *, is_money: bool) -> LimitField:
    text = used = counts = ""
    if standing is not None:
        text = field_text(standing.limit, reader.catalog, reader.locale, is_money=is_money)
        used, counts = used_text(standing, reader.catalog, reader.locale), window_words(period, standing.window)
    if form.refusals:
        text = form.typed.get(period, "")
    return LimitField(period, TITLES[period], text, used, counts, standing)
