"""What the caller may buy and what work costs, as JSON."""

from flask import Response

from webapp.api.answers import answer
from webapp.api.callers import caller
from webapp.api.schemas import CatalogAnswer, LockedPackAnswer, MeterAnswer, PackAnswer, PlanAnswer, UnitAnswer
from webapp.billing.offers import offers
from webapp.billing.subscriptions.offers import plan_offers
from webapp.billing.subscriptions.standing import plan_standing
from webapp.catalog import Catalog, Pack, Plan
from webapp.extensions import db, parts
from webapp.orm import utc_now
from webapp.web.balance import fresh_balance
from webapp.web.display import money, saving_percent, unit_price


def read_catalog() -> Response:
    """GET /api/catalog: packs the caller can buy at this moment or with a plan, plans, meters; in the file's order."""
    sold, account_id, mode, now = parts().catalog, caller().account_id, parts().settings.payments, utc_now()
    fresh_balance(account_id, now=now)  # nothing is offered to an account that isn't there
    standing = plan_standing(db.session(), sold, account_id, stripe_mode=mode)
    found = offers(db.session(), sold, account_id=account_id, plan=standing.plan, stripe_mode=mode, now=now)
    return answer(
        CatalogAnswer(
            unit=UnitAnswer.model_validate(sold.unit),
            packs=[_pack_answer(offer.pack, sold) for offer in found if offer.state == "open"],
            locked_packs=[_locked_answer(offer.pack) for offer in found if offer.state == "locked"],
            plans=_plan_answers(sold, standing.plan, mode),
            meters=[MeterAnswer.model_validate(meter) for meter in sold.meters],
        )
    )


def _plan_answers(sold: Catalog, yours: Plan | None, stripe_mode: str) -> list[PlanAnswer]:
    """Each plan that is sold, and the caller's own if it is not any more."""
    offered = plan_offers(db.session(), sold, stripe_mode=stripe_mode)
    on_sale = {offer.plan.slug for offer in offered if offer.is_on_sale}
    return [
        _plan_answer(plan, is_yours=plan == yours, is_on_sale=plan.slug in on_sale)
        for plan in sold.plans
        if plan.is_active or plan == yours
    ]


def _plan_answer(plan: Plan, *, is_yours: bool, is_on_sale: bool) -> PlanAnswer:
    return PlanAnswer(
        slug=plan.slug,
        name=plan.name,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        price=money(plan.amount_minor, plan.currency),
        interval=plan.interval,
        allowance_credits=plan.allowance_credits,
        allowance_every=plan.allowance_every,
        rollover_credits=plan.rollover_credits,
        trial_days=plan.trial_days,
        is_yours=is_yours,
        is_on_sale=is_on_sale,
    )


def _locked_answer(pack: Pack) -> LockedPackAnswer:
    return LockedPackAnswer(
        slug=pack.slug,
        name=pack.name,
        credits=pack.credits,
        amount_minor=pack.amount_minor,
        currency=pack.currency,
        price=money(pack.amount_minor, pack.currency),
        needs_plan=pack.plan_slug,
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
