"""The form of spend limits: what was typed, and setting all of it or nothing, for an account or one of its keys.

One form has up to three limits, by month, week and day. All of them are in one unit and do the same at their end.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.catalog import Catalog
from webapp.errors import Refusal
from webapp.ledger.errors import LimitAlreadyReached
from webapp.ledger.limits.facts import Period, SpendLimit
from webapp.ledger.operations import drop_limit, lock_account, set_limit
from webapp.ledger.queries import limit_standings
from webapp.web.amounts import UnreadableAmount, read_amount
from webapp.web.display import credits_number, worth
from webapp.web.limit_words import PERIODS, PRESENT, limit_amount

MONEY, CREDITS = "money", "credits"
PAUSE, TELL = "pause", "tell"
CONFIRMED = "confirmed"  # the field that says which reached limits may stop usage at once


class LimitRefused(Refusal):
    """One field of the form, and why it can't be taken."""

    code = "invalid_limit"

    def __init__(self, sentence: str, *, field: str) -> None:
        super().__init__(sentence)
        self.field = field


class WouldPause(Refusal):
    """A limit that is reached already: saving it pauses usage at once, and nobody has said yet that it may.

    `token` is what says it: of this limit at these credits only.
    """

    code = "limit_already_reached"

    def __init__(self, sentence: str, *, token: str) -> None:
        super().__init__(sentence)
        self.token = token
        self.field = ""


class LimitsRefused(Refusal):
    """The form can't be saved as it is, for these reasons. Nothing of it was."""

    code = "limits_refused"

    def __init__(self, reasons: tuple[LimitRefused | WouldPause, ...]) -> None:
        super().__init__(" ".join(reason.sentence for reason in reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class LimitForm:
    """What was typed, whose limits they are (`key_id` 0: the whole account's), and how the person writes amounts."""

    typed: Mapping[str, str]
    key_id: int
    catalog: Catalog
    locale: str

    @property
    def is_money(self) -> bool:
        """Whether the amounts are of money. A catalogue of money knows nothing else."""
        return self.catalog.display == "money" or self.typed.get("unit") == MONEY

    @property
    def pauses(self) -> bool:
        """Whether usage pauses at a limit's end."""
        return self.typed.get("at_limit") == PAUSE

    def limit(self, period: Period, stored: SpendLimit | None) -> SpendLimit | None:
        """The limit asked for in a period; None for none. Raises LimitRefused.

        What stands in the field as it was drawn is the stored limit, to the credit.
        """
        text = self.typed.get(period, "").strip()
        if not text:
            return None
        if stored is not None and text == field_text(stored, self.catalog, self.locale, is_money=self.is_money):
            return SpendLimit(self.key_id, period, stored.credits, self.pauses, self.is_money)
        try:
            most = read_amount(text, self.catalog.unit, self.locale, is_money=self.is_money)
        except UnreadableAmount as refused:
            raise LimitRefused(refused.sentence, field=period) from None
        return SpendLimit(self.key_id, period, most, self.pauses, self.is_money)


def save_limits(session: Session, account_id: int, form: LimitForm, *, now: dt.datetime) -> None:
    """Set the limits of the form, and drop those that it leaves empty; what is as it was is left alone.

    Locks the account. Raises LimitsRefused for fields that can't be read, and for limits that would stop usage at once
    without the form saying that they may: then nothing is to be kept of the transaction.
    """
    lock_account(session, account_id)
    found = limit_standings(session, account_id, now=now)
    stored = {one.limit.period: one.limit for one in found if one.limit.key_id == form.key_id}
    asked = _asked(form, stored)
    reasons = tuple(_set_all(session, account_id, form, asked, stored, now=now))
    if reasons:
        raise LimitsRefused(reasons)


def field_text(limit: SpendLimit, catalog: Catalog, locale: str, *, is_money: bool) -> str:
    """A stored limit as its field shows it: `$40.00`, `800`."""
    return (
        worth(limit.credits, catalog.unit, locale) if is_money else credits_number(limit.credits, catalog.unit, locale)
    )


def _asked(form: LimitForm, stored: Mapping[Period, SpendLimit]) -> dict[Period, SpendLimit | None]:
    asked: dict[Period, SpendLimit | None] = {}
    refused = list(_not_chosen(form))
    for period in PERIODS:
        try:
            asked[period] = form.limit(period, stored.get(period))
        except LimitRefused as one:
            refused.append(one)
    if refused:
        raise LimitsRefused(tuple(refused))
    return asked


def _not_chosen(form: LimitForm) -> Iterator[LimitRefused]:
    """What was chosen from no list of ours."""
    if form.catalog.display != "money" and form.typed.get("unit") not in {MONEY, CREDITS}:
        yield LimitRefused("Choose whether the limits are of money or of credits.", field="unit")
    if form.typed.get("at_limit") not in {PAUSE, TELL}:
        yield LimitRefused("Choose what happens at a limit.", field="at_limit")


def _set_all(
    session: Session,
    account_id: int,
    form: LimitForm,
    asked: Mapping[Period, SpendLimit | None],
    stored: Mapping[Period, SpendLimit],
    *,
    now: dt.datetime,
) -> Iterator[WouldPause]:
    """Set what differs; each limit that is reached and was not confirmed."""
    for period, limit in asked.items():
        if limit == stored.get(period):
            continue
        if limit is None:
            drop_limit(session, account_id, key_id=form.key_id, period=period)
            continue
        try:
            set_limit(session, account_id, limit, may_stop_now=_is_confirmed(form, limit), now=now)
        except LimitAlreadyReached as reached:
            yield _would_pause(form, limit, reached)


def _is_confirmed(form: LimitForm, limit: SpendLimit) -> bool:
    return _token(limit) in form.typed.get(CONFIRMED, "").split()


def _token(limit: SpendLimit) -> str:
    return f"{limit.period}:{limit.credits}"


def _would_pause(form: LimitForm, limit: SpendLimit, reached: LimitAlreadyReached) -> WouldPause:
    used, held = int(str(reached.facts["used"])), int(str(reached.facts["held"]))
    counted, amount, on_hold = (
        limit_amount(number, limit, form.catalog, form.locale) for number in (used + held, limit.credits, held)
    )
    whose = "This key has used" if limit.key_id else "You've used"
    said = f"{whose} {counted} {PRESENT[limit.period]}"
    said += f", with {on_hold} of it on hold for work in progress." if held else "."
    return WouldPause(f"{said} A limit of {amount} pauses usage right away.", token=_token(limit))
