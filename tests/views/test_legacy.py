"""Addresses of older products: 308, with their query (product, Pages)."""

import pytest

MOVED = {
    "/account/credits": "/dashboard/credits",
    "/account/credits?minutes=5&x=a%20b": "/dashboard/credits?minutes=5&x=a%20b",
    "/account/credits/success?session_id=cs_1": "/dashboard/credits/success?session_id=cs_1",
    "/dashboard/customer?tab=billing": "/billing?tab=billing",
    "/dashboard/customer?tab=billing&buy-credits=true": "/dashboard/credits?tab=billing&buy-credits=true#packs",
    "/dashboard/customer?tab=usage": "/dashboard?tab=usage",
}


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_old_addresses_lead_to_the_present_ones_and_keep_their_query(shopper, old, new):
    answer = shopper.pages.client.get(old)
    assert (answer.status_code, answer.location) == (308, new)
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_billing_page_leads_to_the_packs_whoever_wants_to_buy_credits(shopper):
    answer = shopper.pages.client.get("/billing?buy-credits=true")
    assert (answer.status_code, answer.location) == (303, "/dashboard/credits#packs")


def test_deep_link_lands_on_the_packs(shopper):
    assert shopper.pages.open("/dashboard/credits?tab=billing&buy-credits=true").has_id("packs")


@pytest.mark.parametrize("query", ["//evil.example", "?next=//evil.example", "?x=%0d%0aSet-Cookie:a=b"])
def test_no_query_leads_off_the_site(shopper, query):
    answer = shopper.pages.client.get(f"/account/credits{query if query.startswith('?') else ''}")
    assert answer.location.startswith("/dashboard/credits")
    assert "Set-Cookie" not in {name for name, value in answer.headers if "a=b" in value}
