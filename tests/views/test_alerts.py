"""Banners about thresholds: their words, which go first, and putting them away (pages 4.0, 4.2)."""

import datetime as dt

import pytest
import time_machine
from sqlalchemy.orm import Session

from tests.api.books import grant, spend
from tests.support.keys import make_key
from tests.views.subscriber import Subscriber
from webapp import create_app
from webapp.alerts.reading import known_of
from webapp.extensions import db, transact
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.operations import set_limit
from webapp.orm import utc_now
from webapp.worker.alerts import sweep_alerts

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MONTH_ENDS = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


@pytest.fixture
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def subscriber(noon, app, user):
    """Some One on Plus, with 500 credits until 1 December and 20 welcome credits."""
    one = Subscriber.of(app, user)
    one.having(period_ends_at=MONTH_ENDS)
    return one


def banners(shopper, path="/dashboard"):
    """Each banner on top of a page by its id: its kind and all its words."""
    alerts = shopper.pages.open(path).with_id("alerts")
    found = [node for node in alerts.all("div") if "banner" in node.classes]
    return {node.attributes["id"]: (_kind(node), node.text) for node in found}


def _kind(node):
    (kind,) = [name.removeprefix("banner--") for name in node.classes if name.startswith("banner--")]
    return kind


def label(shopper, banner_id):
    return shopper.pages.open("/dashboard").with_id(f"{banner_id}-dismiss").attributes["aria-label"]


def limited(shopper, credits, *, period="month", key_id=0, pauses=True, is_money=False):
    limit = SpendLimit(key_id, period, credits, pauses, is_money)
    account_id = shopper.user.account_id
    transact(lambda session: set_limit(session, account_id, limit, may_stop_now=True, now=utc_now()))


def put_away(shopper, banner_id, *, path="/dashboard", by_htmx=False, **headers):
    """Press the cross of a banner."""
    page = shopper.pages.open(path)
    (form,) = page.with_id(banner_id).all("form")
    (token,) = form.all("input", name="csrf_token")
    address = form.attributes["hx-post" if by_htmx else "action"]
    headers = {"Referer": f"http://localhost{path}"} | headers
    return shopper.pages.client.post(address, data={"csrf_token": token.attributes["value"]}, headers=headers)


def test_allowance_that_runs_low_says_what_happens_when_it_is_gone(subscriber):
    spend(subscriber.user.account_id, 414)
    assert banners(subscriber) == {
        "alert-allowance": (
            "warn",
            (
                "You've used 83% of this month's allowance Nothing stops when it runs out: your 20 other credits "
                "take over by themselves. Buy credits Change alerts"
            ),
        )
    }
    links = subscriber.pages.open("/dashboard").with_id("alert-allowance").all("a")
    assert [link.attributes["href"] for link in links] == ["/dashboard/credits", "/dashboard/settings#settings-alerts"]
    assert label(subscriber, "alert-allowance") == "Dismiss this alert until next month"


def test_allowance_that_is_all_there_is_says_that_usage_stops(noon, app, stranger):
    one = Subscriber.of(app, stranger.user)
    one.having(period_ends_at=MONTH_ENDS)
    spend(one.user.account_id, 499)
    assert banners(one)["alert-allowance"][1].startswith(
        "You've used 99% of this month's allowance When it runs out, usage stops until you add credits, or until it "
        "resets on 1 Dec."
    )


def test_allowance_that_is_used_up_says_what_is_used_now(subscriber):
    spend(subscriber.user.account_id, 500)
    kind, words = banners(subscriber)["alert-allowance"]
    assert (kind, words.partition(" Buy")[0]) == (
        "warn",
        (
            "You've used all of this month's allowance Nothing stops: your 20 other credits took over by themselves. "
            "It resets on 1 Dec."
        ),
    )


def test_allowance_promises_nothing_where_a_limit_has_stopped_usage(subscriber):
    spend(subscriber.user.account_id, 414)
    limited(subscriber, 414)
    found = banners(subscriber)
    assert found["alert-allowance"][1] == "You've used 83% of this month's allowance Buy credits Change alerts"
    assert next(iter(found)) == "alert-limit"


def test_399_of_500_is_no_alert_and_400_is(subscriber):
    spend(subscriber.user.account_id, 399)
    assert banners(subscriber) == {}
    spend(subscriber.user.account_id, 1)
    assert list(banners(subscriber)) == ["alert-allowance"]


def test_out_of_credits_takes_the_place_of_all_that_led_to_it(subscriber):
    choose(subscriber, low="100")
    spend(subscriber.user.account_id, 510)
    assert list(banners(subscriber)) == ["alert-allowance", "alert-low"]
    spend(subscriber.user.account_id, 10)
    assert banners(subscriber) == {
        "alert-empty": (
            "bad",
            (
                "You're out of credits Usage is paused. It starts again the moment you add credits, or when your "
                "allowance resets on 1 Dec. Buy credits"
            ),
        )
    }
    assert not subscriber.pages.open("/dashboard").has_id("alert-empty-dismiss")


def test_credits_that_came_back_are_told_to_whoever_was_out_of_them(noon, shopper):
    spend(shopper.user.account_id, 20)
    sweep_alerts(utc_now())
    grant(shopper.user.account_id, 500)
    assert banners(shopper) == {
        "alert-recovered": ("ok", "You have credits again Your balance is 500 credits, and usage goes on.")
    }


def test_low_balance_names_the_line_and_what_is_left(noon, shopper):
    choose(shopper, low="20")
    assert banners(shopper) == {}
    spend(shopper.user.account_id, 1)
    assert banners(shopper) == {
        "alert-low": ("warn", "Your balance is under 20 credits You have 19 credits left. Buy credits Change alerts")
    }
    assert label(shopper, "alert-low") == "Dismiss this alert until your balance falls under it again"


@pytest.mark.parametrize(
    ("credits", "ends_at", "kind", "title"),
    [
        (12, NOON + dt.timedelta(days=20), "info", "12 credits expire on 10 Dec"),
        (12, NOON + dt.timedelta(days=5), "warn", "12 credits expire on 25 Nov"),
        (1, NOON + dt.timedelta(days=1), "warn", "1 credit expires tomorrow at 12:00"),
        (12, NOON + dt.timedelta(hours=2), "warn", "12 credits expire today at 14:00"),
    ],
)
def test_credits_about_to_expire_say_how_many_and_when(noon, shopper, credits, ends_at, kind, title):
    grant(shopper.user.account_id, credits, "gift", expires_at=ends_at)
    rest = "What you don't use by then is gone. Your 20 other credits stay. Change alerts"
    assert banners(shopper) == {"alert-expiring": (kind, f"{title} {rest}")}


def test_all_that_expires_at_one_instant_is_one_banner_and_the_soonest_goes_first(noon, stranger):
    for days, number in ((9, 50), (3, 5), (3, 7)):
        grant(stranger.user.account_id, number, "bonus", expires_at=NOON + dt.timedelta(days=days))
    assert banners(stranger)["alert-expiring"][1].startswith("12 credits expire on 23 Nov")
    put_away(stranger, "alert-expiring")
    assert banners(stranger)["alert-expiring"][1].startswith("50 credits expire on 29 Nov")


def test_limit_that_pauses_says_so_before_it_is_reached_and_stays_once_it_is(noon, shopper):
    grant(shopper.user.account_id, 1000)
    limited(shopper, 800, is_money=True)
    spend(shopper.user.account_id, 650)
    assert banners(shopper) == {
        "alert-limit": (
            "warn",
            "You've used 81% of your spend limit It is $40.00 a month. Usage pauses there. Change limits",
        )
    }
    assert label(shopper, "alert-limit") == "Dismiss this alert until next month"
    put_away(shopper, "alert-limit")
    assert banners(shopper) == {}
    spend(shopper.user.account_id, 150)
    assert banners(shopper) == {
        "alert-limit": (
            "bad",
            "You've reached your spend limit It is $40.00 a month. Usage is paused until 1 Dec. Change limits",
        )
    }
    assert not shopper.pages.open("/dashboard").has_id("alert-limit-dismiss")


def test_limit_of_a_key_that_only_tells_names_the_key(noon, shopper):
    key, _ = make_key(shopper.user.account_id, "spend", name="Build server")
    grant(shopper.user.account_id, 100)
    limited(shopper, 10, period="day", key_id=key.id, pauses=False)
    spend(shopper.user.account_id, 10, key_id=key.id)
    assert banners(shopper) == {
        "alert-limit": (
            "warn",
            (
                "API key “Build server” has reached its spend limit It is 10 credits a day. Usage goes on: this limit "
                "only tells you. Change limits"
            ),
        )
    }
    assert label(shopper, "alert-limit") == "Dismiss this alert until tomorrow"


def test_at_most_two_banners_and_the_worst_go_first(noon, app, user):
    one = Subscriber.of(app, user)
    one.having(period_ends_at=MONTH_ENDS, status="past_due", problem="failed", problem_at=NOON)
    limited(one, 500, period="day")
    grant(one.user.account_id, 9, "gift", expires_at=NOON + dt.timedelta(days=1))
    spend(one.user.account_id, 500)
    assert [kind for kind, _ in banners(one).values()] == ["bad", "bad"]
    assert list(banners(one)) == ["alert-plan", "alert-limit"]


def test_numbers_are_written_as_the_reader_has_them_and_in_money_where_the_catalogue_is(noon, settings, shopper):
    app = create_app(settings.model_copy(update={"catalog": settings.catalog.parent / "examples/voice-minutes.toml"}))
    with app.app_context():
        one = type(shopper).of(app, shopper.user)
        choose(one, low="$10.00")
        grant(one.user.account_id, 480, "gift", expires_at=NOON + dt.timedelta(days=2))
        found = banners(one)
    assert found["alert-low"][1].startswith("Your balance is under $10.00 You have $5.00 left.")
    assert found["alert-expiring"][1].startswith(
        "$4.80 expires on 22 Nov What you don't use by then is gone. Your $0.20 of other credits stay."
    )


def test_put_away_by_form_leads_back_to_the_page_and_comes_back_at_the_next_threshold(subscriber):
    spend(subscriber.user.account_id, 414)
    answer = put_away(subscriber, "alert-allowance", path="/dashboard/history?type=usage")
    assert (answer.status_code, answer.location) == (303, "/dashboard/history?type=usage")
    assert banners(subscriber) == {}
    spend(subscriber.user.account_id, 80)
    assert banners(subscriber) == {}, "the same threshold"
    spend(subscriber.user.account_id, 6)
    assert list(banners(subscriber)) == ["alert-allowance"]


def test_put_away_is_put_away_for_this_period_only(subscriber):
    spend(subscriber.user.account_id, 414)
    put_away(subscriber, "alert-allowance")
    with time_machine.travel(MONTH_ENDS + dt.timedelta(days=9), tick=False):
        grant(subscriber.user.account_id, 500, "allowance", expires_at=MONTH_ENDS + dt.timedelta(days=30))
        spend(subscriber.user.account_id, 400)
        subscriber = Subscriber.of(subscriber.app, subscriber.user)
        assert list(banners(subscriber)) == ["alert-allowance"]


@pytest.mark.parametrize(
    "referrer", ["http://evil.example/dashboard", "http://localhost/dashboard/credits/checkout", "nonsense", ""]
)
def test_put_away_never_leads_where_no_page_of_ours_is(subscriber, referrer):
    spend(subscriber.user.account_id, 414)
    assert put_away(subscriber, "alert-allowance", Referer=referrer).location == "/dashboard"


def test_put_away_by_htmx_draws_the_alerts_that_are_left_and_takes_the_focus(subscriber):
    choose(subscriber, low="200")
    spend(subscriber.user.account_id, 414)
    answer = put_away(subscriber, "alert-allowance", by_htmx=True)
    assert answer.status_code == 200
    assert "alert-allowance" not in answer.text
    for words in ('id="alerts"', "autofocus", 'id="alert-low"', 'hx-swap-oob="innerHTML">Alert dismissed.</div>'):
        assert words in answer.text
    assert "autofocus" not in subscriber.pages.partial("/partials/alerts").html


def test_what_another_has_or_what_can_t_be_put_away_is_a_missing_page(subscriber, stranger):
    spend(subscriber.user.account_id, 414)
    (form,) = subscriber.pages.open("/dashboard").with_id("alert-allowance").all("form")
    for who, address in ((stranger, form.attributes["action"]), (subscriber, "/alerts/nothing/dismiss")):
        token = who.pages.open("/dashboard/settings").with_id("csrf-alerts").attributes["value"]
        assert who.pages.client.post(address, data={"csrf_token": token}).status_code == 404
    assert list(banners(subscriber)) == ["alert-allowance"]


def raised(shopper):
    """The kinds of what the worker has stored for an account and that lasts."""
    sweep_alerts(utc_now())
    with Session(db.engine) as session:
        known = known_of(session, shopper.user.account_id)
    return [row.kind for row in known.raised if row.ended_at is None]


def test_payment_that_fails_at_the_bank_is_seen_by_the_worker_and_has_one_banner(shopper):
    purchase = shopper.paid(outcome="delayed_succeeds")
    shopper.come_back(purchase)
    assert raised(shopper) == []
    shopper.settle("fails")
    shopper.come_back(purchase)
    assert raised(shopper) == ["payment"]
    assert list(banners(shopper)) == ["alert-failed"]
    assert not shopper.pages.open("/dashboard").with_id("alert-failed").all("form")
    shopper.granted("small")
    assert raised(shopper) == []


def choose(shopper, *, by_htmx=False, **typed):
    """Send the form of alerts in the settings; what isn't typed is sent as it stands there."""
    page = shopper.pages.open("/dashboard/settings")
    form = page.with_id("alerts-form")
    sent = {field.attributes["name"]: field.attributes.get("value", "") for field in form.all("input", type="text")}
    sent |= {box.attributes["name"]: "1" for box in form.all("input", type="checkbox") if "checked" in box.attributes}
    sent |= {"csrf_token": page.with_id("csrf-alerts").attributes["value"]} | typed
    path = form.attributes["hx-post" if by_htmx else "action"]
    return shopper.pages.client.post(path, data={name: text for name, text in sent.items() if text is not None})


def ticked(page):
    boxes = page.with_id("alerts-form").all("input", type="checkbox")
    return {box.attributes["name"] for box in boxes if "checked" in box.attributes}


def test_settings_begin_with_the_defaults_and_keep_what_is_chosen(shopper):
    page = shopper.pages.open("/dashboard/settings")
    assert ticked(page) == {"allowance_80", "allowance_100", "expiring", "limits"}
    assert page.with_id("alerts-low").attributes["value"] == ""
    answer = choose(shopper, low=" 1,200 credits ", allowance_50="1", allowance_80=None, expiring=None)
    assert (answer.status_code, answer.location) == (303, "/dashboard/settings#settings-alerts")
    page = shopper.pages.open("/dashboard/settings")
    assert "Saved" in page.with_id("settings-alerts").text
    assert ticked(page) == {"allowance_50", "allowance_100", "limits"}
    assert page.with_id("alerts-low").attributes["value"] == "1,200"
    choose(shopper, low="")
    assert shopper.pages.open("/dashboard/settings").with_id("alerts-low").attributes["value"] == ""


@pytest.mark.parametrize("by_htmx", [False, True])
def test_amount_that_can_t_be_read_is_kept_and_nothing_is_stored(shopper, by_htmx):
    answer = choose(shopper, by_htmx=by_htmx, low="a lot", allowance_50="1")
    assert answer.status_code == 422
    drawn = shopper.pages.page_of(answer, status=422) if not by_htmx else None
    assert "Enter a number of credits like 800." in answer.text
    if drawn is not None:
        field = drawn.with_id("alerts-low")
        assert (field.attributes["value"], field.attributes["aria-invalid"]) == ("a lot", "true")
        assert drawn.with_id("alerts-low-error").text == "Enter a number of credits like 800."
        assert "allowance_50" in ticked(drawn)
    assert "allowance_50" not in ticked(shopper.pages.open("/dashboard/settings"))


def test_saved_alerts_hold_at_once(subscriber):
    spend(subscriber.user.account_id, 260)
    assert banners(subscriber) == {}
    answer = choose(subscriber, by_htmx=True, allowance_50="1")
    assert answer.headers["HX-Trigger-After-Settle"] == "creditsChanged"
    assert banners(subscriber)["alert-allowance"][1].startswith("You've used 52% of this month's allowance")
