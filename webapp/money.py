"""Money as integers: how many decimals Stripe gives each currency, and what it accepts. Pure; knows no locale.

Stripe's exponents are not those of ISO 4217 or CLDR: krónur and Ugandan shillings have no cents, yet Stripe counts
them in hundredths. Everything here comes from https://docs.stripe.com/currencies.
"""

from decimal import Decimal

# "Zero-decimal currencies": 500 JPY is an amount of 500.
ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
# "Special cases": written with two decimals that are always 00, so 5 ISK is an amount of 500. Stripe lists UGX among
# the zero-decimal currencies as well; the special case is what its API wants.
WHOLE_IN_HUNDREDTHS = frozenset({"isk", "ugx"})
# Counted in thousandths; the last digit must be 0 (5.120 KWD is 5120).
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})

# "Supported presentment currencies"; which of them an account may use depends on its country.
_PRESENTMENT = """
    aed afn all amd ang aoa ars aud awg azn bam bbd bdt bif bmd bnd bob brl bsd bwp byn bzd cad cdf chf clp cny cop crc
    cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils inr isk jmd jpy kes
    kgs khr kmf krw kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr
    nzd pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd
    twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""
STRIPE_CURRENCIES = THREE_DECIMAL | frozenset(_PRESENTMENT.split())

# "Maximum charge amounts" outside cards, the tighter rule: eight digits, more where money comes in large numbers.
# Bounded by what one purchase of ours may cost.
LARGEST_AMOUNT_MINOR = 10**9
STRIPE_EIGHT_DIGITS = 99_999_999
STRIPE_LONGER = {"idr": 999_999_999_999, "cop": 9_999_999_999, "inr": 999_999_999}


def is_stripe_currency(currency: str) -> bool:
    """Whether Stripe can charge in this currency at all. Upper and lower case are the same."""
    return currency.lower() in STRIPE_CURRENCIES


def exponent(currency: str) -> int:
    """The decimals in which Stripe counts a currency: 2 unless Stripe says otherwise, so 100 minor units are 1 USD.

    Raises ValueError for what can't be a currency code. https://docs.stripe.com/currencies#zero-decimal
    """
    code = _code(currency)
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


def decimals_shown(currency: str) -> int:
    """The decimals people see: as Stripe counts, but none for currencies whose hundredths are always 00."""
    return 0 if _code(currency) in WHOLE_IN_HUNDREDTHS else exponent(currency)


def decimal_value(amount_minor: int, currency: str) -> Decimal:
    """The exact amount in whole units of the currency (599 minor units of USD are 5.99), for formatting only."""
    return Decimal(amount_minor).scaleb(-exponent(currency))


def smallest_step_minor(currency: str) -> int:
    """What a charge must be a multiple of: 100 for ISK and UGX, 10 for three-decimal currencies, else 1.

    https://docs.stripe.com/currencies#special-cases
    """
    code = _code(currency)
    if code in WHOLE_IN_HUNDREDTHS:
        return 100
    return 10 if code in THREE_DECIMAL else 1


def largest_charge_minor(currency: str) -> int:
    """The largest amount that one purchase may have.

    The smallest is not a fact of the currency alone: it depends on the bank account behind the Stripe account.
    https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
    """
    return min(LARGEST_AMOUNT_MINOR, STRIPE_LONGER.get(_code(currency), STRIPE_EIGHT_DIGITS))


def _code(currency: str) -> str:
    code = currency.lower()
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise ValueError(f"{currency!r} is not a currency code of three letters.")
    return code
