"""Checks of plans: Prices, subscriptions that the catalogue or an account has one too many of, the customer portal."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select

from webapp.billing.errors import StripeRefused, StripeUnreachable
from webapp.billing.subscriptions.models import Subscription
from webapp.billing.subscriptions.offers import plan_offers
from webapp.billing.subscriptions.portal_settings import TERMS, our_portal, portal_settings
from webapp.billing.sync import read_prices
from webapp.doctor.check import Look, State, counted
from webapp.doctor.stripe import not_asked
from webapp.extensions import end_reading

Found = tuple[State, str] | tuple[State, str, Mapping[str, Any]]


def plans(look: Look) -> Found:
    """Whether every plan on sale has a Price at Stripe that says what the catalogue says; as last read."""
    sold = [plan for plan in look.catalog.paid_plans if plan.is_active]
    if look.mode == "off" or not sold:
        return "ok", "Payments are off, so no plan is sold." if sold else "The catalogue sells no plan."
    offers = plan_offers(look.session, look.catalog, stripe_mode=look.mode)
    faults = [offer.plan.slug for offer in offers if offer.plan.is_active and offer.code]
    if faults:
        words = f"{counted(len(faults), 'plan', 'plans')} can't be subscribed to: {', '.join(faults)}"
        return "bad", f"{words}. Run `flask stripe sync`.", {"plans": faults}
    return "ok", f"All {counted(len(sold), 'plan has its Price', 'plans have their Prices')} at Stripe."


def subscriptions(look: Look) -> Found:
    """Whether somebody pays for a plan that the catalogue has no more, or twice."""
    alive = Subscription.stripe_mode == look.mode, Subscription.ended_at.is_(None)
    by_plan = select(Subscription.plan_slug, func.count()).where(*alive).group_by(Subscription.plan_slug)
    counts: dict[str, int] = dict(look.session.execute(by_plan).all())
    gone = {slug: number for slug, number in counts.items() if look.catalog.plan(slug) is None}
    if gone:
        words = counted(sum(gone.values()), "subscription is", "subscriptions are")
        names = ", ".join(slug or "none of ours" for slug in gone)
        do = "put it back into the catalogue with active = false, or nothing can be given for it"
        return (
            "bad",
            f"{words} on a plan that the catalogue has no more ({names}): {do}.",
            {"gone": gone},
        )
    of_account = select(Subscription.account_id).where(*alive).group_by(Subscription.account_id)
    twice = list(look.session.scalars(of_account.having(func.count() > 1).limit(100)))
    if twice:
        words = counted(len(twice), "account has", "accounts have")
        do = "cancel one in Stripe's dashboard and refund its invoice"
        return "bad", f"{words} two live subscriptions, and pays for both: {do}.", {"accounts": twice}
    return "ok", f"{counted(sum(counts.values()), 'subscription is', 'subscriptions are')} alive.", {"plans": counts}


def portal(look: Look) -> Found:
    """Whether Stripe has our settings of the customer portal, and they are of the present catalogue."""
    if look.gateway is None or not look.catalog.paid_plans:
        return "ok", "No customer portal is needed."
    end_reading()
    try:
        held, prices = our_portal(look.gateway), read_prices(look.gateway, look.catalog)
    except (StripeUnreachable, StripeRefused) as error:
        return not_asked(error)
    if held is None:
        return "bad", "Stripe has no settings for the customer portal of this server. Run `flask stripe sync`."
    wanted = portal_settings(look.catalog, prices)["metadata"][TERMS]
    if held[1] != wanted:
        return (
            "warn",
            "The customer portal offers what an older catalogue had. Run `flask stripe sync`.",
            {"id": held[0]},
        )
    return "ok", f"The customer portal {held[0]} offers what the catalogue sells.", {"id": held[0]}
