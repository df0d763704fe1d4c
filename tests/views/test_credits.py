"""The credits page (pages 4.3)."""

import datetime as dt
import re

import pytest

from tests.views.shopper import CREDITS
from webapp import create_app
from webapp.billing.models import StripePrice
from webapp.billing.opening import NEVER_ASKED
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.models import User


def rows(table):
    return [[cell.text for cell in row.children if not isinstance(cell, str)] for row in table.all("tr")]


def test_every_pack_has_a_card_in_the_order_of_the_catalogue(shopper):
    page = shopper.pages.open(CREDITS)
    (grid,) = page.root.all("ul", **{"class": "packs"})
    cards = [item.text for item in grid.all("li")]
    assert cards == [
        "Starter 100 credits ~33 min of calls $5.00 $0.050 per credit Buy 100",
        "Small 500 credits ~166 min of calls $20.00 $0.040 per credit Save 20% Buy 500",
        "Popular Most popular 1,000 credits ~333 min of calls $35.00 $0.035 per credit Save 30% Buy 1,000",
        "Power 5,000 credits ~1,666 min of calls $150.00 $0.030 per credit Save 40% Buy 5,000",
        "Maximum 10,000 credits ~3,333 min of calls $250.00 $0.025 per credit Save 50% Buy 10,000",
    ]
    assert "pack--star" in page.with_id("pack-popular").classes
    names = [button.attributes["aria-label"] for button in page.with_id("pack-grid").all("button")]
    assert names[2] == "Buy 1,000 credits for $35.00"
    assert len(set(names)) == 5


def test_compare_table_is_the_price_list_to_the_third_decimal(shopper):
    table = shopper.pages.open(CREDITS).root.all("table")[0]
    assert rows(table) == [
        ["Package", "Credits", "Price", "Price per credit", "Calls", "You save"],
        ["Starter", "100 credits", "$5.00", "$0.050", "~33 min", "–"],
        ["Small", "500 credits", "$20.00", "$0.040", "~166 min", "20%"],
        ["Popular , Most popular", "1,000 credits", "$35.00", "$0.035", "~333 min", "30%"],
        ["Power", "5,000 credits", "$150.00", "$0.030", "~1,666 min", "40%"],
        ["Maximum", "10,000 credits", "$250.00", "$0.025", "~3,333 min", "50%"],
    ]


def test_each_card_is_a_plain_form_with_a_key_of_its_own(shopper):
    page = shopper.pages.open(CREDITS)
    forms = page.with_id("pack-grid").all("form")
    keys = set()
    for form in forms:
        assert (form.attributes["action"], form.attributes["method"]) == (f"{CREDITS}/checkout", "post")
        fields = {field.attributes["name"]: field.attributes["value"] for field in form.all("input")}
        assert set(fields) == {"pack", "terms", "key", "csrf_token"}
        keys.add(fields["key"])
    again = shopper.pages.open(CREDITS).with_id("pack-grid").all("input", name="key")
    keys |= {field.attributes["value"] for field in again}
    assert len(keys) == 2 * len(forms)


def test_pack_of_another_plan_is_shown_locked_with_words_and_no_button(shopper):
    card = shopper.pages.open(CREDITS).with_id("pack-plus-extra")
    assert "PLUS Locked 200 extra credits for $5.99" in card.text
    assert "This pack is part of Plus. You're on Free." in card.text
    assert not card.all("form")
    assert [link.attributes["href"] for link in card.all("a")] == ["/billing#plan-plus"]


def test_pack_that_stripe_cannot_sell_is_shown_to_operators_only_with_the_reason(shopper):
    def archive(session):
        session.get_one(StripePrice, ("simulated", "refill_pack_small")).is_active = False

    def promote(session):
        session.get_one(User, shopper.user.id).role = "support"

    transact(archive)
    page = shopper.pages.open(CREDITS)
    assert not page.has_id("pack-small")
    assert page.has_id("pack-starter")
    transact(promote)
    card = shopper.pages.open(CREDITS).with_id("pack-small")
    assert "Only operators see this: The Price" in card.text
    assert not card.all("form")


def test_refund_words_stand_there_only_if_the_catalogue_has_them(shopper, settings, tmp_path):
    assert "refunded" not in shopper.pages.open(CREDITS).with_id("pack-grid").text
    own = tmp_path / "catalog.toml"
    text = settings.catalog.read_text()
    own.write_text(text.replace("# refund_note", "refund_note"))
    app = create_app(settings.model_copy(update={"catalog": own}))
    with app.app_context():
        page = type(shopper).of(app, shopper.user).pages.open(CREDITS)
    assert "Unused packs can be refunded for 14 days." in page.with_id("pack-grid").text


def test_catalogue_of_money_shows_money_first(shopper, settings):
    own = settings.catalog.parent / "examples/voice-minutes.toml"
    app = create_app(settings.model_copy(update={"catalog": own}))
    with app.app_context():
        from webapp.web.prices import sync_now

        sync_now()
        page = type(shopper).of(app, shopper.user).pages.open(CREDITS)
    (grid,) = page.root.all("ul", **{"class": "packs"})
    assert len(grid.all("li")) == 4
    assert "credits" not in page.with_id("pack-popular").text
    assert re.search(r"per min", page.with_id("pack-popular").text)
    assert page.with_id("buy-popular-now").text == "Buy $22.00 for $20.00", "two amounts of money: which one is paid"
    assert page.with_id("balance-badge").text == "$0.20 low (~1 min)"


def test_estimator_answers_before_anything_is_typed_and_what_is_typed(shopper):
    page = shopper.pages.open(CREDITS)
    assert page.with_id("pack-estimate").text.startswith("About 900 credits a month. A Popular pack covers that for")
    assert page.with_id("estimate-minutes").attributes["value"] == "300"
    (label,) = page.with_id("estimate").all("label")
    assert label.text == "Minutes of calls a month"
    page = shopper.pages.open(f"{CREDITS}?minutes=1000")
    assert page.with_id("estimate-minutes").attributes["value"] == "1000"
    assert page.with_id("pack-estimate").text.startswith("About 3,000 credits a month.")
    (link,) = page.with_id("pack-estimate").all("a")
    assert page.has_id(link.attributes["href"].removeprefix("#"))


@pytest.mark.parametrize("typed", ["many", "-5", "1.5", "", '"><script>alert(1)</script>', "9" * 400])
def test_estimator_says_what_to_type_and_keeps_what_was_typed(shopper, typed):
    page = shopper.pages.page_of(shopper.pages.client.get(CREDITS, query_string={"minutes": typed}))
    assert page.with_id("pack-estimate").text.startswith("Enter ")
    field = page.with_id("estimate-minutes")
    assert field.attributes["aria-invalid"] == "true"
    assert field.attributes["value"] == typed
    answer = shopper.pages.client.get("/partials/pack-estimate", query_string={"minutes": typed})
    assert answer.status_code == 422
    assert "HX-Retarget" not in answer.headers, "the words belong beside the field"


def test_page_head_says_what_work_costs(shopper):
    assert "Buy once, use any time. One minute of calls costs 3 credits ($0.15)." in shopper.pages.open(CREDITS).text


def test_page_says_the_whole_price_of_work_that_has_tiers(shopper, settings, tmp_path):
    own = tmp_path / "own.toml"
    tiers = 'minimum_credits = 6\ntiers = [{up_to = 100, credits = 3}, {credits = 2}]\nrounding = "started"'
    own.write_text(settings.catalog.read_text().replace('credits = 3\nrounding = "started"', tiers, 1))
    app = create_app(settings.model_copy(update={"catalog": own}))
    with app.app_context():
        page = type(shopper).of(app, shopper.user).pages.open(CREDITS)
    price = "3 credits per started minute up to 100, then 2 credits per started minute; at least 6 credits"
    assert f"Buy once, use any time. Outbound call: {price}." in page.text
    assert page.with_id("pack-estimate").text.startswith("At least 700 credits a month.")
    assert "up to 450 min" in page.with_id("pack-popular").text, "100 at 3, then 350 at 2"


def test_list_of_purchases_is_empty_at_first(shopper):
    assert shopper.pages.open(CREDITS).with_id("purchases").text.startswith("No purchases yet")


STATES = {
    "left": ("Popular Not paid", "$35.00 1,000 Continue paying"),
    "granted": ("Popular Paid", "$35.00 +1,000 Receipt"),
    "quarantined": ("Popular Being checked", "$35.00 We have your payment and are checking it. Reference P-"),
}


@pytest.mark.parametrize("state", STATES)
def test_list_of_purchases_tells_the_state_and_the_way_on(shopper, state):
    purchase = getattr(shopper, state)()
    begins, ends = STATES[state]
    row = shopper.pages.open(CREDITS).with_id(f"purchase-{purchase.id}")
    text = re.sub(r" Today, \d\d:\d\d", "", row.text)
    assert text.startswith(begins)
    assert ends in text
    assert "every 5s" not in shopper.pages.open(CREDITS).with_id("purchases").attributes["hx-trigger"]


def test_payment_on_its_way_is_processing_and_looked_at_for_two_minutes(shopper):
    purchase = shopper.paid(outcome="delayed_succeeds")
    shopper.come_back(purchase)
    section = shopper.pages.open(CREDITS).with_id("purchases")
    assert "Popular Processing Today" in section.text
    assert "1,000 on the way" in section.text
    assert section.attributes["hx-trigger"] == "creditsChanged from:body, every 5s"
    shopper.change(purchase, opened_at=utc_now() - dt.timedelta(minutes=2))
    section = shopper.pages.open(CREDITS).with_id("purchases")
    assert "Processing" in section.text
    assert section.attributes["hx-trigger"] == "creditsChanged from:body"


def test_failed_and_expired_purchases_lead_back_to_their_pack(shopper):
    failed = shopper.paid("small", outcome="delayed_fails")
    shopper.come_back(failed)
    shopper.settle("fails")
    shopper.come_back(failed)
    expired = shopper.left("starter")
    shopper.change(expired, state="expired", settled_at=utc_now())
    page = shopper.pages.open(CREDITS)
    for purchase, words in ((failed, "Small Failed"), (expired, "Starter Expired")):
        row = page.with_id(f"purchase-{purchase.id}")
        assert row.text.startswith(words)
        assert row.text.split("Today")[1].find("Try again") > 0
        assert row.all("a")[0].attributes["href"] == f"#pack-{purchase.pack_slug}"


def test_left_checkout_can_be_continued_from_its_card_until_its_life_is_over(shopper):
    purchase = shopper.left()
    card = shopper.pages.open(CREDITS).with_id("pack-popular")
    (link,) = card.all("a")
    assert link.attributes["href"] == purchase.session_url
    assert link.text.startswith("Continue paying")
    shopper.change(purchase, expires_at=utc_now())
    page = shopper.pages.open(CREDITS)
    assert not page.with_id("pack-popular").all("a")
    assert "Try again" in page.with_id(f"purchase-{purchase.id}").text


@pytest.mark.parametrize("state", ["open", "processing"])
def test_unsettled_purchase_of_another_stripe_mode_has_ended(shopper, state):
    purchase = shopper.left()
    shopper.change(purchase, stripe_mode="test", state=state)
    page = shopper.pages.open(CREDITS)
    row = page.with_id(f"purchase-{purchase.id}")
    assert row.text.startswith("Popular Not paid")
    assert "Not added Try again" in row.text
    assert page.with_id("purchases").attributes["hx-trigger"] == "creditsChanged from:body"
    back = shopper.pages.open(f"{CREDITS}?checkout=cancelled&purchase={purchase.id}")
    assert back.with_id("notice").text.startswith("That checkout has expired")
    for drawn in (page, back):
        assert purchase.session_url not in drawn.html
        assert "on the way" not in drawn.text


def test_only_the_newest_five_purchases_are_listed(shopper):
    page = shopper.pages.open(CREDITS)
    for pack in ("starter", "small", "popular", "power", "maximum"):
        shopper.buy(pack, page=page)
    shopper.buy("starter")
    (table,) = shopper.pages.open(CREDITS).with_id("purchases").all("table")
    assert [row[0] for row in rows(table)[1:]] == ["Starter", "Maximum", "Power", "Popular", "Small"]


def test_how_credits_work_is_told_in_the_order_of_use(shopper):
    page = shopper.pages.open(CREDITS)
    (how,) = page.root.all("ol")
    assert [item.text for item in how.all("h3")] == [
        "Your plan comes first",
        "Then what expires soonest",
        "Then what you bought",
    ]


NOTICES = {
    "left": "Checkout cancelled No money was taken. Your pack is still here if you want it. Continue paying",
    "granted": "1,000 credits added Your new balance is 1,020 credits. Receipt",
    "quarantined": "Your payment is being checked We have your payment and are checking it. Reference ",
}


@pytest.mark.parametrize("state", NOTICES)
def test_cancelled_notice_tells_the_record_not_the_address(shopper, state):
    purchase = getattr(shopper, state)()
    page = shopper.pages.open(f"{CREDITS}?checkout=cancelled&purchase={purchase.id}")
    assert page.with_id("notice").text.startswith(NOTICES[state])


def test_back_button_means_the_newest_checkout_that_can_still_be_paid(shopper):
    shopper.left("small")
    newest = shopper.left()
    notice = shopper.pages.open(f"{CREDITS}?checkout=left").with_id("notice")
    assert notice.text.startswith("You left checkout No money was taken.")
    assert notice.all("a")[0].attributes["href"] == newest.session_url


def test_nothing_is_said_of_money_before_stripe_has_answered(shopper):
    purchase = shopper.paid()
    shopper.stripe.faults.refuse_connection("GET", "/v1/checkout/sessions/{id}", times=5)
    page = shopper.pages.open(f"{CREDITS}?checkout=cancelled&purchase={purchase.id}")
    assert page.with_id("notice").text.startswith(
        "Checkout cancelled If you didn't pay, no money was taken. If you did, your credits are on their way."
    )
    shopper.stripe.faults.clear()
    shopper.change(purchase, asked_at=NEVER_ASKED)
    page = shopper.pages.open(f"{CREDITS}?checkout=cancelled&purchase={purchase.id}")
    assert page.with_id("notice").text.startswith("1,000 credits added Your new balance is 1,020 credits.")
    assert page.with_id("balance-badge").text.startswith("1,020 credits")


ENDED = {
    "expired": ("That checkout has expired You have not been charged.", "Start again"),
    "failed": (
        "The payment didn't go through Popular pack: you have not been charged and no credits were added.",
        "Try again",
    ),
}


@pytest.mark.parametrize("state", ENDED)
def test_notice_of_a_checkout_that_ended_leads_back_to_its_pack(shopper, state):
    purchase = shopper.left()
    shopper.change(purchase, state=state, settled_at=utc_now())
    notice = shopper.pages.open(f"{CREDITS}?checkout=cancelled&purchase={purchase.id}").with_id("notice")
    words, way_on = ENDED[state]
    assert notice.text.startswith(f"{words} {way_on}")
    assert notice.all("a")[0].attributes["href"] == "#pack-popular"


def test_success_notice_of_a_paid_purchase_is_green(shopper):
    purchase = shopper.granted()
    page = shopper.pages.open(f"{CREDITS}?checkout=success&purchase={purchase.id}")
    assert page.with_id("notice").text.startswith(NOTICES["granted"])
    assert page.with_id("notice").all("div")[1].classes == {"banner", "banner--ok"}


@pytest.mark.parametrize(
    "query",
    ["checkout=success", "checkout=success&purchase=", "checkout=success&purchase=nobody", "checkout=gift&purchase={}",
     "checkout=success&purchase={}", "purchase={}"],
)  # fmt: skip
def test_forged_success_shows_nothing(shopper, query):
    purchase = shopper.left()
    page = shopper.pages.open(f"{CREDITS}?{query.format(purchase.id)}")
    assert page.with_id("notice").text == ""
    assert "banner--ok" not in page.html


def test_success_of_somebody_else_shows_nothing(shopper, stranger):
    purchase = shopper.granted()
    page = stranger.pages.open(f"{CREDITS}?checkout=success&purchase={purchase.id}")
    assert page.with_id("notice").text == ""


def test_nothing_can_be_paid_while_payments_are_off(settings, shopper):
    left, processing = shopper.left("small"), shopper.left()
    shopper.change(processing, state="processing")
    app = create_app(settings.model_copy(update={"stripe_mode": "off"}))
    with app.app_context():
        page = type(shopper).of(app, shopper.user).pages.open(CREDITS)
    assert page.with_id(f"purchase-{left.id}").text.startswith("Small Not paid")
    assert left.session_url not in page.html
    assert page.with_id(f"purchase-{processing.id}").text.startswith("Popular Processing"), "its money may arrive yet"
