"""Spend controls: limits of the account and of its keys, set by forms; the pause; the card on the dashboard."""

import datetime as dt

import pytest
import time_machine

from tests.api.books import grant, hold, spend
from tests.support.browsing import sign_in
from tests.support.keys import make_key
from tests.support.pages import PageClient
from tests.support.people import make_operator
from tests.views.shopper import Shopper
from tests.views.test_queries import cost
from webapp.extensions import db, end_reading, transact
from webapp.ledger import operations, queries
from webapp.ledger.errors import SpendingPaused
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.models import spend_limits
from webapp.orm import utc_now
from webapp.people.keyring import revoke_all_keys
from webapp.people.models import User

SETTINGS = "/dashboard/settings"
KEYS = f"{SETTINGS}/keys"
NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def friday_noon():
    """Friday 20 November 2026, so that a month, a week and a day are told by their names."""
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def user_of_limits(shopper):
    """Some One with 1,020 credits, 414 of them used today."""
    shopper = Shopper.of(shopper.app, shopper.user)
    grant(shopper.user.account_id, 1000)
    spend(shopper.user.account_id, 414)
    return shopper


def save(shopper, *, path=SETTINGS, form="limits-form", by_htmx=False, **typed):
    """Send the form as its page draws it, with what is typed in place of what stands there."""
    page = shopper.pages.open(path)
    drawn = page.with_id(form)
    fields = {
        node.attributes["name"]: node.attributes.get("value", "")
        for node in drawn.all("input")
        if node.attributes.get("type") != "radio" or "checked" in node.attributes
    }
    address = drawn.attributes["hx-post" if by_htmx else "action"]
    return shopper.pages.client.post(address, data=fields | typed)


def stored(shopper, key_id=0):
    end_reading()
    found = queries.limit_standings(db.session(), shopper.user.account_id, now=utc_now())
    end_reading()
    return {one.limit.period: one.limit for one in found if one.limit.key_id == key_id}


def section(shopper, name="limits"):
    return shopper.pages.open(SETTINGS).with_id(f"settings-{name}")


def value(shopper, period, path=SETTINGS):
    return shopper.pages.open(path).with_id(f"limit-{period}").attributes.get("value", "")


def set_limit(shopper, period, credits, *, key_id=0, pauses=True, is_money=True):
    limit = SpendLimit(key_id, period, credits, pauses, is_money)
    return transact(
        lambda session: operations.set_limit(session, shopper.user.account_id, limit, may_stop_now=True, now=utc_now())
    )


def test_without_limits_the_fields_are_empty_and_say_what_that_means(shopper):
    drawn = section(shopper)
    assert [value(shopper, period) for period in ("month", "week", "day")] == ["", "", ""]
    assert drawn.text.count("Leave empty for no limit.") == 3
    assert "Setting a limit below what you’ve used pauses usage right away." in drawn.text
    chosen = [node.attributes["value"] for node in drawn.all("input", type="radio") if "checked" in node.attributes]
    assert chosen == ["money", "pause"]


def test_money_becomes_credits_and_the_field_says_what_counted_and_until_when(user_of_limits):
    answer = save(user_of_limits, month="$40", week="", day="30,000.00")
    assert (answer.status_code, answer.location) == (303, f"{SETTINGS}#settings-limits")
    assert stored(user_of_limits) == {
        "month": SpendLimit(0, "month", 800, pauses=True, is_money=True),
        "day": SpendLimit(0, "day", 600_000, pauses=True, is_money=True),
    }
    assert [value(user_of_limits, period) for period in ("month", "week", "day")] == ["$40.00", "", "$30,000.00"]
    drawn = section(user_of_limits)
    assert "$20.70 of $40.00 used in November. Starts anew 1 Dec." in drawn.text
    assert "$20.70 of $30,000.00 used today. Starts anew 21 Nov." in drawn.text


def test_credits_are_credits_and_a_limit_that_only_tells_never_asks(user_of_limits):
    assert save(user_of_limits, week="100 credits", unit="credits", at_limit="tell").status_code == 303
    assert stored(user_of_limits) == {"week": SpendLimit(0, "week", 100, pauses=False, is_money=False)}
    assert value(user_of_limits, "week") == "100"
    assert "414 of 100 credits used this week. Starts anew 23 Nov." in section(user_of_limits).text
    spend(user_of_limits.user.account_id, 1)


def test_what_is_on_hold_is_counted_and_said(user_of_limits):
    hold(user_of_limits.user.account_id, 86)
    save(user_of_limits, month="40")
    assert "$25.00 of $40.00 used in November, on hold included." in section(user_of_limits).text


@pytest.mark.parametrize("by_htmx", [False, True])
@pytest.mark.parametrize("bad", ["forty", "-40", "40,00", "€40", "40.005"])
def test_an_amount_that_can_not_be_read_keeps_the_words_and_saves_nothing(user_of_limits, bad, by_htmx):
    answer = save(user_of_limits, month="40", day=bad, by_htmx=by_htmx)
    assert answer.status_code == 422
    page = user_of_limits.pages.page_of(answer, status=422) if not by_htmx else None
    assert not page or page.title.startswith("Error: Settings")
    for words in ("Enter an amount like 40 or 40.00.", f'value="{bad}"', 'value="40"', 'id="limit-day-error"'):
        assert words in answer.text
    assert 'id="limit-month-error"' not in answer.text
    assert stored(user_of_limits) == {}


def test_an_amount_out_of_range_says_the_range_and_a_german_reads_a_german_example(user_of_limits):
    assert "Enter at least $0.05." in save(user_of_limits, month="0.04").text
    assert "Enter at least $0.05." in save(user_of_limits, month="0").text
    assert "Enter at most $50,000,000.00." in save(user_of_limits, month="99999999").text
    assert "Enter at least 1 credit." in save(user_of_limits, month="0", unit="credits").text
    transact(lambda session: setattr(session.get_one(User, user_of_limits.user.id), "locale", "de_DE"))
    assert "Enter an amount like 40 or 40,00." in save(user_of_limits, month="40.00").text
    assert save(user_of_limits, month="1.040,00 $").status_code == 303
    assert stored(user_of_limits)["month"].credits == 20_800


def test_what_is_chosen_from_no_list_is_refused(user_of_limits):
    answer = save(user_of_limits, month="40", unit="shells", at_limit="explode")
    assert answer.status_code == 422
    assert "Choose whether the limits are of money or of credits." in answer.text
    assert "Choose what happens at a limit." in answer.text
    assert stored(user_of_limits) == {}


@pytest.mark.parametrize("by_htmx", [False, True])
def test_a_limit_that_is_reached_already_is_saved_only_by_who_confirms_it(user_of_limits, by_htmx):
    asked = save(user_of_limits, month="$20", day="500", by_htmx=by_htmx)
    assert asked.status_code == 409
    assert "You&#39;ve used $20.70 this month. A limit of $20.00 pauses usage right away." in asked.text
    assert "Save and pause usage now" in asked.text
    assert 'value="$20"' in asked.text
    assert stored(user_of_limits) == {}, "all or nothing: the day's limit neither"
    confirmed = {"confirmed": "month:400"}
    assert 'value="month:400"' in asked.text
    saved = save(user_of_limits, month="$20", day="500", by_htmx=by_htmx, **confirmed)
    assert saved.status_code == (200 if by_htmx else 303)
    assert {period: limit.credits for period, limit in stored(user_of_limits).items()} == {"month": 400, "day": 10_000}


def test_a_confirmation_holds_for_the_amount_that_was_named_and_no_other(user_of_limits):
    assert save(user_of_limits, month="$10", confirmed="month:400").status_code == 409
    assert save(user_of_limits, month="$20", week="$20", confirmed="month:400").status_code == 409
    assert stored(user_of_limits) == {}
    assert save(user_of_limits, month="$40", confirmed="month:400").status_code == 303


def test_a_limit_that_is_as_it_was_is_not_set_again_and_an_empty_field_drops_one(user_of_limits):
    set_limit(user_of_limits, "month", 400)  # reached, and confirmed then
    set_limit(user_of_limits, "week", 5000)
    end_reading()
    changed = {row.period: row.changed_at for row in db.session.execute(spend_limits.select())}
    end_reading()
    with time_machine.travel(NOON + dt.timedelta(minutes=5), tick=False):
        assert save(user_of_limits, week="").status_code == 303
        end_reading()
        (row,) = db.session.execute(spend_limits.select()).all()
        end_reading()
    assert (row.period, row.changed_at) == ("month", changed["month"])


def test_what_the_field_shows_is_the_limit_to_the_credit_even_where_its_worth_was_rounded(user_of_limits):
    set_limit(user_of_limits, "month", 4001)
    assert save(user_of_limits, at_limit="tell").status_code == 303
    assert stored(user_of_limits)["month"] == SpendLimit(0, "month", 4001, pauses=False, is_money=True)


def test_saving_by_htmx_gives_the_section_and_tells_the_rest_of_the_page(user_of_limits):
    answer = save(user_of_limits, month="40", by_htmx=True)
    assert answer.status_code == 200
    assert answer.headers["HX-Trigger-After-Settle"] == "creditsChanged"
    assert answer.text.count("<section") == 1
    assert '<div id="live" hx-swap-oob="innerHTML">Saved.' in answer.text


def test_the_owner_pauses_and_resumes_and_every_page_says_so(user_of_limits):
    answer = save(user_of_limits, form="spending-form", by_htmx=True)
    assert answer.status_code == 200
    assert "Paused. Nothing is spent until you resume." in answer.text
    with pytest.raises(SpendingPaused):
        spend(user_of_limits.user.account_id, 1)
    alert = user_of_limits.pages.open("/dashboard/credits").with_id("alert-paused")
    assert alert.text == "You paused spending on 20 Nov Nothing can be used until you resume. Resume spending"
    assert alert.all("a")[0].attributes["href"] == f"{SETTINGS}#settings-spending"
    card = user_of_limits.pages.open("/dashboard").with_id("controls-card")
    assert "You paused spending on 20 Nov." in card.text
    (form,) = card.all("form")
    fields = {node.attributes["name"]: node.attributes["value"] for node in form.all("input")}
    assert user_of_limits.pages.client.post(form.attributes["action"], data=fields).status_code == 303
    assert "Spending goes on." in section(user_of_limits, "spending").text
    spend(user_of_limits.user.account_id, 1)
    assert not user_of_limits.pages.open("/dashboard").has_id("alert-paused")


def test_an_operators_pause_is_not_the_owners_to_end(user_of_limits):
    account_id = user_of_limits.user.account_id
    transact(lambda session: operations.pause_spending(session, account_id, now=utc_now()))
    shopper = Shopper.of(user_of_limits.app, user_of_limits.user)
    assert "We paused spending on Today, 12:00. Only we can end that." in section(shopper, "spending").text
    assert shopper.pages.open("/dashboard").with_id("alert-paused").text.startswith("Spending is paused We paused it")
    card = shopper.pages.open("/dashboard").with_id("controls-card")
    assert "Only we can end that." in card.text
    assert card.all("form") == []
    save(shopper, form="spending-form", act="resume")
    with pytest.raises(SpendingPaused):
        spend(account_id, 1)


def test_an_act_that_is_none_changes_nothing(shopper):
    answer = save(shopper, form="spending-form", act="explode")
    assert answer.status_code == 422
    assert "Choose whether to pause spending or to resume it." in answer.text


def test_a_key_has_limits_of_its_own_which_its_page_sets_and_the_list_shows(user_of_limits):
    key, _ = make_key(user_of_limits.user.account_id, name="Build server")
    other, _ = make_key(user_of_limits.user.account_id, name="Other")
    path = f"{KEYS}/{key.id}"
    answer = save(user_of_limits, path=path, day="$10", month="$100")
    assert (answer.status_code, answer.location) == (303, f"{path}#limits")
    assert stored(user_of_limits, key.id)["day"] == SpendLimit(key.id, "day", 200, pauses=True, is_money=True)
    assert stored(user_of_limits) == stored(user_of_limits, other.id) == {}
    page = user_of_limits.pages.open(path)
    assert page.title.startswith("Saved: API key")
    assert "$0.00 of $10.00 used today." in page.with_id("limits").text
    assert "Build server" in (listed := user_of_limits.pages.open(KEYS).with_id("keys").text)
    assert "$100.00 a month, $10.00 a day" in listed
    assert listed.count("No limit") == 1
    assert value(user_of_limits, "day") == "", "the account has none of it"


def test_a_key_form_that_is_wrong_or_would_pause_is_shown_again(user_of_limits):
    key, _ = make_key(user_of_limits.user.account_id)
    path = f"{KEYS}/{key.id}"
    spend(user_of_limits.user.account_id, 50, key_id=key.id)
    page = user_of_limits.pages.page_of(save(user_of_limits, path=path, month="soon"), status=422)
    assert "Enter an amount like 40 or 40.00." in page.with_id("limits").text
    page = user_of_limits.pages.page_of(save(user_of_limits, path=path, month="$2"), status=409)
    assert "This key has used $2.50 this month." in page.with_id("limits").text
    assert save(user_of_limits, path=path, month="$2", confirmed="month:40").status_code == 303
    assert stored(user_of_limits, key.id)["month"].credits == 40


def test_a_key_of_somebody_else_and_one_that_was_revoked_have_no_limits(user_of_limits, stranger):
    key, _ = make_key(user_of_limits.user.account_id)
    path, typed = f"{KEYS}/{key.id}/limits", {"month": "10", "unit": "money", "at_limit": "pause"}
    token = stranger.pages.open(SETTINGS).with_id("csrf-limits").attributes["value"]
    assert stranger.pages.client.post(path, data=typed | {"csrf_token": token}).status_code == 404
    set_limit(user_of_limits, "day", 200, key_id=key.id)
    confirm = user_of_limits.pages.open(f"{KEYS}/{key.id}/revoke")
    assert user_of_limits.pages.submit(confirm, "revoke-form").status_code == 303
    assert stored(user_of_limits, key.id) == {}
    token = user_of_limits.pages.open(SETTINGS).with_id("csrf-limits").attributes["value"]
    assert user_of_limits.pages.client.post(path, data=typed | {"csrf_token": token}).status_code == 404
    assert stored(user_of_limits, key.id) == {}


def card(shopper):
    return shopper.pages.open("/dashboard").with_id("controls-card")


def test_the_card_without_limits_leads_to_setting_one(shopper):
    drawn = card(shopper)
    assert (
        drawn.text
        == "Spend controls Set up spend controls No spend limit. Set one Alerts 80% and 100% API keys 0 active"
    )
    assert {link.attributes["href"] for link in drawn.all("a")} == {f"{SETTINGS}#settings-limits"}


def test_the_card_shows_the_limit_that_ends_first_and_the_others_below(user_of_limits):
    key, _ = make_key(user_of_limits.user.account_id, name="Build server")
    set_limit(user_of_limits, "month", 800)
    set_limit(user_of_limits, "week", 5000, is_money=False)
    set_limit(user_of_limits, "day", 100, key_id=key.id, pauses=False)
    drawn = card(user_of_limits)
    for words in ("$20.70 of $40.00 limit", "52% used", "Pauses usage at 100%", "Monthly limit · starts anew 1 Dec",
                  "Weekly limit 414 of 5,000 credits", "Build server, daily limit $0.00 of $5.00",
                  "API keys 1 active"):  # fmt: skip
        assert words in drawn.text, words
    (bar,) = [node for node in drawn if node.attributes.get("role") == "meter"]
    assert bar.attributes["aria-valuetext"] == "$20.70 of $40.00 used, 52%, on track"
    assert bar.attributes["aria-label"] == "Monthly limit"
    assert "meter--ok" in bar.classes


@pytest.mark.parametrize(
    ("limit", "share", "state"), [(518, "80%", "ok"), (517, "80%", "warn"), (415, "99%", "warn"), (414, "100%", "bad")]
)
def test_the_meter_warns_from_80_percent_and_says_when_the_limit_is_reached(user_of_limits, limit, share, state):
    set_limit(user_of_limits, "month", limit, is_money=False)
    drawn = card(user_of_limits)
    (bar,) = [node for node in drawn if node.attributes.get("role") == "meter"]
    assert f"meter--{state}" in bar.classes
    assert f"{share} used" in drawn.text
    assert f"414 of {limit} credits limit" in drawn.text
    reached = "Reached. What would go above it is refused. Raise it or wait until 1 Dec."
    assert (reached in drawn.text) == (state == "bad")


def test_a_limit_that_only_tells_never_says_that_anything_is_refused(user_of_limits):
    set_limit(user_of_limits, "month", 100, pauses=False)
    assert "Only tells you" in card(user_of_limits).text
    assert "refused" not in card(user_of_limits).text


def test_of_very_many_limits_the_card_shows_the_first(user_of_limits):
    for number in range(4):
        key, _ = make_key(user_of_limits.user.account_id, name=f"Key {number}")
        for period in ("day", "week"):
            set_limit(user_of_limits, period, 100, key_id=key.id)
    assert "More limits 3" in card(user_of_limits).text


def test_the_operator_reads_the_owners_pause_and_the_limits_on_the_persons_page(user_of_limits):
    set_limit(user_of_limits, "month", 800)
    account_id = user_of_limits.user.account_id
    transact(lambda session: operations.pause_as_owner(session, account_id, now=utc_now()))
    desk = PageClient(sign_in(user_of_limits.app, make_operator("support")))
    text = desk.open(f"/operator/people/{account_id}").text
    assert "Spending Paused by the owner since Today, 12:00" in text
    assert "Monthly limit $20.70 of $40.00, pauses usage at 100%" in text


def test_closing_the_account_ends_the_limits_of_its_keys(user_of_limits):
    key, _ = make_key(user_of_limits.user.account_id)
    set_limit(user_of_limits, "day", 10, key_id=key.id)
    set_limit(user_of_limits, "month", 800)
    account_id = user_of_limits.user.account_id

    def work(session):
        operations.lock_account(session, account_id)
        revoke_all_keys(session, account_id, now=utc_now())

    transact(work)
    assert (stored(user_of_limits, key.id), len(stored(user_of_limits))) == ({}, 1)


@pytest.mark.parametrize("path", ["/dashboard", SETTINGS])
def test_however_many_limits_there_are_a_page_costs_one_statement_more(user_of_limits, path):
    key, _ = make_key(user_of_limits.user.account_id)
    before = cost(user_of_limits, path)
    for period in ("month", "week", "day"):
        set_limit(user_of_limits, period, 5000)
        set_limit(user_of_limits, period, 5000, key_id=key.id)
    assert cost(user_of_limits, path) == before + 1
