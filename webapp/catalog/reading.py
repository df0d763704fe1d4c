"""From the file to a Catalog: opens it, reads its tables, asks the rules, and raises every fault at once."""

import re
import tomllib
from pathlib import Path

from webapp.catalog.faults import CatalogError, Faults
from webapp.catalog.lines import unfinished_line
from webapp.catalog.meters import read_meter
from webapp.catalog.rules import refuse_contradictions
from webapp.catalog.shapes import Catalog, CreditUnit, Interval, Pack, Plan
from webapp.catalog.table import LARGEST_COUNT, LONGEST_NAME, LONGEST_WORD, Table
from webapp.money import LARGEST_AMOUNT_MINOR, is_stripe_currency, largest_charge_minor, smallest_step_minor

LONGEST_BADGE = 24
LONGEST_NOTE = 200
MOST_REFUND_DAYS = 365
MOST_TRIAL_DAYS = 730  # https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-subscription_data-trial_period_days
LARGEST_FILE_BYTES = 256 * 1024


def load_catalog(path: Path) -> Catalog:
    """Read and check the catalogue at `path`.

    Raises CatalogError with every fault as `path:line: sentence`; the syntax of TOML stops at its first.
    """
    text = _text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(_syntax_fault(path, text, error)) from None
    except (RecursionError, ValueError):  # thousands of brackets, or of digits in one number
        raise CatalogError(f"{path}:1: a number or a nesting in this file is far too long.") from None
    faults = Faults(path, text)
    catalog = _catalog(path, Table(values, (), "", faults))
    faults.raise_any()
    return catalog


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CatalogError(f"{path}: the catalogue can't be read: {error.strerror or error}.") from None
    if len(raw) > LARGEST_FILE_BYTES:
        raise CatalogError(f"{path}: {len(raw):,} bytes is no catalogue; at most {LARGEST_FILE_BYTES:,} are read.")
    try:
        return raw.decode("utf-8-sig")  # some editors write a byte order mark; TOML has none
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        fault = f"{path}:{line}: byte 0x{raw[error.start]:02X} is not UTF-8. Save the file as UTF-8."
        raise CatalogError(fault) from None


def _syntax_fault(path: Path, text: str, error: tomllib.TOMLDecodeError) -> str:
    """The parser ends its sentences with "(at line 3, column 7)" or "(at end of document)"."""
    words = str(error)
    place = re.search(r" \(at line (\d+), column (\d+)\)$", words)
    if place is not None:
        return f"{path}:{place[1]}: {words[: place.start()]} (column {place[2]})."
    words = words.removesuffix(" (at end of document)")
    return f"{path}:{unfinished_line(text)}: what begins here has no end ({words})."


def _catalog(path: Path, root: Table) -> Catalog:
    currency = _currency(root, default=None)
    unit = _unit(root, currency)
    packs = [(table, _pack(table, currency)) for table in root.tables("packs", "pack")]
    plans = [(table, _plan(table, currency)) for table in root.tables("plans", "plan")]
    meters = [(table, read_meter(table)) for table in root.tables("meters", "meter")]
    main_slug = root.text("main_meter", longest=LONGEST_NAME, default="")
    catalog = Catalog(
        path=path,
        unit=unit,
        display=root.choice("display", "credits", "money", default="credits"),
        packs=tuple(pack for _, pack in packs),
        plans=tuple(plan for _, plan in plans),
        meters=tuple(meter for _, meter in meters),
        main_meter=next((meter for _, meter in meters if meter.slug == main_slug), None),
        refund_note=root.text("refund_note", longest=LONGEST_NOTE, default=""),
        refund_days=_refund_days(root),
        **_checkout(root),
    )
    refuse_contradictions(root, catalog, main_slug=main_slug, packs=packs, plans=plans, meters=meters)
    root.refuse_unknown()
    return catalog


def _currency(table: Table, *, default: str | None) -> str:
    """The currency in lower case as Stripe writes it, or nothing if it is at fault."""
    code = table.text("currency", longest=LONGEST_WORD, default=default).lower()
    if is_stripe_currency(code):
        return code
    if code and table.is_sound("currency"):
        table.fault("currency", f'currency "{code}" is none that Stripe can charge; write one like "usd".')
    return ""


def _unit(root: Table, currency: str) -> CreditUnit:
    table = root.table("credit") or Table({}, ("credit",), "[credit]", Faults(path=root.faults.path, text=""))
    unit = CreditUnit(
        singular=table.text("singular", longest=LONGEST_WORD, default="credit"),
        plural=table.text("plural", longest=LONGEST_WORD, default="credits"),
        symbol=table.text("symbol", longest=4, default=""),
        decimals=table.count("decimals", least=0, most=4, default=0),
        worth_minor=table.count("worth_minor", most=LARGEST_AMOUNT_MINOR),
        worth_credits=table.count("worth_credits", default=1),
        currency=currency,
    )
    table.refuse_unknown()
    return unit


def _refund_days(root: Table) -> int:
    """For how long unused credits may be asked back: the table is the policy, and without it there is none."""
    table = root.table("refunds", is_needed=False)
    if table is None:
        return 0
    days = table.count("window_days", most=MOST_REFUND_DAYS)
    table.refuse_unknown()
    return days


def _checkout(root: Table) -> dict[str, bool]:
    """What Stripe's page does beside taking money; without the table nothing."""
    table = root.table("checkout", is_needed=False)
    if table is None:
        return {}
    switches = {
        "takes_promotion_codes": table.flag("promotion_codes", default=False),
        "has_automatic_tax": table.flag("automatic_tax", default=False),
    }
    table.refuse_unknown()
    return switches


def _pack(table: Table, currency: str) -> Pack:
    own_currency = _currency(table, default=currency)
    pack = Pack(
        slug=table.slug(),
        name=table.text("name", longest=LONGEST_NAME),
        credits=table.count("credits"),
        amount_minor=_amount_minor(table, own_currency, least=1),
        currency=own_currency,
        audience=table.text("audience", longest=60, default="anyone"),
        is_featured=table.flag("featured", default=False),
        is_active=table.flag("active", default=True),
        badge=table.text("badge", longest=LONGEST_BADGE, default=""),
        takeback=table.choice("takeback", "debt", "floor", default="debt"),
    )
    table.refuse_unknown()
    return pack


def _plan(table: Table, currency: str) -> Plan:
    own_currency = _currency(table, default=currency)
    interval: Interval = table.choice("interval", "month", "year", default="month")
    plan = Plan(
        slug=table.slug(),
        name=table.text("name", longest=LONGEST_NAME),
        amount_minor=_amount_minor(table, own_currency, least=0),
        currency=own_currency,
        interval=interval,
        allowance_credits=table.count("allowance_credits", least=0, default=0),
        welcome_credits=table.count("welcome_credits", least=0, default=0),
        allowance_every=table.choice("allowance_every", "month", "year", default=interval),
        rollover_credits=table.count("rollover_credits", least=0, default=0),
        trial_days=table.count("trial_days", least=0, most=MOST_TRIAL_DAYS, default=0),
        is_active=table.flag("active", default=True),
    )
    table.refuse_unknown()
    return plan


def _amount_minor(table: Table, currency: str, *, least: int) -> int:
    """A price in minor units that Stripe can charge in this currency."""
    most, step = (largest_charge_minor(currency), smallest_step_minor(currency)) if currency else (LARGEST_COUNT, 1)
    amount_minor = table.count("amount_minor", least=least, most=most)
    if table.is_sound("amount_minor") and amount_minor % step:
        table.fault("amount_minor", f"Stripe wants amounts in {currency} in steps of {step}, not {amount_minor:,}.")
    return amount_minor
