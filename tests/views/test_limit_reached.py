"""A spend limit is reached: what a page, a partial and a program are told, and nothing is sold (pages 4.11)."""

import datetime as dt

import pytest
import time_machine

from tests.api.books import grant, spend
from tests.api.calling import problem
from tests.support.keys import KeyClient, make_key
from tests.views.shopper import Shopper
from tests.views.test_shortfall import with_work
from webapp.extensions import transact
from webapp.ledger import operations
from webapp.ledger.limits.facts import SpendLimit
from webapp.orm import utc_now
from webapp.people.models import User

NOON = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
TITLE = "You've reached your spend limit"


@pytest.fixture
def worker(settings, shopper):
    """Somebody with 1,000 credits and a limit of $40.00 a month, of which all is used, on 20 November."""
    with time_machine.travel(NOON, tick=False):
        app = with_work(settings)
        with app.app_context():
            grant(shopper.user.account_id, 1800)
            spend(shopper.user.account_id, 800)
            limit(shopper, "month", 800)
            yield Shopper.of(app, shopper.user)


def limit(shopper, period, credits, *, key_id=0, is_money=True):
    wanted = SpendLimit(key_id, period, credits, True, is_money)
    transact(
        lambda session: operations.set_limit(session, shopper.user.account_id, wanted, may_stop_now=True, now=utc_now())
    )


def place(worker, credits=36):
    return f"job/{worker.user.account_id}/{credits}"


def test_page_says_which_limit_and_offers_to_raise_it_or_to_wait(worker):
    page = worker.pages.open(f"/{place(worker)}", status=402)
    assert page.heading == TITLE
    panel = page.with_id("error")
    assert "You set a limit of $40.00 for November. Nothing was used." in panel.text
    assert panel.text.endswith("Raise it or wait until 1 Dec")
    (link,) = panel.all("a")
    assert (link.text, link.attributes["href"]) == ("Raise it", "/dashboard/settings#settings-limits")
    assert panel.all("form") == [], "more credits would not help"
    assert worker.pages.open("/dashboard/settings").has_id("settings-limits")


def test_partial_has_the_same_words_in_the_alerts(worker):
    partial = worker.pages.partial(f"/partials/{place(worker)}", status=402)
    assert partial.response.headers["HX-Retarget"] == "#alerts"
    for words in (TITLE, "You set a limit of $40.00 for November. Nothing was used.", "Raise it or wait until 1 Dec"):
        assert words in partial.with_id("error").text


def test_program_is_told_every_fact_and_nothing_to_buy(worker):
    answer = worker.pages.client.get(f"/api/{place(worker)}")
    told = problem(answer, 402, "spend_limit_reached")
    assert told["detail"] == "You set a limit of $40.00 for November. Nothing was used."
    facts = {"needed": 36, "limit": 800, "used": 800, "held": 0, "left": 0, "period": "month", "key": None}
    assert {name: told[name] for name in facts} == facts
    assert told["resets_at"] == "2026-12-01T00:00:00+00:00"
    assert not {"pack", "buy_url"} & told.keys()


@pytest.mark.parametrize(
    ("period", "words", "until"),
    [("week", "for this week.", "23 Nov"), ("day", "for today.", "21 Nov")],
)
def test_week_and_day_have_their_words_and_what_is_left_is_said(worker, period, words, until):
    limit(worker, "month", 5000)
    limit(worker, period, 820, is_money=False)
    page = worker.pages.open(f"/{place(worker)}", status=402)
    text = page.with_id("error").text
    assert f"You set a limit of 820 credits {words} This needs 36 credits, with 20 of the limit left. Nothing" in text
    assert f"or wait until {until}" in text


def test_the_limit_of_a_key_is_told_to_its_program(worker):
    limit(worker, "month", 100_000)
    key, secret = make_key(worker.user.account_id)
    limit(worker, "day", 10, key_id=key.id)
    api = KeyClient(worker.app, secret)
    answer = api.post("/api/credits/spend", {"credits": 11}, Idempotency_Key="k")
    told = problem(answer, 402, "spend_limit_reached")
    assert (told["key"], told["period"], told["left"]) == (key.id, "day", 10)
    assert told["detail"].startswith("This API key has a limit of $0.50 for today.")
    assert api.post("/api/credits/spend", {"credits": 10}, Idempotency_Key="k").status_code == 201


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/credits/spend", {"credits": 1}), ("/api/credits/holds", {"credits": 1})],
)
def test_spends_and_holds_over_the_api_are_refused_alike_and_a_raised_limit_lets_the_same_key_go(worker, path, body):
    _, secret = make_key(worker.user.account_id)
    api = KeyClient(worker.app, secret)
    problem(api.post(path, body, Idempotency_Key="k"), 402, "spend_limit_reached")
    limit(worker, "month", 801)
    assert api.post(path, body, Idempotency_Key="k").status_code == 201


def test_a_batch_refuses_line_by_line_in_the_same_words(worker):
    limit(worker, "month", 803)
    _, secret = make_key(worker.user.account_id)
    lines = [{"key": f"line-{number}", "credits": number} for number in (2, 5, 1)]
    answer = KeyClient(worker.app, secret).post("/api/credits/spend/batch", {"spends": lines})
    results = answer.get_json()["results"]
    assert [one["status"] for one in results] == [201, 402, 201]
    told = results[1]["problem"]
    assert (told["code"], told["left"], told["title"]) == ("spend_limit_reached", 1, TITLE)
    assert told["detail"].startswith("You set a limit of $40.15 for November. This needs $0.25, with $0.05 of")


def test_a_reader_elsewhere_has_their_style_and_their_zones_day(worker):
    def work(session):
        session.get_one(User, worker.user.id).locale = "de_DE"
        operations.set_time_zone(session, worker.user.account_id, "America/New_York")

    transact(work)
    text = Shopper.of(worker.app, worker.user).pages.open(f"/{place(worker)}", status=402).with_id("error").text
    assert "You set a limit of 40,00 $ for November." in text
    assert text.endswith("or wait until 1 Dec")


def test_somebody_elses_limit_is_not_theirs_to_raise(worker, stranger):
    other = Shopper.of(worker.app, stranger.user)
    panel = other.pages.open(f"/{place(worker)}", status=402).with_id("error")
    assert [link.text for link in panel.all("a")] == ["Go to dashboard"]


def test_a_pause_says_whose_it_is_and_the_owners_leads_to_resuming(worker):
    account_id = worker.user.account_id
    transact(lambda session: operations.pause_as_owner(session, account_id, now=utc_now()))
    page = worker.pages.open(f"/{place(worker)}", status=402)
    (link,) = page.with_id("error").all("a")
    assert (link.text, link.attributes["href"]) == ("Resume spending", "/dashboard/settings#settings-spending")
    told = problem(worker.pages.client.get(f"/api/{place(worker)}"), 402, "spending_paused")
    assert (told["paused_by"], told["paused_at"]) == ("owner", "2026-11-20T12:00:00+00:00")
    transact(lambda session: operations.pause_spending(session, account_id, now=utc_now()))
    (link,) = worker.pages.open(f"/{place(worker)}", status=402).with_id("error").all("a")
    assert link.text == "Go to dashboard"


def test_the_command_line_says_it_in_one_sentence(worker):
    ended = worker.app.test_cli_runner().invoke(args=["credits", "spend", str(worker.user.account_id), "36"])
    assert ended.exit_code == 1
    assert ended.stderr == "This needs 36 credits, and 0 are left of the account's limit of 800 a month.\n"
