"""The two catalogues that come with Refill are what the pages and the documents say."""

from pathlib import Path

from webapp.catalog import Catalog, load_catalog
from webapp.metering import cost_credits

ROOT = Path(__file__).parents[2]


def sample() -> Catalog:
    return load_catalog(ROOT / "catalog.toml")


def test_the_sample_has_the_six_packs_in_order() -> None:
    packs = [(pack.slug, pack.name, pack.credits, pack.amount_minor, pack.audience) for pack in sample().packs]
    assert packs == [
        ("starter", "Starter", 100, 500, "anyone"),
        ("small", "Small", 500, 2000, "anyone"),
        ("popular", "Popular", 1000, 3500, "anyone"),
        ("power", "Power", 5000, 15000, "anyone"),
        ("maximum", "Maximum", 10000, 25000, "anyone"),
        ("plus-extra", "Plus extra", 200, 599, "plan:plus"),
    ]
    assert {pack.currency for pack in sample().packs} == {"usd"}
    assert all(pack.is_active and pack.takeback == "debt" for pack in sample().packs)


def test_only_popular_is_featured() -> None:
    assert [(pack.slug, pack.badge) for pack in sample().packs if pack.is_featured] == [("popular", "Most popular")]


def test_the_sample_has_three_plans_and_welcomes_new_accounts() -> None:
    plans = [(plan.slug, plan.amount_minor, plan.interval, plan.allowance_credits) for plan in sample().plans]
    assert plans == [("free", 0, "month", 0), ("plus", 1900, "month", 500), ("pro", 4900, "month", 2000)]
    assert sample().welcome_credits == 20
    assert sample().default_plan == sample().plan("free")


def test_the_meters_cost_what_the_documents_say() -> None:
    meters = {meter.slug: meter for meter in sample().meters}
    assert cost_credits(meters["call_minute"], 12) == 36
    assert cost_credits(meters["transcript"], 4) == 4
    assert [cost_credits(meters["tokens"], n) for n in (1, 500, 501, 1000, 1001)] == [1, 1, 2, 2, 3]
    assert sample().main_meter == meters["call_minute"]


def test_one_credit_is_five_cents_and_one_minute_fifteen() -> None:
    unit = sample().unit
    assert (unit.worth_minor, unit.worth_credits, unit.currency) == (5, 1, "usd")
    assert (unit.singular, unit.plural, unit.symbol, unit.decimals) == ("credit", "credits", "", 0)


def test_a_policy_of_refunds_is_only_shown_if_the_operator_sets_one() -> None:
    assert sample().refund_note == ""
    assert sample().refund_days == 0


def test_the_other_example_sells_minutes_for_money() -> None:
    catalog = load_catalog(ROOT / "examples" / "voice-minutes.toml")
    assert [pack.name for pack in catalog.packs] == ["Starter", "Popular", "Pro", "Business"]
    assert catalog.display == "money"
    assert (catalog.unit.worth_minor, catalog.unit.worth_credits) == (1, 1)
    assert catalog.main_meter is not None
    assert cost_credits(catalog.main_meter, 1) == 15
    assert catalog.welcome_credits == 0
    assert catalog.default_plan is None


def test_things_are_found_by_slug() -> None:
    catalog = sample()
    assert catalog.pack("popular") is catalog.packs[2]
    assert catalog.plan("pro") is catalog.plans[2]
    assert catalog.meter("tokens") is catalog.meters[2]
    assert catalog.pack("nothing") is None
    assert catalog.plan("popular") is None
    assert catalog.meter("") is None


def test_stripe_knows_packs_and_plans_by_stable_names() -> None:
    catalog = sample()
    assert [pack.lookup_key for pack in catalog.packs][:2] == ["refill_pack_starter", "refill_pack_small"]
    assert [plan.lookup_key for plan in catalog.plans] == [None, "refill_plan_plus", "refill_plan_pro"]


def test_the_hash_of_terms_is_the_same_tomorrow() -> None:
    popular = sample().pack("popular")
    assert popular is not None
    # printf '["popular", 1000, 3500, "usd"]' | sha256sum
    assert popular.terms == "8479398c576c2b92"
    assert len({pack.terms for pack in sample().packs}) == 6


def test_who_may_buy_is_a_rule_of_the_pack() -> None:
    catalog = sample()
    open_to = {
        pack.slug: [pack.is_open_to(plan) for plan in (None, *catalog.plans)]
        for pack in catalog.packs
        if pack.slug in {"starter", "plus-extra"}
    }
    assert open_to == {"starter": [True, True, True, True], "plus-extra": [False, False, True, False]}
