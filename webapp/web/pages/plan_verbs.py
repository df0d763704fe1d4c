"""What the table of plans offers for each plan, by how it stands to the plan the reader is on."""

from dataclasses import dataclass

from webapp.billing.plan_objects import ON_THE_PLAN
from webapp.billing.subscriptions.models import Subscription
from webapp.billing.subscriptions.offers import PlanOffer
from webapp.billing.subscriptions.portal import PortalFlow
from webapp.catalog import Plan
from webapp.web.dates import date_text
from webapp.web.pages.plan_words import price_words
from webapp.web.pages.reader import Reader


@dataclass(frozen=True, slots=True)
class Verb:
    """`kind` is "subscribe" or "portal" for a button, "here" for a chip, "not" for a sentence, "" for nothing.

    `words` stand on the button, `name` says the whole of it to those who hear it alone.
    """

    kind: str
    words: str = ""
    name: str = ""
    flow: PortalFlow | None = None


def verb_of(reader: Reader, offer: PlanOffer, row: Subscription | None) -> Verb:
    """The verb for a plan that is paid. `row` is the account's subscription, alive, ended or none."""
    plan = offer.plan
    if row is None or row.ended_at is not None:
        return _begin(reader, offer, is_first=row is None)
    if row.plan_slug == plan.slug:
        return _keep(reader, plan, row)
    if row.next_plan_slug == plan.slug:
        return Verb("here", f"From {date_text(row.period_ends_at, reader.zone, reader.locale, reader.now)}")
    if not offer.is_on_sale:
        return Verb("")
    if row.status not in ON_THE_PLAN or row.is_paused:
        return Verb("not", "Your present subscription comes first.")
    return _switch(plan, reader.catalog.plan(row.plan_slug))


def _begin(reader: Reader, offer: PlanOffer, *, is_first: bool) -> Verb:
    plan = offer.plan
    if not offer.is_on_sale:
        return Verb("")
    price = price_words(plan.amount_minor, plan.currency, plan.interval, reader.locale)
    if is_first and plan.trial_days:
        words = f"Start {plan.trial_days}-day trial"
        return Verb("subscribe", words, f"{words} of {plan.name}, then {price}")
    return Verb("subscribe", "Subscribe", f"Subscribe to {plan.name} for {price}")


def _keep(reader: Reader, plan: Plan, row: Subscription) -> Verb:
    if row.ends_at is None:
        return Verb("here", "Current plan")
    words = f"Ends {date_text(row.ends_at, reader.zone, reader.locale, reader.now)}: Keep it"
    return Verb("portal", words, f"{plan.name}: {words}")


def _switch(plan: Plan, present: Plan | None) -> Verb:
    """More credits, or as many for more money, are an upgrade."""
    rank = (plan.allowance_credits, plan.amount_minor)
    is_better = present is not None and rank > (present.allowance_credits, present.amount_minor)
    words = "Upgrade" if is_better else "Switch"
    return Verb("portal", words, f"{words} to {plan.name}", "switch")
