"""Partials: the same words as in the page around them, and what every one of them answers (architecture, Partials)."""

import datetime as dt
import re

import pytest
import time_machine

from tests.api.books import grant, lapsing_grant, spend
from tests.views.shopper import CREDITS
from webapp.billing.opening import NEVER_ASKED
from webapp.orm import utc_now

SETTINGS = "/dashboard/settings"
HISTORY = "/dashboard/history"

# Each partial with a page around it; its root has the id of its name.
PARTIALS = {
    "/partials/balance-badge": "/dashboard",
    "/partials/alerts": "/dashboard",
    "/partials/balance-card": "/dashboard",
    "/partials/balance-card?on=credits": CREDITS,
    "/partials/recent-activity": "/dashboard",
    "/partials/plus-pack": "/dashboard",
    "/partials/controls-card": "/dashboard",
    "/partials/plan-card": "/billing",
    "/partials/plans": "/billing",
    "/partials/invoices": "/billing",
    "/partials/pack-grid": CREDITS,
    "/partials/pack-estimate?minutes=1000": f"{CREDITS}?minutes=1000",
    "/partials/pack-estimate": CREDITS,
    "/partials/purchases": CREDITS,
    "/partials/history-summary": HISTORY,
    "/partials/history-rows": HISTORY,
    "/partials/history-rows?type=usage": f"{HISTORY}?type=usage",
    "/partials/settings/balance": SETTINGS,
    "/partials/settings/limits": SETTINGS,
    "/partials/settings/spending": SETTINGS,
    "/partials/settings/keys": SETTINGS,
    "/partials/settings/look": SETTINGS,
    "/partials/settings/email": SETTINGS,
    "/partials/settings/password": SETTINGS,
    "/partials/settings/browsers": SETTINGS,
    "/partials/settings/close": SETTINGS,
}


def masked(html):
    """Without what differs each time: form keys and CSRF tokens."""
    return re.sub(r'(name="(?:key|csrf_token)"\s+value=")[^"]+"', r'\1"', html).strip()


def new_account(shopper):
    return None


def busy_account(shopper):
    account_id = shopper.user.account_id
    grant(account_id, 86, "allowance", expires_at=utc_now() + dt.timedelta(days=9))
    lapsing_grant(account_id, 5)
    spend(account_id, 36, meter="call_minute", quantity=12)
    shopper.granted()
    shopper.left("small")
    shopper.come_back(shopper.paid("starter", outcome="delayed_succeeds"))


def empty_account(shopper):
    spend(shopper.user.account_id, 20)


@pytest.mark.parametrize("tell", [new_account, busy_account, empty_account])
def test_each_partial_stands_verbatim_in_its_page(shopper, tell):
    with time_machine.travel(utc_now(), tick=False):
        shopper = shopper.of(shopper.app, shopper.user)
        tell(shopper)
        for path, around in PARTIALS.items():
            partial = shopper.pages.partial(path)
            name = path.removeprefix("/partials/").partition("?")[0]
            (root,) = [child for child in partial.root.children if not isinstance(child, str)]
            assert root.attributes["id"] == name.replace("/", "-")
            assert masked(partial.html) in masked(shopper.pages.open(around).html), path


@pytest.mark.parametrize("state", ["left", "granted", "quarantined"])
def test_checkout_status_stands_verbatim_in_the_return_page(shopper, state):
    purchase = getattr(shopper, state)()
    page = shopper.come_back(purchase)
    partial = shopper.pages.partial(f"/partials/checkout-status/{purchase.id}")
    spoken = re.sub(r'<div id="live".*', "", partial.html, flags=re.DOTALL)
    assert masked(spoken) in masked(page.html)


@pytest.mark.parametrize("state", ["left", "granted", "quarantined"])
def test_notice_stands_verbatim_in_the_page_and_is_spoken(shopper, state):
    purchase = getattr(shopper, state)()
    query = f"checkout=left&purchase={purchase.id}"
    partial = shopper.pages.partial(f"/partials/notice?{query}")
    shopper.change(purchase, asked_at=NEVER_ASKED)
    silent = re.sub(r'<div id="live".*', "", partial.html, flags=re.DOTALL)
    assert masked(silent) in masked(shopper.pages.open(f"{CREDITS}?{query}").html)
    assert partial.with_id("notice").text.startswith(partial.with_id("live").text.partition(".")[0])
    assert partial.response.headers["HX-Trigger"] == "creditsChanged"


def test_notice_with_nothing_to_tell_is_empty_and_silent(shopper):
    partial = shopper.pages.partial("/partials/notice?checkout=left")
    assert masked(partial.html) in masked(shopper.pages.open(CREDITS).html)
    assert partial.with_id("notice").text == ""
    assert not partial.has_id("live")
    assert "HX-Trigger" not in partial.response.headers


@pytest.mark.parametrize("path", PARTIALS)
def test_partial_looks_the_same_whoever_asks(shopper, path):
    with time_machine.travel(utc_now(), tick=False):
        shopper = shopper.of(shopper.app, shopper.user)
        plain = shopper.pages.client.get(path)
        asked = shopper.pages.client.get(path, headers={"HX-Request": "true", "HX-Target": "x", "HX-Boosted": "true"})
    assert masked(plain.text) == masked(asked.text)


@pytest.mark.parametrize("path", [*PARTIALS, "/partials/notice", "/partials/checkout-status/x"])
def test_signed_out_partial_sends_the_page_to_sign_in(anonymous, path):
    answer = anonymous.client.get(path, headers={"HX-Current-URL": f"http://localhost{CREDITS}?minutes=9"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/login?next=/dashboard/credits")
    assert "credits" not in answer.text


def test_listeners_ask_for_themselves_when_credits_change(shopper):
    listeners = {
        "/dashboard": {"balance-badge", "alerts", "balance-card", "controls-card", "plus-pack", "recent-activity"},
        "/billing": {"balance-badge", "alerts", "plan-card", "plans", "invoices"},
        CREDITS: {"balance-badge", "alerts", "balance-card", "pack-grid", "purchases"},
        HISTORY: {"balance-badge", "alerts", "history-summary"},
        SETTINGS: {"balance-badge", "alerts", "settings-balance"},
    }
    for path, names in listeners.items():
        page = shopper.pages.open(path)
        found = {
            node.attributes["id"]: node
            for node in page.root
            if "creditsChanged from:body" in node.attributes.get("hx-trigger", "")
        }
        assert found.keys() == names
        for name, node in found.items():
            address = node.attributes["hx-get"].partition("?")[0]
            assert address.removeprefix("/partials/").replace("/", "-") == name
            assert node.attributes["hx-target"] == "this"
            assert node.attributes["hx-swap"] == "outerHTML"
            assert node.attributes["hx-sync"] == "this:replace"


def test_nothing_on_an_idle_page_asks_by_the_clock(shopper):
    shopper.granted()
    for path in ("/dashboard", CREDITS, "/billing"):
        assert "every " not in shopper.pages.open(path).html


def test_every_control_in_a_partial_has_an_id_so_that_focus_survives(shopper):
    shopper.left()
    for path in PARTIALS:
        for node in shopper.pages.partial(path).root:
            if node.tag in {"button", "input"} and node.attributes.get("type") not in {"hidden", "button"}:
                assert node.attributes.get("id"), node


def test_the_list_of_purchases_tells_the_page_when_one_it_watched_is_through(shopper):
    purchase = shopper.paid("starter", outcome="delayed_succeeds")
    shopper.come_back(purchase)
    listed = shopper.pages.open(CREDITS)
    watching = "/partials/purchases?watched=1"
    assert watching in listed.html
    assert "HX-Trigger-After-Settle" not in shopper.pages.partial(watching).response.headers

    shopper.stripe.settle(shopper.newest().payment_intent_id)
    with time_machine.travel(utc_now() + dt.timedelta(seconds=6)):
        shopper.come_back(purchase)
        told = shopper.pages.partial(watching)
        assert told.response.headers["HX-Trigger-After-Settle"] == "creditsChanged"
        assert "watched" not in told.html
        assert "HX-Trigger-After-Settle" not in shopper.pages.partial("/partials/purchases").response.headers
