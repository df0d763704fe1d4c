"""GET /api/catalog: what the caller can buy now, at which price, and what work costs."""

from sqlalchemy import update

from tests.api.calling import answer, problem
from webapp.billing.models import StripePrice
from webapp.extensions import transact

PATH = "/api/catalog"


def test_the_catalog_tells_unit_packs_plans_and_meters(api):
    found = answer(api.get(PATH))
    assert set(found) == {"unit", "packs", "locked_packs", "plans", "meters"}
    assert found["unit"] == {
        "singular": "credit",
        "plural": "credits",
        "symbol": "",
        "decimals": 0,
        "worth_minor": 5,
        "worth_credits": 1,
        "currency": "usd",
    }


def test_packs_carry_the_facts_of_their_price(api):
    packs = {pack.pop("slug"): pack for pack in answer(api.get(PATH))["packs"]}
    popular = packs["popular"]
    assert len(popular.pop("terms")) == 16
    assert popular == {
        "name": "Popular",
        "credits": 1000,
        "amount_minor": 3500,
        "currency": "usd",
        "price": "$35.00",
        "unit_price": "$0.035",
        "saving_percent": 30,
        "is_featured": True,
        "badge": "Most popular",
    }
    assert [pack["saving_percent"] for pack in packs.values()] == [0, 20, 30, 40, 50]


def test_packs_stand_in_the_order_of_the_catalogue_and_locked_ones_are_absent(api):
    slugs = [pack["slug"] for pack in answer(api.get(PATH))["packs"]]
    assert slugs == ["starter", "small", "popular", "power", "maximum"]  # not plus-extra: it needs a plan


def test_a_pack_that_stripe_has_at_another_price_is_absent(api):
    transact(
        lambda session: session.execute(
            update(StripePrice).where(StripePrice.lookup_key == "refill_pack_small").values(amount_minor=1)
        )
    )
    slugs = [pack["slug"] for pack in answer(api.get(PATH))["packs"]]
    assert slugs == ["starter", "popular", "power", "maximum"]


def test_plans_and_meters_are_told_as_the_catalogue_has_them(api):
    found = answer(api.get(PATH))
    assert [(plan["slug"], plan["amount_minor"], plan["allowance_credits"]) for plan in found["plans"]] == [
        ("free", 0, 0),
        ("plus", 1900, 500),
        ("pro", 4900, 2000),
    ]
    assert {plan["interval"] for plan in found["plans"]} == {"month"}
    meters = [(meter["slug"], meter["credits"], meter["per"], meter["rounding"]) for meter in found["meters"]]
    assert meters == [("call_minute", 3, 1, "started"), ("transcript", 1, 1, "total"), ("tokens", 2, 1000, "total")]
    assert found["meters"][2] == {
        "slug": "tokens",
        "title": "Tokens",
        "unit": "token",
        "credits": 2,
        "per": 1000,
        "tiers": [{"up_to": None, "credits": 2, "per": 1000}],
        "rounding": "total",
        "minimum_credits": 0,
        "overrun": "refuse",
    }


def test_nobody_is_told_no_prices_of_their_own(anonymous_api):
    problem(anonymous_api.get(PATH), 401, "not_signed_in")
