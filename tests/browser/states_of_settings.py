"""States of the settings page and of the pages of keys."""

from functools import partial

from tests.api.books import spend
from tests.browser.stage import View, long_email
from tests.browser.states import shows
from tests.support.keys import make_key
from webapp.extensions import transact
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.operations import pause_as_owner, set_limit
from webapp.orm import utc_now
from webapp.people.keyring import MOST_KEYS
from webapp.people.passwords import NO_PASSWORD

SETTINGS = "/dashboard/settings"
KEYS = f"{SETTINGS}/keys"


def sent(stage, section, **typed):
    """A section's form, sent without a script and refused."""
    buyer = stage.buyer()
    page = buyer.pages.open(SETTINGS)
    (form,) = [form for form in page.root.all("form") if form.attributes["action"].endswith(f"/{section}")]
    fields = {node.attributes["name"]: node.attributes.get("value", "") for node in form.all("input", type="hidden")}
    return View(SETTINGS, buyer, buyer.pages.client.post(form.attributes["action"], data=fields | typed))


@shows("settings.settings")
def settings(stage):
    return View(SETTINGS, stage.buyer())


@shows("settings.settings")
def settings_of_somebody_with_another_look(stage):
    buyer = stage.buyer(email=long_email())
    buyer.become(theme="dark", locale="de_DE", number_style="apostrophe_dot")
    return View(SETTINGS, buyer)


@shows("settings.settings")
def settings_with_a_look_that_is_not_offered(stage):
    return sent(stage, "look", theme="pink", locale="xx", number_style="roman", time_zone="Mars/Olympus")


def limited(buyer, **credits_by_period):
    """The buyer with limits of the account, in credits."""
    for period, most in credits_by_period.items():
        limit = SpendLimit(0, period, most, pauses=True, is_money=True)
        transact(partial(set_limit, account_id=buyer.user.account_id, limit=limit, may_stop_now=True, now=utc_now()))


@shows("settings.settings")
def settings_with_limits_that_can_not_be_read_or_would_pause(stage):
    return sent(stage, "limits", month="soon", week="-5", day="", unit="shells", at_limit="pause")


@shows("settings.settings")
def settings_with_a_limit_that_would_pause_usage_now(stage):
    buyer = stage.buyer()
    limited(buyer, month=800)
    spend(buyer.user.account_id, 10)
    page = buyer.pages.open(SETTINGS)
    return View(SETTINGS, buyer, buyer.pages.submit(page, "limits-form", month="0.05", unit="money", at_limit="pause"))


@shows("dashboard.dashboard")
def dashboard_with_a_limit_reached_and_spending_paused(stage):
    buyer = stage.buyer()
    spend(buyer.user.account_id, 10)
    limited(buyer, month=10, week=11, day=10**9)
    transact(partial(pause_as_owner, account_id=buyer.user.account_id, now=utc_now()))
    return View("/dashboard", buyer)


@shows("keys.key")
def key_with_a_limit(stage):
    buyer = stage.buyer()
    path = f"{KEYS}/{key_of(buyer, name='Build server').id}"
    typed = {"month": "1234.50", "unit": "money", "at_limit": "tell"}
    assert buyer.pages.submit(buyer.pages.open(path), "limits-form", **typed).status_code == 303
    return View(path, buyer)


@shows("settings.settings")
def settings_with_an_email_that_is_none(stage):
    return sent(stage, "email", email="no address", present="not the password")


@shows("settings.settings")
def settings_with_an_amount_of_alerts_that_can_not_be_read(stage):
    return sent(stage, "alerts", low="a lot", allowance_50="1")


@shows("settings.settings")
def settings_with_a_password_that_is_too_short(stage):
    return sent(stage, "password", present="not the password", password="short")


def key_of(buyer, *scopes, **more):
    return make_key(buyer.user.account_id, *scopes, **more)[0]


@shows("settings.settings")
def settings_of_somebody_without_a_password(stage):
    buyer = stage.buyer()
    buyer.become(password_hash=NO_PASSWORD)
    return View(SETTINGS, buyer)


@shows("keys.keys")
def keys_none_yet(stage):
    return View(KEYS, stage.buyer())


@shows("keys.keys")
def keys_as_many_as_there_may_be_with_long_names(stage):
    buyer = stage.buyer()
    for number in range(MOST_KEYS):
        key_of(buyer, name=f"{number:02d} {'a name without any space to break it at'.replace(' ', '-')}{'x' * 17}")
    return View(KEYS, buyer)


@shows("keys.keys")
def keys_with_a_form_that_was_refused(stage):
    buyer = stage.buyer()
    key_of(buyer, "read", name="Build server")
    page = buyer.pages.open(KEYS)
    return View(KEYS, buyer, buyer.pages.submit(page, "key-form", name=" ", scopes=[]))


@shows("keys.keys")
def keys_after_one_was_revoked(stage):
    buyer = stage.buyer()
    path = f"{KEYS}/{key_of(buyer, name='Old server').id}/revoke"
    buyer.pages.submit(buyer.pages.open(path), "revoke-form")
    return View(KEYS, buyer, buyer.pages.client.get(KEYS))


@shows("keys.keys")
def keys_whose_secret_is_shown_once(stage):
    buyer = stage.buyer()
    page = buyer.pages.open(KEYS)
    return View(KEYS, buyer, buyer.pages.submit(page, "key-form", name="x" * 60, scopes=["read", "spend"]))


@shows("keys.key")
def key_that_was_renewed(stage):
    buyer = stage.buyer()
    path = f"{KEYS}/{key_of(buyer, name='x' * 60).id}"
    buyer.pages.submit(buyer.pages.open(path), "renew-form", overlap="168")
    return View(path, buyer)


@shows("keys.key")
def key_about_to_be_revoked_in_a_dialog(stage):
    buyer = stage.buyer()
    path = f"{KEYS}/{key_of(buyer, 'read', name='x' * 60).id}"
    return View(path, buyer, act=lambda page: page.locator("#revoke-key").click())


@shows("keys.key")
def key_with_a_name_that_was_refused(stage):
    buyer = stage.buyer()
    path = f"{KEYS}/{key_of(buyer, name='Build server').id}"
    return View(path, buyer, buyer.pages.submit(buyer.pages.open(path), "rename-form", name=" "))


@shows("keys.confirm")
def key_about_to_be_revoked_on_a_page(stage):
    buyer = stage.buyer()
    return View(f"{KEYS}/{key_of(buyer, name='x' * 60).id}/revoke", buyer)
