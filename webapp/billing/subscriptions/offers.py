"""Which plans Stripe can sell, and why not. Page and checkout look at the same Prices."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.billing.offers import fault_of, prices_by_lookup_key
from webapp.catalog import Catalog, Plan


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """One plan as it can be sold. `code` is a stable word and `reason` its sentence for operators, '' if it can."""

    plan: Plan
    code: str
    reason: str

    @property
    def is_on_sale(self) -> bool:
        """Whether somebody without a subscription could take it now."""
        return self.plan.is_active and not self.code


def plan_offers(session: Session, catalog: Catalog, *, stripe_mode: str) -> tuple[PlanOffer, ...]:
    """An offer for each plan that is paid, in the catalogue's order, whether it is still sold or not. One query."""
    keys = [str(plan.lookup_key) for plan in catalog.paid_plans]
    prices = prices_by_lookup_key(session, stripe_mode, keys)
    return tuple(
        PlanOffer(plan, *fault_of(plan, prices.get(str(plan.lookup_key)), stripe_mode)) for plan in catalog.paid_plans
    )
