"""What the caller may buy and what work costs, as JSON."""

from flask import Response

from webapp.api.answers import answer
from webapp.api.callers import caller
from webapp.api.schemas import CatalogAnswer, MeterAnswer, PackAnswer, PlanAnswer, UnitAnswer
from webapp.billing.offers import offers
from webapp.catalog import Catalog, Pack
from webapp.extensions import db, parts
from webapp.orm import utc_now
from webapp.web.balance import fresh_balance
from webapp.web.display import money, saving_percent, unit_price


def read_catalog() -> Response:
    """GET /api/catalog: packs the caller can buy at this moment, all plans, all meters; in the catalogue's order."""
    sold = parts().catalog
    fresh_balance(caller().account_id, now=utc_now())  # nothing is offered to an account that isn't there
    found = offers(
        db.session(),
        sold,
        account_id=caller().account_id,
        plan=sold.default_plan,
        stripe_mode=parts().settings.payments,
        now=utc_now(),
    )
    return answer(
        CatalogAnswer(
            unit=UnitAnswer.model_validate(sold.unit),
            packs=[_pack_answer(offer.pack, sold) for offer in found if offer.state == "open"],
            plans=[PlanAnswer.model_validate(plan) for plan in sold.plans],
            meters=[MeterAnswer.model_validate(meter) for meter in sold.meters],
        )
    )


def _pack_answer(pack: Pack, sold: Catalog) -> PackAnswer:
    return PackAnswer(
        slug=pack.slug,
        name=pack.name,
        credits=pack.credits,
        amount_minor=pack.amount_minor,
        currency=pack.currency,
        price=money(pack.amount_minor, pack.currency),
        unit_price=unit_price(pack, sold.unit),
        saving_percent=saving_percent(pack, sold.packs),
        is_featured=pack.is_featured,
        badge=pack.badge,
        terms=pack.terms,
    )
