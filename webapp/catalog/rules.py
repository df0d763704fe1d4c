"""What must hold between the tables of one catalogue: names, one currency, who may buy, what plans may give."""

from collections.abc import Sequence

from webapp.catalog.shapes import Catalog, Meter, Pack, Plan
from webapp.catalog.table import Table

# A pack's card has the id `pack-<slug>`; these ids of the credits page are parts of it already.
TAKEN_PACK_SLUGS = frozenset({"grid", "estimate"})

Packs = Sequence[tuple[Table, Pack]]
Plans = Sequence[tuple[Table, Plan]]
Meters = Sequence[tuple[Table, Meter]]


def refuse_contradictions(
    root: Table, catalog: Catalog, *, main_slug: str, packs: Packs, plans: Plans, meters: Meters
) -> None:
    """Note every fault that only shows when the tables are read together."""
    if not root.values.get("packs", []):
        root.fault("packs", "there is nothing to buy: add at least one [[packs]] table.")
    for items in (packs, plans, meters):
        _refuse_duplicates(items)
    for table, pack in packs:
        if pack.slug in TAKEN_PACK_SLUGS:
            table.fault("slug", f'slug "{pack.slug}" is a name of the credits page itself; choose another.')
    priced: list[tuple[Table, Pack | Plan]] = [*packs, *plans]
    for table, item in priced:
        _refuse_other_currency(table, item, catalog.unit.currency)
    _refuse_second_featured(packs)
    _refuse_unknown_audiences(packs, plans)
    _refuse_second_free(plans)
    for table, plan in plans:
        _refuse_impossible_allowance(table, plan)
    _refuse_unknown_main_meter(root, main_slug, catalog)
    if not root.faults:
        _refuse_parts_of_money(root, catalog)


def _refuse_duplicates(items: Sequence[tuple[Table, Pack | Plan | Meter]]) -> None:
    seen: set[str] = set()
    for table, item in items:
        slug = item.slug.casefold()
        if slug in seen:
            table.fault("slug", f'another one above has the slug "{slug}" already.')
        elif slug:
            seen.add(slug)


def _refuse_other_currency(table: Table, item: Pack | Plan, currency: str) -> None:
    if item.currency and currency and item.currency != currency:
        table.fault("currency", f'currency is "{item.currency}", but the catalogue is in "{currency}".')


def _refuse_second_featured(packs: Packs) -> None:
    featured = [table for table, pack in packs if pack.is_featured]
    for table in featured[1:]:
        table.fault("featured", f"{featured[0].name} is featured already; only one pack can be.")


def _refuse_unknown_audiences(packs: Packs, plans: Plans) -> None:
    slugs = {plan.slug for _, plan in plans}
    has_subscriptions = any(not plan.is_free or not table.is_sound("amount_minor") for table, plan in plans)
    for table, pack in packs:
        if pack.audience == "anyone" or not table.is_sound("audience"):
            continue
        if pack.audience == "subscribers":
            if not has_subscriptions:
                table.fault("audience", 'audience is "subscribers", but there is no plan to subscribe to.')
        elif pack.plan_slug is None:
            table.fault(
                "audience", f'audience must be "anyone", "subscribers" or "plan:<slug>", not "{pack.audience}".'
            )
        elif pack.plan_slug not in slugs:
            table.fault("audience", f'audience names the plan "{pack.plan_slug}", which is not in this file.')


def _refuse_second_free(plans: Plans) -> None:
    free = [table for table, plan in plans if plan.is_free and table.is_sound("amount_minor")]
    for table in free[1:]:
        table.fault(
            "amount_minor",
            f"{free[0].name} costs nothing already; only the one plan of people without a subscription can.",
        )


def _refuse_impossible_allowance(table: Table, plan: Plan) -> None:
    """A trial and a payment belong to a subscription, a welcome to a new account, a part of a period to no plan."""
    if not table.is_sound("amount_minor"):
        return
    if plan.is_free and not plan.is_active:
        table.fault("active", "a plan that costs nothing is everybody's without a subscription: leave the table out.")
    if plan.is_free and plan.trial_days:
        table.fault("trial_days", "trial_days are for plans that cost something.")
    if plan.is_free and "year" in {plan.interval, plan.allowance_every}:
        key = "interval" if plan.interval == "year" else "allowance_every"
        table.fault(key, "a plan that costs nothing gives its allowance every month.")
    if not plan.is_free and plan.welcome_credits:
        sentence = "welcome_credits are for new accounts: only the plan that costs nothing has them."
        table.fault("welcome_credits", sentence)
    if plan.interval == "month" and plan.allowance_every == "year" and not plan.is_free:
        table.fault("allowance_every", 'allowance_every is "year", but this plan is paid every month.')
    if plan.rollover_credits and not plan.allowance_credits:
        table.fault("rollover_credits", "rollover_credits needs an allowance that something can be left of.")


def _refuse_unknown_main_meter(root: Table, main_slug: str, catalog: Catalog) -> None:
    if main_slug and catalog.meter(main_slug) is None:
        root.fault("main_meter", f'main_meter names the meter "{main_slug}", which is not in this file.')


def _refuse_parts_of_money(root: Table, catalog: Catalog) -> None:
    """Shown as money, the lines of a history must add up to the balance."""
    unit = catalog.unit
    if catalog.display == "money" and unit.worth_minor % unit.worth_credits:
        root.fault(
            "display",
            f'display = "money" needs each credit to be worth whole minor units, but {unit.worth_credits:,} credits '
            f"are worth {unit.worth_minor:,}.",
        )
