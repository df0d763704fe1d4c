"""What operators may do to an account, as forms: the fields of each, how they are read, and what is done with them."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from webapp.billing import errors as billing
from webapp.billing.events import OBJECT_ID
from webapp.errors import Refusal
from webapp.ledger import errors as ledger
from webapp.operators import access, accounts, payments
from webapp.operators.acts import Act, Asked
from webapp.operators.errors import InvalidAmount, InvalidChoice, OperatorRefusal
from webapp.operators.people import Profile
from webapp.people.models import ROLES
from webapp.web.moments import YEARS, ends_at
from webapp.web.pages.entry_words import GRANT_WORDS

Do = Callable[[Session, Asked], Act]

_WHOLE = re.compile(r"[0-9]{1,16}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Under which field the refusals of inner rings belong; of a grant only its end can be wrong in that way.
_FIELDS: dict[type[Refusal], str] = {
    ledger.InvalidCredits: "credits",
    ledger.VoidAboveAvailable: "credits",
    ledger.InvalidRequest: "ends",
    billing.RefundOutOfRange: "amount",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What can't be as it was typed: a sentence, and the field it belongs under."""

    sentence: str
    field: str


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do, as a form: what it is called, the least role for it, what is typed beside the reason.

    A plain one asks nothing more, and shows at once what it changes; the others first ask what is wanted.
    """

    name: str
    title: str
    button: str
    least: str
    fields: tuple[str, ...]
    is_plain: bool = False
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerDeed(Deed):
    """One that is done in a single transaction. `read` makes of what was typed what is to be done in it."""

    read: Callable[[Mapping[str, str], Profile], Do]


def fault_of(refusal: Refusal) -> Fault:
    """A refusal as it is shown in the form."""
    if isinstance(refusal, OperatorRefusal):
        return Fault(refusal.sentence, refusal.field)
    return Fault(refusal.sentence, next((field for kind, field in _FIELDS.items() if isinstance(refusal, kind)), ""))


def _grant(typed: Mapping[str, str], profile: Profile) -> Do:
    return partial(
        accounts.grant,
        kind=typed["kind"],
        credits=_whole(typed["credits"]),
        expires_at=_end(typed["ends"], profile.time_zone),
        words=typed["words"],
    )


def _take(typed: Mapping[str, str], _: Profile) -> Do:
    return partial(accounts.take, credits=_whole(typed["credits"]), words=typed["words"])


def _end_lot(typed: Mapping[str, str], _: Profile) -> Do:
    if not _WHOLE.fullmatch(typed["lot"]):
        raise InvalidChoice("There is no such lot.", field="lot")
    return partial(accounts.end_lot, lot=int(typed["lot"]))


def _settle(typed: Mapping[str, str], _: Profile) -> Do:
    if not OBJECT_ID.fullmatch(typed["purchase"]):
        raise InvalidChoice("There is no such purchase.", field="purchase")
    return partial(payments.settle, purchase_id=typed["purchase"])


def _role(typed: Mapping[str, str], _: Profile) -> Do:
    return partial(access.set_role, role=typed["role"])


def _plain(do: Do) -> Callable[[Mapping[str, str], Profile], Do]:
    return lambda _typed, _profile: do


def _whole(text: str) -> int:
    """A number of credits. Raises InvalidAmount."""
    if not _WHOLE.fullmatch(text.strip()):
        raise InvalidAmount("Enter a whole number of credits in digits, like 100.")
    return int(text)


def _end(text: str, zone: str) -> dt.datetime | None:
    """The end of a day in a zone; None for no day at all. Raises InvalidChoice."""
    if not text.strip():
        return None
    try:
        day = dt.date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in YEARS:
        raise InvalidChoice("Choose a day, like 2026-11-20, or leave it empty.", field="ends")
    return ends_at(day, ZoneInfo(zone))


_CHOICES: dict[str, Any] = {
    "kind": tuple((kind, GRANT_WORDS[kind]) for kind in accounts.KINDS),
    "role": tuple((role, role.capitalize()) for role in ROLES),
}

DEEDS = {
    deed.name: deed
    for deed in (
        LedgerDeed("grant", "Grant credits", "Grant", "billing", ("kind", "credits", "ends", "words"),
                   choices=_CHOICES["kind"], read=_grant),
        LedgerDeed("take", "Take credits", "Take", "billing", ("credits", "words"), read=_take),
        LedgerDeed("end_lot", "End a lot now", "End this lot", "billing", ("lot",), is_plain=True, read=_end_lot),
        LedgerDeed("settle", "Settle a payment", "Grant what it was for", "billing", ("purchase",), is_plain=True,
                   read=_settle),
        LedgerDeed("pause", "Pause spending", "Pause spending", "billing", (), is_plain=True,
                   read=_plain(accounts.pause)),
        LedgerDeed("resume", "Resume spending", "Resume spending", "billing", (), is_plain=True,
                   read=_plain(accounts.resume)),
        LedgerDeed("sign_out", "Sign out everywhere", "Sign out everywhere", "billing", (), is_plain=True,
                   read=_plain(access.sign_out_everywhere)),
        LedgerDeed("role", "Change role", "Change role", "admin", ("role",), choices=_CHOICES["role"], read=_role),
    )
}  # fmt: skip
