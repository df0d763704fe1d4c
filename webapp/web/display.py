"""How credits, money, minutes and shares are written for people. Dates are beside it, in `dates`.

Nothing here is ever rounded in favour of a promise: worth and minutes go down, so nobody is promised a minute or a cent
that is not there. Words are English; a locale (with a style of numbers, see `regions`) decides separators and where
the currency stands. Pure functions: `display_filters` gives them to the templates under their own names.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from babel.numbers import format_decimal, get_currency_symbol

from webapp.catalog import Catalog, CreditUnit, Meter, Pack, Tier
from webapp.metering import quantity_for
from webapp.money import decimal_value, decimals_shown, exponent
from webapp.web import dates
from webapp.web.regions import HOUSE, NO_BREAK_SPACE, region_of

LOCALE = HOUSE
MINUS = "\N{MINUS SIGN}"
RATE_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """A balance at its largest: `930` and small beside it `credits`, with its worth on the line below."""

    value: str
    unit: str
    below: str

    @property
    def text(self) -> str:
        """Value and unit in one line."""
        return f"{self.value} {self.unit}".strip()


def number(value: int, locale: str = LOCALE) -> str:
    """A whole number with separators and a true minus: `1,000`, `−36`."""
    return _minus(value) + _digits(Decimal(value), 0, locale)


def credits_number(credits: int, unit: CreditUnit, locale: str = LOCALE) -> str:
    """Credits without their word, with the decimals of the catalogue: `1,000`, `−36`."""
    return _minus(credits) + unit.symbol + _digits(Decimal(credits).scaleb(-unit.decimals), unit.decimals, locale)


def credits_word(credits: int, unit: CreditUnit) -> str:
    """`credit` for one, `credits` for any other number, nothing where a symbol says it."""
    if unit.symbol:
        return ""
    return unit.singular if abs(credits) == 10**unit.decimals else unit.plural


def credits_text(credits: int, unit: CreditUnit, locale: str = LOCALE) -> str:
    """Credits with their word: `0 credits`, `1 credit`, `1,000 credits`, `−12 credits`."""
    return f"{credits_number(credits, unit, locale)} {credits_word(credits, unit)}".strip()


def signed_credits(credits: int, unit: CreditUnit, locale: str = LOCALE) -> str:
    """A change of credits, without their word: `+500`, `−36`, `0`."""
    return _plus(credits) + credits_number(credits, unit, locale)


def money(amount_minor: int, currency: str, locale: str = LOCALE) -> str:
    """Money with the symbol of its currency and all its decimals: `$46.50`, `−$5.99`, `CA$5.00`, `¥500`.

    Symbols are the same in every locale, so that `$` alone is always a US dollar.
    """
    return _minus(amount_minor) + _with_symbol(
        _digits(decimal_value(amount_minor, currency), decimals_shown(currency), locale), currency, locale
    )


def signed_money(amount_minor: int, currency: str, locale: str = LOCALE) -> str:
    """A change of money: `+$5.99`, `−$5.99`, `$0.00`."""
    return _plus(amount_minor) + money(amount_minor, currency, locale)


def worth_minor(credits: int, unit: CreditUnit) -> int:
    """What credits are worth in use, in minor units, rounded down (a debt is rounded away from zero)."""
    return credits * unit.worth_minor // unit.worth_credits


def worth(credits: int, unit: CreditUnit, locale: str = LOCALE) -> str:
    """What credits are worth in use: `$46.50`."""
    return money(worth_minor(credits, unit), unit.currency, locale)


def amount(credits: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """Credits as the catalogue wants them shown: `930 credits`, or `$9.30` in a catalogue of money."""
    if catalog.display == "money":
        return worth(credits, catalog.unit, locale)
    return credits_text(credits, catalog.unit, locale)


def short_amount(credits: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """The same without the word, where it is clear or there is no room: `930`, or `$9.30`."""
    if catalog.display == "money":
        return worth(credits, catalog.unit, locale)
    return credits_number(credits, catalog.unit, locale)


def addable(credits: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """The same, but as plain numbers where the worth of some credits would be rounded: for what must add up."""
    if catalog.unit.worth_minor % catalog.unit.worth_credits:
        return credits_number(credits, catalog.unit, locale)
    return short_amount(credits, catalog, locale)


def daily_average(credits: int, days: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """Credits a day with one decimal more than credits have: `18.8`; `under 0.1`; in a catalogue of money `$0.94`."""
    unit = catalog.unit
    if catalog.display == "money":
        return money(worth_minor(credits, unit) // days, unit.currency, locale)
    places = unit.decimals + 1
    least = Decimal(1).scaleb(-places)
    average = (Decimal(credits).scaleb(-unit.decimals) / days).quantize(least)
    is_under = credits > 0 and not average
    text = unit.symbol + _digits(least if is_under else average, places, locale)
    return f"under {text}" if is_under else text


def signed_amount(credits: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """A change of credits as the catalogue wants it shown: `−36`, or `−$0.36`."""
    return _plus(credits) + short_amount(credits, catalog, locale)


def equivalent(credits: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """The worth of credits and what they buy: `$46.50 (~310 min)`, `$0.05 (under 1 min)`, `−$0.60 (0 min)`."""
    value = worth(credits, catalog.unit, locale)
    minutes = minutes_text(credits, catalog, locale)
    return f"{value} ({minutes})" if minutes else value


def figure(credits: int, catalog: Catalog, locale: str = LOCALE) -> Figure:
    """A balance in its parts: credits above their worth, or, in a catalogue of money, money with its minutes."""
    if catalog.display == "money":
        minutes = minutes_text(credits, catalog, locale)
        return Figure(worth(credits, catalog.unit, locale), f"({minutes})" if minutes else "", "")
    value, word = credits_number(credits, catalog.unit, locale), credits_word(credits, catalog.unit)
    return Figure(value, word, equivalent(credits, catalog, locale))


def minutes_text(credits: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """How much of the main meter credits buy, rounded down: `~310 min`, `under 1 min`, `0 min`.

    `up to 310 min` where it takes one spend to have that much. Nothing if the catalogue names no main meter. In the
    meter's own unit, which need not be minutes.
    """
    meter = catalog.main_meter
    if meter is None:
        return ""
    quantity = quantity_for(meter, max(credits, 0))
    if quantity == 0:
        return quantity_text(0, meter, locale) if credits <= 0 else f"under {quantity_text(1, meter, locale)}"
    about = "up to " if meter.is_cheaper_at_once else "~"
    return f"{about}{quantity_text(quantity, meter, locale)}"


def activity_text(credits: int, catalog: Catalog, locale: str = LOCALE) -> str:
    """What credits buy, with what it is: `~33 min of calls`."""
    minutes = minutes_text(credits, catalog, locale)
    activity = catalog.main_meter.activity if catalog.main_meter else ""
    return f"{minutes} of {activity}" if activity else minutes


def quantity_text(quantity: int, meter: Meter, locale: str = LOCALE) -> str:
    """An exact quantity in the meter's short unit: `12 min`, `1 page`, `1,200 tokens`."""
    unit = meter.unit_short or (meter.unit if quantity == 1 else meter.unit_plural)
    return f"{number(quantity, locale)} {unit}"


def usage_text(meter: Meter, quantity: int | None, locale: str = LOCALE) -> str:
    """What was metered, as a line of history names it: `Outbound call · 12 min`."""
    return meter.title if quantity is None else f"{meter.title} · {quantity_text(quantity, meter, locale)}"


def meter_price(meter: Meter, catalog: Catalog, locale: str = LOCALE) -> str:
    """What a meter costs: `3 credits per started minute`, `2 credits per 1,000 tokens`.

    With all its tiers and its minimum: `3 credits per minute up to 100, then 2 credits per minute; at least 5 credits`.
    """
    tiers = []
    for tier in meter.tiers:
        end = "" if tier.up_to is None else f" up to {number(tier.up_to, locale)}"
        tiers.append(f"{_tier_price(tier, meter, catalog, locale)}{end}")
    least = f"; at least {amount(meter.minimum_credits, catalog, locale)}" if meter.minimum_credits > 1 else ""
    return ", then ".join(tiers) + least


def _tier_price(tier: Tier, meter: Meter, catalog: Catalog, locale: str) -> str:
    size = meter.unit if tier.per == 1 else f"{number(tier.per, locale)} {meter.unit_plural}"
    started = "started " if meter.rounding == "started" else ""
    return f"{amount(tier.credits, catalog, locale)} per {started}{size}"


def unit_price(pack: Pack, unit: CreditUnit, locale: str = LOCALE) -> str:
    """The price of one credit of a pack, with three decimals: `$0.035`; `¥3.5` where a currency has no cents."""
    return _rate(pack.amount_minor * 10**unit.decimals, pack.credits, pack.currency, locale)


def price_rate(pack: Pack, catalog: Catalog, locale: str = LOCALE) -> str:
    """What makes packs comparable: `$0.035 per credit`, or in a catalogue of money `$0.136 per min`.

    A unit counts at the price with which each spend begins.
    """
    meter = catalog.main_meter
    if catalog.display != "money":
        return f"{unit_price(pack, catalog.unit, locale)} per {catalog.unit.singular}"
    if meter is None:
        return ""
    rate = _rate(pack.amount_minor * meter.credits, pack.credits * meter.per, pack.currency, locale)
    return f"{rate} per {meter.unit_short or meter.unit}"


def saving_percent(pack: Pack, packs: Iterable[Pack]) -> int:
    """How much less a credit costs than in the dearest of `packs` that are on sale, in percent rounded down; or 0."""
    on_sale = [other for other in packs if other.is_active]
    if not on_sale:
        return 0
    dearest = max(on_sale, key=_credit_price)
    full_minor = dearest.amount_minor * pack.credits
    saved_minor = full_minor - pack.amount_minor * dearest.credits
    return max(0, saved_minor * 100 // full_minor)


def saving_text(pack: Pack, packs: Iterable[Pack], locale: str = LOCALE) -> str:
    """`Save 30%`, or nothing."""
    saved = saving_percent(pack, packs)
    return f"Save {percent(saved, locale)}" if saved else ""


def percent_used(used: int, limit: int, locale: str = LOCALE) -> str:
    """The used share of a limit to the nearest percent; never `100%` before the limit, never `0%` after first use."""
    if used <= 0:
        return percent(0, locale)
    if limit <= 0:
        return percent(100, locale)
    share = (200 * used + limit) // (2 * limit)
    if used < limit:
        share = min(share, 99)
    return percent(share, locale) if share else f"under {percent(1, locale)}"


def percent(value: int, locale: str = LOCALE) -> str:
    """A share in whole percent, with the sign where the region puts it: `30%`, `30 %`, `%30`."""
    pattern = region_of(locale).locale.percent_formats[None]
    return f"{pattern.prefix[0]}{number(value, locale)}{pattern.suffix[0]}"


def display_filters() -> dict[str, Callable[..., object]]:
    """Every rule of display under its own name, for Jinja."""
    rules: tuple[Callable[..., object], ...] = (
        number, credits_number, credits_word, credits_text, signed_credits, money, signed_money, worth, amount,
        short_amount, addable, daily_average, signed_amount, equivalent, figure, minutes_text, activity_text,
        quantity_text, meter_price, unit_price, price_rate, saving_percent, saving_text, percent, percent_used,
        usage_text, dates.moment, dates.day, dates.date_text, dates.moment_tag, dates.clock_tag, dates.day_tag,
        dates.date_tag, dates.exact_tag, dates.burn_words,
    )  # fmt: skip
    return {rule.__name__: rule for rule in rules}


def _credit_price(pack: Pack) -> Fraction:
    return Fraction(pack.amount_minor, pack.credits)


def _rate(amount_minor: int, divisor: int, currency: str, locale: str) -> str:
    """`amount_minor` / `divisor` in whole units of the currency, to the nearest thousandth; all in integers."""
    scale = 10 ** exponent(currency)
    thousandths = (2 * 10**RATE_DECIMALS * amount_minor + divisor * scale) // (2 * divisor * scale)
    value = Decimal(max(thousandths, 1)).scaleb(-RATE_DECIMALS)
    places = RATE_DECIMALS
    if decimals_shown(currency) == 0:  # such currencies show a part only where there is one
        places = max(0, -int(value.normalize().as_tuple().exponent))
    text = _with_symbol(_digits(value, places, locale), currency, locale)
    return text if thousandths else f"under {text}"


def _minus(value: int) -> str:
    return MINUS if value < 0 else ""


def _plus(value: int) -> str:
    return "+" if value > 0 else ""


@lru_cache(maxsize=4096)  # a page writes the same prices and sizes again and again
def _digits(value: Decimal, places: int, locale: str) -> str:
    region = region_of(locale)
    pattern = region.digits + ("." + "0" * places if places else "")
    plain = str(format_decimal(abs(value), format=pattern, locale=LOCALE))
    return plain.translate(str.maketrans(",.", region.group + region.decimal))


@lru_cache(maxsize=4096)
def _with_symbol(digits: str, currency: str, locale: str) -> str:
    """The symbol where the locale puts it; a code of letters keeps its distance from the digits."""
    symbol = get_currency_symbol(currency.upper(), locale=LOCALE)
    if region_of(locale).locale.currency_formats["standard"].pattern.lstrip("\u200e\u200f").startswith("¤"):
        return symbol + (NO_BREAK_SPACE if symbol[-1].isalpha() else "") + digits
    return digits + NO_BREAK_SPACE + symbol
