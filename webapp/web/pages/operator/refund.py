"""The form of a refund: how much of what is left, and what that does to the credits."""

import re
from decimal import Decimal
from typing import Any

from flask import abort

from webapp.billing import queries
from webapp.billing.models import Purchase
from webapp.billing.money_back.orders import left_minor
from webapp.billing.money_back.payment import paid_currency
from webapp.billing.money_back.refunding import RefundPreview, preview
from webapp.extensions import db
from webapp.money import decimals_shown, exponent
from webapp.operators.acts import Act, Asked, clean_reason
from webapp.operators.errors import InvalidAmount
from webapp.operators.refunds import ACT, before_and_after, facts_of
from webapp.web.display import money
from webapp.web.pages.operator.deeds import Deed
from webapp.web.pages.operator.doing import Form, told
from webapp.web.pages.operator.person import side
from webapp.web.pages.reader import Reader

REFUND = Deed("refund", "Refund a purchase", "Refund", "billing", ("purchase", "amount"))

_MONEY = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,3}))?")


def refund_form(reader: Reader, account_id: int, form: Form) -> dict[str, Any]:
    """`operator/do/form.html` for a refund. A purchase that isn't the account's is a missing page."""
    purchase = own_purchase(account_id, form)
    left, currency = left_minor(db.session(), purchase), paid_currency(purchase)
    shown = {"purchase": purchase, "left": money(left, currency, reader.locale), "changes": []}
    return side(reader, account_id, "purchases") | {"deed": REFUND, "form": form} | shown


def refund_check(reader: Reader, account_id: int, form: Form) -> dict[str, Any]:
    """`operator/do/check.html` for a refund. Raises what ordering it would raise."""
    purchase, asked = own_purchase(account_id, form), asked_by(reader, account_id, form)
    seen = preview(
        db.session(), purchase, amount_minor=amount_of(form, purchase), stripe_mode=reader.stripe_mode, now=reader.now
    )
    context = side(reader, account_id, "purchases") | {"deed": REFUND, "form": form}
    return context | told(foreseen(asked, purchase, seen), reader)


def foreseen(asked: Asked, purchase: Purchase, seen: RefundPreview) -> Act:
    """The act as it would be written down now."""
    before, after = before_and_after(purchase, seen.credits, seen.amount_minor)
    return Act(
        id="",
        account_id=asked.account_id,
        operator_id=asked.operator_id,
        act=ACT,
        reason=clean_reason(asked.reason),
        facts=facts_of(purchase, seen.credits, seen.amount_minor),
        before=before,
        after=after,
        entry_seqs=(),
        form_key=asked.form_key,
        acted_at=asked.now,
    )


def asked_by(reader: Reader, account_id: int, form: Form) -> Asked:
    """What the act is asked with."""
    return Asked(reader.user_id, account_id, form.typed.get("reason", ""), form.key, reader.now)


def own_purchase(account_id: int, form: Form) -> Purchase:
    """The account's purchase that the form names; 404 for any other."""
    return queries.purchase(db.session(), account_id, form.typed["purchase"]) or abort(404)


def amount_of(form: Form, purchase: Purchase) -> int | None:
    """The money that was typed, in minor units; None for all that is left. Raises InvalidAmount."""
    text, currency = form.typed["amount"].strip(), paid_currency(purchase)
    if not text:
        return None
    found, places = _MONEY.fullmatch(text), decimals_shown(currency)
    if found is None or len(found[2] or "") > places:
        example = "5" if places == 0 else f"5.{'0' * places}"
        raise InvalidAmount(f"Enter money like {example}, or nothing for all that is left.", field="amount")
    return int(Decimal(f"{found[1]}.{found[2] or 0}").scaleb(exponent(currency)))
