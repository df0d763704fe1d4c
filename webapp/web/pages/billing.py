"""The billing page: the plan with its allowance, what pays for it, the plans to choose from, and invoices."""

import secrets
from dataclasses import dataclass
from typing import Any

from webapp.billing.customers import customer_of
from webapp.billing.subscriptions.invoices import invoices_shown
from webapp.billing.subscriptions.models import PlanInvoice, Subscription
from webapp.billing.subscriptions.offers import PlanOffer, plan_offers
from webapp.catalog import Pack, Plan
from webapp.extensions import db
from webapp.web.pages.allowance import AllowanceMeter, allowance_meter
from webapp.web.pages.plan_verbs import Verb, verb_of
from webapp.web.pages.plan_watch import NOT_WATCHED, Watch, fingerprint
from webapp.web.pages.plan_words import EACH, Chip, PlanWords, plan_name, plan_words, price_words
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell, without_alert

INVOICES_SHOWN = 24

INVOICE_CHIPS: dict[str, Chip] = {
    "paid": ("ok", "check", "Paid"),
    "open": ("warn", "clock", "Open"),
    "uncollectible": ("bad", "x", "Not collected"),
}
# Stripe's names of what pays, where they aren't simply written with a capital.
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "eftpos_au": "Eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "sepa_debit": "SEPA direct debit",
    "unionpay": "UnionPay",
    "us_bank_account": "Bank account",
    "paypal": "PayPal",
}


@dataclass(frozen=True, slots=True)
class PlanCard:
    """The card of the reader's plan. `price` is '' for one that costs nothing, `method` where nothing pays yet."""

    name: str
    price: str
    words: PlanWords
    allowance: AllowanceMeter | None
    method: str
    is_subscribed: bool
    can_cancel: bool
    has_customer: bool


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One plan of the table: what it brings, and the verb. `fault` is for operators, `key` for one sending."""

    plan: Plan
    price: str
    brings: tuple[str, ...]
    packs: tuple[Pack, ...]
    verb: Verb
    fault: str
    key: str
    is_present: bool


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One line of the list of invoices."""

    invoice: PlanInvoice
    chip: Chip


def billing_page(reader: Reader, watch: Watch) -> dict[str, Any]:
    """The whole page; `watch` is what the reader came from."""
    page = plan_card(reader, watch) | plans(reader) | invoices(reader)
    return without_alert(shell(reader) | page, page["card"].words.title)  # the card says the same


def plan_card(reader: Reader, watch: Watch = NOT_WATCHED) -> dict[str, Any]:
    """`billing/_plan_card.html`: asked for again every two seconds while what Stripe says may still come."""
    return {
        "reader": reader,
        "card": _card(reader),
        "watch": watch,
        "card_address": watch.address(fingerprint(reader)),
        "packs_need_plan": _packs_need_plan(reader),
    }


def plans(reader: Reader) -> dict[str, Any]:
    """`billing/_plans.html`: all plans on sale, and the reader's own. One that Stripe can't sell is for operators."""
    row = reader.plan_standing.subscription
    rows = [
        _plan_row(reader, offer, row)
        for offer in plan_offers(db.session(), reader.catalog, stripe_mode=reader.stripe_mode)
    ]
    free = reader.catalog.default_plan
    shown = [found for found in rows if _is_shown(reader, found)]
    return {
        "reader": reader,
        "plans": [_free_row(reader, free), *shown] if free and shown else shown,
        "can_subscribe": reader.stripe_mode != "off",
    }


def invoices(reader: Reader) -> dict[str, Any]:
    """`billing/_invoices.html`: the newest invoices."""
    found = invoices_shown(db.session(), reader.account_id, limit=INVOICES_SHOWN)
    return {"reader": reader, "invoices": [InvoiceRow(one, INVOICE_CHIPS[one.status]) for one in found]}


def _card(reader: Reader) -> PlanCard:
    standing = reader.plan_standing
    row = standing.subscription
    # One that has ended is told about on the card of the plan that is there instead.
    words = plan_words(reader, row)
    subscribed = row if standing.is_subscribed else None
    return PlanCard(
        name=_card_name(reader, subscribed),
        price=_price(reader, subscribed),
        words=words,
        allowance=allowance_meter(reader),
        method=_method(subscribed),
        is_subscribed=subscribed is not None,
        can_cancel=subscribed is not None and subscribed.ends_at is None and subscribed.status != "incomplete",
        has_customer=subscribed is not None or _has_customer(reader),
    )


def _card_name(reader: Reader, row: Subscription | None) -> str:
    if row is not None:
        return plan_name(reader, row.plan_slug)
    return reader.plan.name if reader.plan else "No plan"


def _price(reader: Reader, row: Subscription | None) -> str:
    return price_words(row.amount_minor, row.currency, row.billed_every, reader.locale) if row else ""


def _method(row: Subscription | None) -> str:
    """`Visa ending in 4242`."""
    if row is None or not row.card_brand:
        return ""
    brand = BRANDS.get(row.card_brand, row.card_brand.replace("_", " ").capitalize())
    return f"{brand} ending in {row.card_last4}" if row.card_last4 else brand


def _has_customer(reader: Reader) -> bool:
    return customer_of(db.session(), reader.account_id, reader.stripe_mode) is not None


def _packs_need_plan(reader: Reader) -> bool:
    """Whether there is nothing to buy for somebody without a subscription."""
    on_sale = [pack for pack in reader.catalog.packs if pack.is_active]
    return bool(on_sale) and not any(pack.is_open_to(reader.plan) for pack in on_sale)


def _plan_row(reader: Reader, offer: PlanOffer, row: Subscription | None) -> PlanRow:
    plan = offer.plan
    return PlanRow(
        plan=plan,
        price=price_words(plan.amount_minor, plan.currency, plan.interval, reader.locale),
        brings=_brings(plan),
        packs=_packs_of(reader, plan),
        verb=verb_of(reader, offer, row),
        fault=offer.reason if offer.code != "payments_off" else "",
        key=secrets.token_urlsafe(16),
        is_present=row is not None and row.ended_at is None and row.plan_slug == plan.slug,
    )


def _free_row(reader: Reader, plan: Plan) -> PlanRow:
    is_present = not reader.plan_standing.is_subscribed
    verb = Verb("here", "Current plan") if is_present else Verb("")
    return PlanRow(plan, "", _brings(plan), _packs_of(reader, plan), verb, "", "", is_present)


def _brings(plan: Plan) -> tuple[str, ...]:
    """How often the allowance comes, for the line behind its amount."""
    return (EACH[plan.allowance_every],) if plan.allowance_credits else ()


def _packs_of(reader: Reader, plan: Plan) -> tuple[Pack, ...]:
    """The packs that are not for everybody, and are for this plan."""
    return tuple(
        pack for pack in reader.catalog.packs if pack.is_active and pack.audience != "anyone" and pack.is_open_to(plan)
    )


def _is_shown(reader: Reader, row: PlanRow) -> bool:
    if row.is_present or row.verb.kind == "here":
        return True
    return row.plan.is_active and (not row.fault or reader.is_operator)
