"""Amounts as people type them: money and credits, as the reader writes them, with or without their sign. Pure.

Nothing is guessed: what could be another amount somewhere else is refused with a sentence that says what to type.
"""

from decimal import Decimal
from typing import ClassVar

from babel.numbers import get_currency_symbol

from webapp.catalog import CreditUnit
from webapp.errors import Refusal
from webapp.ledger.models import MAX_OPERATION_CREDITS
from webapp.money import decimals_shown, exponent, smallest_step_minor
from webapp.web.display import LOCALE, credits_text, money, worth_minor
from webapp.web.regions import region_of
from webapp.web.typed import read_number, tidy

ABROAD = "en_001"  # where the US dollar is told from others: US$


class UnreadableAmount(Refusal):
    """What was typed is no amount that can be taken. `sentence` says what to type."""

    code: ClassVar[str] = "unreadable_amount"


def read_amount(typed: str, unit: CreditUnit, locale: str = LOCALE, *, is_money: bool) -> int:
    """The credits meant by an amount of money, or of credits, that was typed. Raises UnreadableAmount."""
    if is_money:
        return credits_worth(read_money(typed, unit.currency, locale), unit, locale)
    return read_credits(typed, unit, locale)


def read_money(typed: str, currency: str, locale: str = LOCALE) -> int:
    """Money in minor units: `40`, `$40`, `40.00 USD`, `1,234.50` (`1.234,50 $` where that is how it is written).

    Raises UnreadableAmount for words, signs, another currency, another style of numbers, and more decimals than the
    currency has.
    """
    places = decimals_shown(currency)
    found = read_number(_without(tidy(typed), _signs(currency)), locale)
    if found is None or _decimals(found) > places:
        raise UnreadableAmount(f"Enter an amount like {_example(places, locale)}.")
    return int(found.scaleb(exponent(currency)))


def read_credits(typed: str, unit: CreditUnit, locale: str = LOCALE) -> int:
    """Credits in their smallest unit: `800`, `1,000 credits`, `8.50` where the catalogue shows decimals.

    Raises UnreadableAmount, also for none and for more than one operation moves.
    """
    words = {word for word in (unit.symbol, unit.singular, unit.plural) if word}
    found = read_number(_without(tidy(typed), words), locale)
    if found is None or _decimals(found) > unit.decimals:
        raise UnreadableAmount(f"Enter a number of {unit.plural} like {'800' if not unit.decimals else '8'}.")
    least, most = (credits_text(bound, unit, locale) for bound in (1, MAX_OPERATION_CREDITS))
    return _within(int(found.scaleb(unit.decimals)), least, most)


def credits_worth(amount_minor: int, unit: CreditUnit, locale: str = LOCALE) -> int:
    """The most credits that are worth no more than that: rounded down, so nobody is let spend above what they said.

    Raises UnreadableAmount for less than one credit is worth, and for more than one operation moves.
    """
    step = smallest_step_minor(unit.currency)
    least_minor = -(-unit.worth_minor // (unit.worth_credits * step)) * step
    least, most = (
        money(bound, unit.currency, locale) for bound in (least_minor, worth_minor(MAX_OPERATION_CREDITS, unit))
    )
    return _within(amount_minor * unit.worth_credits // unit.worth_minor, least, most)


def _within(credits: int, least: str, most: str) -> int:
    if credits < 1:
        raise UnreadableAmount(f"Enter at least {least}.")
    if credits > MAX_OPERATION_CREDITS:
        raise UnreadableAmount(f"Enter at most {most}.")
    return credits


def _decimals(found: Decimal) -> int:
    return -int(found.as_tuple().exponent)


def _example(places: int, locale: str) -> str:
    return f"40 or 40{region_of(locale).decimal}{'0' * places}" if places else "40"


def _signs(currency: str) -> set[str]:
    """How a currency may be named: its code, and its symbol on these pages or abroad. `$` alone is the US dollar."""
    code = currency.upper()
    return {code, *(get_currency_symbol(code, locale=locale) for locale in (LOCALE, ABROAD))}


def _without(text: str, words: set[str]) -> str:
    """The text without one of the words, before the number or after it."""
    folded = text.casefold()
    for word in sorted(words, key=len, reverse=True):
        if folded.startswith(word.casefold()):
            return text[len(word) :].lstrip()
        if folded.endswith(word.casefold()):
            return text[: -len(word)].rstrip()
    return text
