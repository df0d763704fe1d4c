"""The allowance in words: how much of it is used, when it resets or expires, and what is said where there is none."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from webapp.ledger.allowances import Allowance
from webapp.ledger.balances import KINDS_SHOWN
from webapp.ledger.usage import day_of
from webapp.web.dates import date_text
from webapp.web.display import amount, number, short_amount
from webapp.web.meters import Meter, meter
from webapp.web.pages.forecast import allowance_lines
from webapp.web.pages.plan_words import plan_name
from webapp.web.pages.reader import Reader


@dataclass(frozen=True, slots=True)
class AllowanceMeter:
    """The allowance that it is: `used` and `of` are one sentence, `verb` with `ends_at` says what becomes of it."""

    used: str
    of: str
    left: str
    share: str
    meter: Meter
    verb: str
    ends_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class NoMeter:
    """What stands there instead of a meter. `leads_to_plans`: with the way to the plans."""

    text: str
    leads_to_plans: bool = False


def allowance_card(reader: Reader) -> dict[str, Any]:
    """`dashboard/_allowance_card.html`: the allowance with its forecast; hidden where there are no plans at all."""
    shown = allowance_meter(reader)
    return {
        "reader": reader,
        "allowance": shown,
        "allowance_title": _title(reader),
        "allowance_in": _in_days(reader, shown.ends_at) if shown and shown.ends_at else "",
        "allowance_notes": _notes(reader, reader.allowance_use) if reader.allowance_use else (),
        "allowance_buys": _is_out(reader),
        "allowance_lines": allowance_lines(reader),
        "no_meter": None if shown else _no_meter(reader),
    }


def allowance_meter(reader: Reader) -> AllowanceMeter | None:
    """How much of the allowance is used; None where there is none.

    Used is what was spent of it. What was taken back of it, or went to pay a debt, is no part of it any more.
    """
    use = reader.allowance_use
    if use is None:
        return None
    used, limit = _short(reader, use.used), amount(use.limit, reader.catalog, reader.locale)
    shown = meter(use.used, use.limit, text=f"{used} of {limit} used", locale=reader.locale)
    return AllowanceMeter(
        used=used,
        of=f"of {limit} used",
        left=_short(reader, use.available),
        share=f"{shown.share} used" if use.limit else "Nothing is left of it",
        meter=shown,
        verb="Doesn't expire" if use.ends_at is None else "Resets" if reader.allowance_resets else "Expires",
        ends_at=use.ends_at,
    )


def _title(reader: Reader) -> str:
    plan = reader.catalog.plan(reader.allowance.plan_slug) if reader.allowance else reader.plan
    return "Yearly allowance" if plan and plan.allowance_every == "year" else "Monthly allowance"


def _in_days(reader: Reader, ends_at: dt.datetime) -> str:
    days = (day_of(ends_at, reader.zone) - reader.today).days
    if days < 2:
        return "tomorrow" if days else "today"
    return f"in {number(days, reader.locale)} days"


def _notes(reader: Reader, use: Allowance) -> tuple[str, ...]:
    """What the numbers alone would leave open."""
    notes = (_next_note(reader, use), _held_note(reader, use), _lost_note(reader, use), _end_note(reader))
    return tuple(note for note in notes if note)


def _next_note(reader: Reader, use: Allowance) -> str:
    """Which credits are used where nothing of the allowance is left to use."""
    if use.available:
        return ""
    if reader.balance.lots:
        kind = KINDS_SHOWN[reader.balance.lots[0].kind]
        return f"Now using {kind} credits." if kind != "allowance" else ""
    return "You have no other credits." if _is_out(reader) else ""


def _is_out(reader: Reader) -> bool:
    """Whether buying is all that helps: an allowance is used up, and nothing else is there or on its way back."""
    balance, use = reader.balance, reader.allowance_use
    return use is not None and not (use.limit > use.used or balance.available or balance.held or balance.debt)


def _held_note(reader: Reader, use: Allowance) -> str:
    return f"{_short(reader, use.held)} on hold for work in progress." if use.held else ""


def _lost_note(reader: Reader, use: Allowance) -> str:
    if not use.lost:
        return ""
    lost, granted = _short(reader, use.lost), amount(use.granted, reader.catalog, reader.locale)
    return f"{lost} of {granted} were taken back or paid what you owed."


def _end_note(reader: Reader) -> str:
    row = reader.plan_standing.subscription
    if row is None or row.ends_at is None or row.ended_at is not None:
        return ""
    on = date_text(row.ends_at, reader.zone, reader.locale, reader.now)
    return f"{plan_name(reader, row.plan_slug)} ends on {on}. Credits you bought stay yours."


def _no_meter(reader: Reader) -> NoMeter | None:
    """None where there is nothing to say: no allowance, and no plan that anybody could choose."""
    plan = reader.plan
    can_choose = any(one.is_active and not one.is_free for one in reader.catalog.plans)
    if plan is not None and plan.allowance_credits:
        each = f"{plan.name} gives you {amount(plan.allowance_credits, reader.catalog, reader.locale)}"
        return NoMeter(f"{each} each {plan.allowance_every}. They show here as soon as they arrive.")
    if plan is not None and not plan.is_free:
        return NoMeter("No monthly limit. You use the credits you have.")
    if not can_choose:
        return None
    if plan is None:
        return NoMeter("No plan yet.", leads_to_plans=True)
    return NoMeter(f"{plan.name} has no monthly allowance. You use the credits you have.", leads_to_plans=True)


def _short(reader: Reader, credits: int) -> str:
    return short_amount(credits, reader.catalog, reader.locale)
