"""Asking Stripe about a subscription: what it is now, and its invoices. No transaction may be open."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from webapp.billing.gateway import Gateway
from webapp.billing.plan_objects import Invoice, SubscriptionFacts
from webapp.billing.stripe_objects import Price
from webapp.catalog.shapes import PLAN_LOOKUP_PREFIX

# Stripe makes the invoice of a period when it begins; clocks and drafts are given two days.
BEFORE_THE_PERIOD = dt.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class PlanTold:
    """A subscription and its invoices since its present period began, as Stripe had them when it was asked.

    `plans` names the plan of each Price in them; a Price that is none of ours isn't there. `known_at` is the stored
    `read_at` from before asking: whatever had been settled until then is older than this answer. None: nothing had.
    """

    subscription: SubscriptionFacts
    invoices: tuple[Invoice, ...]
    plans: Mapping[str, str]
    known_at: dt.datetime | None

    @property
    def plan_slug(self) -> str | None:
        """The plan subscribed to; None if it is none of ours."""
        return self.plans.get(self.subscription.price.id)

    @property
    def next_plan_slug(self) -> str:
        """The plan that comes with the next period, '' for the same."""
        return self.plans.get(self.subscription.next_price_id or "", "")

    @property
    def fingerprint(self) -> str:
        """Equal for answers that say the same."""
        said = repr((self.subscription, self.invoices, sorted(self.plans.items())))
        return hashlib.sha256(said.encode()).hexdigest()


def ask_plan(gateway: Gateway, subscription_id: str, *, known_at: dt.datetime | None) -> PlanTold | None:
    """All that Stripe says of a subscription now; None if it has none of this id.

    `known_at` is the `read_at` that is stored for it, read before this is called. Raises StripeUnreachable or
    StripeRefused.
    """
    subscription = gateway.subscription(subscription_id)
    if subscription is None:
        return None
    invoices = gateway.invoices(subscription_id, since=subscription.period_starts_at - BEFORE_THE_PERIOD)
    plans = _plans(gateway, subscription, invoices)
    return PlanTold(subscription, invoices, plans, known_at)


def plan_of_price(price: Price) -> str | None:
    """The plan that a Price is of, by what `flask stripe sync` wrote on it; None for a Price of something else.

    The lookup key may have moved on to a newer Price; the metadata stays.
    """
    if price.metadata.get("type") == "plan":
        return price.metadata.get("plan")
    if price.lookup_key and price.lookup_key.startswith(PLAN_LOOKUP_PREFIX):
        return price.lookup_key.removeprefix(PLAN_LOOKUP_PREFIX)
    return None


def _plans(gateway: Gateway, subscription: SubscriptionFacts, invoices: tuple[Invoice, ...]) -> dict[str, str]:
    """The plan of each Price that is named anywhere. Those of plans before a switch have to be asked for."""
    lines = [line for one in invoices for line in one.lines if line.item_id == subscription.item_id]
    named = {line.price_id for line in lines} | {subscription.next_price_id}
    prices = [subscription.price]
    for price_id in sorted(named - {None, subscription.price.id}, key=str):
        found = gateway.price(str(price_id))
        prices += [found] if found else []
    return {one.id: slug for one in prices if (slug := plan_of_price(one)) is not None}
