"""How a person wants to see the pages: theme, region, style of numbers, and the zone of their account's days."""

from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from babel.localedata import locale_identifiers
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.ledger import operations
from webapp.people.errors import PeopleRefusal, UnknownLocale, UnknownNumberStyle, UnknownTheme, UnknownTimeZone
from webapp.people.models import NUMBER_STYLES, THEMES, User

MOST_LOCALE_CHARACTERS = 20


@dataclass(frozen=True)
class Look:
    """What is chosen, in the words of the tables."""

    theme: str
    locale: str
    number_style: str
    time_zone: str


def set_look(session: Session, user_id: int, look: Look) -> None:
    """Store what a person chose, and the zone with their account. Raises the first of `look_refusals`."""
    for refusal in look_refusals(look):
        raise refusal
    account_id = session.scalars(select(User.account_id).where(User.id == user_id)).one()
    operations.set_time_zone(session, account_id, look.time_zone)
    chosen = {"theme": look.theme, "locale": look.locale, "number_style": look.number_style}
    session.execute(update(User).where(User.id == user_id).values(chosen))


def look_refusals(look: Look) -> tuple[PeopleRefusal, ...]:
    """Everything in a choice that does not exist, in the order of the form."""
    checks = (
        (look.theme in THEMES, UnknownTheme("Choose device, light or dark.")),
        (look.locale in locale_names(), UnknownLocale("Choose a language and region from the list.")),
        (look.number_style in NUMBER_STYLES, UnknownNumberStyle("Choose a style of numbers from the list.")),
        (look.time_zone in zone_names(), UnknownTimeZone("Choose a time zone from the list.")),
    )
    return tuple(refusal for is_known, refusal in checks if not is_known)


@cache
def zone_names() -> frozenset[str]:
    """Every zone of the time zone database, with its older names; read once, for the files are many."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


@cache
def locale_names() -> frozenset[str]:
    """Every locale that numbers and dates can be written in."""
    return frozenset(name for name in locale_identifiers() if len(name) <= MOST_LOCALE_CHARACTERS)
