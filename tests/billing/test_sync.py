"""`flask stripe`: Products and Prices follow the catalogue, endpoints our events; nothing is ever deleted."""

import shlex
from dataclasses import replace

import pytest
import stripe
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.models import StripePrice
from webapp.billing.sync import read_prices, store_prices, sync_catalog, sync_endpoint
from webapp.billing.webhooks import event_types
from webapp.catalog import Catalog
from webapp.extensions import Parts, db, parts, transact
from webapp.orm import utc_now
from webapp.web.prices import refresh_prices, sync_now

URL = "https://credits.example.com/api/stripe/webhook"


def client(buying) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_simulated", http_client=buying.simulator)


def did(buying, catalog: Catalog | None = None) -> dict[str, str]:
    done = sync_catalog(buying.gateway, catalog or parts().catalog)
    transact(lambda session: store_prices(session, [one.price for one in done], stripe_mode="simulated", now=utc_now()))
    return {one.item.lookup_key: one.did for one in done}


def with_pack(**changes: object) -> Catalog:
    catalog = parts().catalog
    packs = tuple(replace(pack, **changes) if pack.slug == "popular" else pack for pack in catalog.packs)
    return replace(catalog, packs=packs)


def stored(lookup_key: str = "refill_pack_popular") -> StripePrice | None:
    with Session(db.engine) as session:
        return session.get(StripePrice, ("simulated", lookup_key))


def test_every_pack_and_every_plan_that_costs_money_has_a_price_that_says_so(buying):
    for pack in parts().catalog.packs:
        price = client(buying).v1.prices.list({"lookup_keys": [pack.lookup_key], "expand": ["data.product"]}).data[0]
        assert (price.unit_amount, price.currency, price.type) == (pack.amount_minor, "usd", "one_time")
        assert price.metadata.to_dict() == {
            "type": "credit_package",
            "credits": str(pack.credits),
            "pack": pack.slug,
        }
        assert price.product.name == f"{pack.name} pack"
    plus = client(buying).v1.prices.list({"lookup_keys": ["refill_plan_plus"]}).data[0]
    assert (plus.unit_amount, plus.recurring.interval) == (1900, "month")
    assert stored("refill_plan_free") is None


def test_a_second_sync_changes_nothing_and_asks_once(buying):
    buying.asked.clear()
    assert set(did(buying).values()) == {"unchanged"}
    assert [call.split()[0].upper() for call in buying.asked] == ["GET"]


def test_another_amount_is_a_new_price_that_takes_the_lookup_key_over(buying):
    before = stored()
    assert "price" in did(buying, with_pack(amount_minor=3600))["refill_pack_popular"]
    after = stored()
    assert (after.amount_minor, after.product_id) == (3600, before.product_id)
    assert after.price_id != before.price_id
    old = client(buying).v1.prices.retrieve(before.price_id)
    assert (old.active, old.lookup_key) == (True, None), "whoever is paying the old price can go on"


def test_going_back_to_an_earlier_amount_the_same_day_makes_a_price_that_can_be_found(buying):
    """The idempotency key of the first time would answer with the first Price, whose lookup key is gone."""
    for amount_minor in (3600, 3500, 3600, 3500):
        did(buying, with_pack(amount_minor=amount_minor))
        assert stored().amount_minor == amount_minor
        found = client(buying).v1.prices.list({"lookup_keys": ["refill_pack_popular"]}).data
        assert [price.unit_amount for price in found] == [amount_minor]


def test_a_new_name_changes_the_product_and_other_credits_the_metadata(buying):
    assert "product" in did(buying, with_pack(name="Favourite"))["refill_pack_popular"]
    product = client(buying).v1.products.retrieve(stored().product_id)
    assert product.name == "Favourite pack"
    assert "updated" in did(buying, with_pack(name="Favourite", credits=1100))["refill_pack_popular"]
    assert client(buying).v1.prices.retrieve(stored().price_id).metadata["credits"] == "1100"


def test_what_was_archived_by_hand_is_active_again(buying):
    price = stored()
    client(buying).v1.prices.update(price.price_id, {"active": False})
    client(buying).v1.products.update(price.product_id, {"active": False})
    refresh_prices()
    assert stored().is_active is False
    assert "updated" in did(buying)["refill_pack_popular"]
    assert stored().is_active is True
    assert client(buying).v1.products.retrieve(price.product_id).active


def test_a_price_of_an_archived_product_can_not_be_bought(buying):
    client(buying).v1.products.update(stored().product_id, {"active": False})
    refresh_prices()
    assert stored().is_active is False


def test_a_sync_that_was_cut_off_goes_on_where_it_stopped(buying):
    catalog = with_pack(slug="new", name="New")
    buying.simulator.faults.refuse_connection("POST", "/v1/prices")
    with pytest.raises(Exception, match="reach Stripe"):
        sync_catalog(buying.gateway, catalog)
    assert "price" in did(buying, catalog)["refill_pack_new"]
    assert set(did(buying, catalog).values()) == {"unchanged"}
    names = [product.name for product in client(buying).v1.products.list({"limit": 100}).data]
    assert names.count("New pack") == 1


def test_nothing_is_ever_deleted_or_archived(buying):
    catalog = parts().catalog
    buying.asked.clear()
    did(buying, replace(catalog, packs=catalog.packs[:1], plans=()))
    did(buying, with_pack(amount_minor=1, name="Other", credits=2))
    assert not any(call.upper().startswith("DELETE") for call in buying.asked)
    products = client(buying).v1.products.list({"limit": 100}).data
    prices = client(buying).v1.prices.list({"limit": 100}).data
    assert all(item.active for item in (*products, *prices))


def test_a_lookup_key_that_is_gone_at_stripe_is_forgotten_here(buying):
    price = stored()
    client(buying).v1.prices.update(price.price_id, {"lookup_key": ""})
    refresh_prices()
    assert stored() is None
    with Session(db.engine) as session:
        assert len(session.scalars(select(StripePrice)).all()) == 7


def test_reading_prices_changes_nothing_at_stripe(buying):
    buying.asked.clear()
    assert len(read_prices(buying.gateway, parts().catalog)) == 8
    assert {call.split()[0].upper() for call in buying.asked} == {"GET"}


def test_an_endpoint_is_made_with_our_version_and_exactly_our_events(buying):
    endpoint, what = sync_endpoint(buying.gateway, URL, event_types())
    assert (what, endpoint.api_version, endpoint.url) == ("created", stripe.api_version, URL)
    assert endpoint.events == event_types()
    assert endpoint.secret
    again, what = sync_endpoint(buying.gateway, URL, event_types())
    assert (what, again.id, again.secret) == ("unchanged", endpoint.id, None)


def test_an_endpoint_with_other_events_is_told_ours(buying):
    params = {"url": URL, "enabled_events": ["charge.succeeded"], "api_version": stripe.api_version}
    made = client(buying).v1.webhook_endpoints.create(params)
    endpoint, what = sync_endpoint(buying.gateway, URL, event_types())
    assert (endpoint.id, what, set(endpoint.events)) == (made.id, "events updated", set(event_types()))


def test_an_endpoint_of_another_version_stays_and_is_named(buying):
    params = {"url": URL, "enabled_events": ["charge.succeeded"], "api_version": "2026-09-30.endive"}
    old = client(buying).v1.webhook_endpoints.create(params)
    endpoint, what = sync_endpoint(buying.gateway, URL, event_types())
    assert endpoint.id != old.id
    assert what == f"created; disable {old.id} (2026-09-30.endive)"


# The commands.


def run(buying, *words: str):
    return buying.app.test_cli_runner().invoke(args=["stripe", *words])


def test_the_sync_command_says_what_it_did(buying):
    result = run(buying, "sync")
    assert result.exit_code == 0, result.output
    assert "refill_pack_popular: unchanged" in result.output
    assert "customer portal: unchanged" in result.output
    assert len(result.output.splitlines()) == 9


def test_the_sync_command_makes_the_endpoint_and_prints_its_secret_once(buying):
    first, second = run(buying, "sync", "--webhook", URL), run(buying, "sync", "--webhook", URL)
    assert first.output.count("STRIPE_WEBHOOK_SECRET=whsec_") == 1
    assert "STRIPE_WEBHOOK_SECRET" not in second.output
    assert f"{URL}: unchanged" in second.output


def test_the_sync_command_fails_in_one_sentence_when_stripe_is_gone(buying):
    buying.simulator.faults.refuse_connection("GET", "/v1/prices")
    result = run(buying, "sync")
    assert result.exit_code == 1
    assert "Stripe couldn't be reached" in result.output
    assert "Traceback" not in result.output


def test_the_sync_command_fails_in_one_sentence_without_payments(buying):
    known = buying.app.extensions["refill"]
    buying.app.extensions["refill"] = Parts(known.settings, known.catalog, None)
    result = run(buying, "sync")
    assert result.exit_code == 1
    assert "Payments are not configured" in result.output


def test_the_listen_command_prints_the_stripe_command_for_exactly_our_events(buying):
    words = shlex.split(run(buying, "listen").output)
    assert words[:3] == ["stripe", "listen", "--latest"]
    assert words[words.index("--events") + 1].split(",") == list(event_types())
    assert words[words.index("--forward-to") + 1] == "http://127.0.0.1:8000/api/stripe/webhook"


def test_sync_now_is_what_a_simulated_start_needs(buying):
    done = sync_now()
    assert {one.did for one in done.prices} == {"unchanged"} == {done.portal}
