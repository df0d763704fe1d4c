"""What is offered to whom, and why something is not."""

from dataclasses import replace

import pytest
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from tests.support.databases import ROOT
from webapp.billing.models import StripePrice
from webapp.billing.offers import Offer, offer_of, offers
from webapp.catalog import load_catalog
from webapp.extensions import db, parts
from webapp.orm import utc_now

CATALOG = load_catalog(ROOT / "catalog.toml")
POPULAR = CATALOG.pack("popular")
PRICE = {"stripe_mode": "test", "lookup_key": POPULAR.lookup_key, "price_id": "price_1", "product_id": "prod_1"}


def price(**changes: object) -> StripePrice:
    return StripePrice(**{**PRICE, "amount_minor": 3500, "currency": "usd", "is_active": True, **changes})


def offer(pack_slug: str = "popular", plan: str | None = "free", mode: str = "test", **changes: object) -> Offer:
    pack = CATALOG.pack(pack_slug)
    known = price(**{"lookup_key": pack.lookup_key, "amount_minor": pack.amount_minor, **changes})
    return offer_of(pack, CATALOG, plan=CATALOG.plan(plan or ""), price=known, stripe_mode=mode)


def test_a_pack_with_the_right_price_is_open_to_anyone():
    for plan in (None, "free", "pro"):
        found = offer(plan=plan)
        assert (found.state, found.code, found.reason, found.price_id) == ("open", "", "", "price_1")


@pytest.mark.parametrize(
    ("plan", "state", "reason"),
    [
        (None, "locked", "This pack is part of Plus."),
        ("free", "locked", "This pack is part of Plus."),
        ("pro", "locked", "This pack is part of Plus."),
        ("plus", "open", ""),
    ],
)
def test_a_pack_of_a_plan_is_locked_for_every_other_plan(plan, state, reason):
    found = offer("plus-extra", plan)
    assert (found.state, found.reason) == (state, reason)


def test_a_locked_pack_has_no_price_to_buy_it_by():
    assert offer("plus-extra", "free").price_id is None


def test_a_pack_for_subscribers_is_locked_without_a_subscription():
    pack = replace(POPULAR, audience="subscribers")
    found = offer_of(pack, CATALOG, plan=CATALOG.plan("free"), price=price(), stripe_mode="test")
    assert (found.state, found.code, found.reason) == (
        "locked",
        "needs_subscription",
        "This pack is for subscribers.",
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount_minor": 3600}, "price_differs"),
        ({"currency": "eur"}, "price_differs"),
        ({"is_active": False}, "price_inactive"),
        ({"mode": "off"}, "payments_off"),
    ],
)
def test_a_pack_that_can_not_be_bought_says_why_to_operators(changes, code):
    found = offer(**changes)
    assert (found.state, found.code, found.price_id) == ("unavailable", code, None)
    assert found.reason.endswith((".", "sync"))


def test_a_pack_stripe_does_not_know_is_unavailable():
    found = offer_of(POPULAR, CATALOG, plan=None, price=None, stripe_mode="test")
    assert (found.state, found.code) == ("unavailable", "price_missing")
    assert "refill_pack_popular" in found.reason


def found_offers(buying, **changes) -> tuple[Offer, ...]:
    catalog = parts().catalog
    facts = {
        "account_id": buying.user.account_id,
        "plan": catalog.default_plan,
        "stripe_mode": "simulated",
        "now": utc_now(),
    }
    with Session(db.engine) as session:
        return offers(session, catalog, **{**facts, **changes})


def test_offers_stand_in_the_catalogues_order_and_agree_with_stripe(buying):
    found = found_offers(buying)
    assert [(offer.pack.slug, offer.state) for offer in found] == [
        ("starter", "open"),
        ("small", "open"),
        ("popular", "open"),
        ("power", "open"),
        ("maximum", "open"),
        ("plus-extra", "locked"),
    ]
    assert all(offer.price_id for offer in found if offer.state == "open")


def test_prices_of_another_mode_count_for_nothing(buying):
    assert {offer.state for offer in found_offers(buying, stripe_mode="live")} == {"unavailable", "locked"}


def test_a_checkout_that_was_left_can_be_gone_on_with_until_it_ends(buying):
    purchase = buying.start("small")
    left = {offer.pack.slug: offer.open_purchase for offer in found_offers(buying)}
    assert left["small"].id == purchase.id
    assert left["small"].session_url == purchase.session_url
    assert [slug for slug, found in left.items() if found] == ["small"]
    assert not any(offer.open_purchase for offer in found_offers(buying, now=purchase.expires_at))
    assert not any(offer.open_purchase for offer in found_offers(buying, account_id=buying.user.account_id + 1))


def test_a_checkout_at_an_old_price_is_not_gone_on_with(buying):
    buying.start("small")
    catalog = parts().catalog
    dearer = tuple(replace(pack, credits=pack.credits + 1) for pack in catalog.packs)
    with Session(db.engine) as session:
        found = offers(
            session,
            replace(catalog, packs=dearer),
            account_id=buying.user.account_id,
            plan=None,
            stripe_mode="simulated",
            now=utc_now(),
        )
    assert not any(offer.open_purchase for offer in found)


def test_a_paid_checkout_is_not_gone_on_with(buying):
    buying.settle(buying.paid("small"))
    assert not any(offer.open_purchase for offer in found_offers(buying))


def test_all_offers_take_two_queries(buying):
    statements: list[str] = []
    listen(db.engine, "before_cursor_execute", lambda *facts: statements.append(facts[2]))
    found_offers(buying)
    assert len([text for text in statements if text.startswith("SELECT")]) == 2
