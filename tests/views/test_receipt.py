"""The receipt of a paid purchase (pages 4.12)."""

import pytest

from tests.views.shopper import CREDITS
from webapp.orm import utc_now


def test_receipt_has_everything_on_one_sheet(shopper):
    purchase = shopper.granted()
    page = shopper.pages.open(f"{CREDITS}/receipts/{purchase.id}")
    assert page.title == f"Receipt {purchase.reference} · Refill"
    facts = page.root.all("dl")[0]
    names = [term.text for term in facts.all("dt")]
    values = [value.text for value in facts.all("dd")]
    told = dict(zip(names, values, strict=True))
    assert told.pop("Date").split(",")[0].endswith(str(utc_now().year))
    assert told == {
        "Reference": purchase.reference,
        "Seller": "Refill",
        "Buyer": "Some One, someone@example.com",
        "Pack": "Popular",
        "Credits": "1,000 credits",
        "Price": "$35.00",
        "Total paid": "$35.00",
        "Paid with": "Stripe (test mode, no money moved)",
    }
    assert "Paid" in page.text


@pytest.mark.parametrize(
    ("total_minor", "name", "extra", "total"),
    [(4165, "Tax", "$6.65", "$41.65"), (3000, "Discount", "−$5.00", "$30.00")],
)
def test_receipt_tells_what_was_really_paid(shopper, total_minor, name, extra, total):
    purchase = shopper.granted()
    shopper.change(purchase, total_minor=total_minor)
    text = shopper.pages.open(f"{CREDITS}/receipts/{purchase.id}").text
    assert f"Price $35.00 {name} {extra} Total paid {total}" in text


def test_only_paid_purchases_of_the_own_account_have_one(shopper, stranger):
    unpaid, paid = shopper.left("starter"), shopper.granted()
    shopper.pages.open(f"{CREDITS}/receipts/{unpaid.id}", status=404)
    shopper.pages.open(f"{CREDITS}/receipts/nobody", status=404)
    page = stranger.pages.open(f"{CREDITS}/receipts/{paid.id}", status=404)
    assert paid.reference not in page.text
