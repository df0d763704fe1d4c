"""Too few credits: what a page, a partial and a program are told, and the one form that helps (pages 4.11)."""

import pytest
from flask import jsonify
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from tests.api.books import grant, spend
from tests.api.calling import problem
from tests.views.shopper import Shopper
from webapp import create_app
from webapp.extensions import db, transact
from webapp.ledger import operations
from webapp.orm import utc_now
from webapp.web.prices import sync_now

NEEDED = 36


def with_work(settings, **other):
    """An application with a page, a partial and a route of the API, each of which uses credits."""
    app = create_app(settings.model_copy(update=other))

    def work(account_id, credits):
        now = utc_now()
        transact(lambda session: operations.spend(session, account_id, credits=credits, key=f"work:{now}", now=now))
        return jsonify(done=True)

    for prefix in ("/job", "/partials/job", "/api/job"):
        app.add_url_rule(f"{prefix}/<int:account_id>/<int:credits>", f"work {prefix}", work)
    return app


@pytest.fixture
def worker(settings, shopper):
    """Somebody with 12 credits, in an application whose work costs what its address says."""
    app = with_work(settings)
    with app.app_context():
        spend(shopper.user.account_id, 8)
        yield Shopper.of(app, shopper.user)


def asked(worker, credits=NEEDED):
    return worker.pages.open(f"/job/{worker.user.account_id}/{credits}", status=402)


def banner(worker, credits=NEEDED):
    return worker.pages.partial(f"/partials/job/{worker.user.account_id}/{credits}", status=402)


def told(worker, credits=NEEDED):
    answer = worker.pages.client.get(f"/api/job/{worker.user.account_id}/{credits}")
    return problem(answer, 402, "insufficient_credits")


def test_page_says_what_it_needs_and_sells_the_smallest_pack_that_covers_it(worker):
    page = asked(worker)
    assert page.heading == "You're out of credits"
    panel = page.with_id("error")
    assert "This needs 36 credits and you have 12. Nothing was used." in panel.text
    (form,) = panel.all("form")
    (button,) = form.all("button")
    assert button.text == "Buy 100 credits for $5.00"
    (link,) = panel.all("a")
    assert (link.text, link.attributes["href"]) == ("See all packs", "/dashboard/credits#packs")


@pytest.mark.parametrize("ask", [asked, banner], ids=["page", "partial"])
def test_the_form_leads_to_stripe_for_that_pack(worker, ask):
    (form,) = ask(worker, 400).with_id("error").all("form")
    fields = {node.attributes["name"]: node.attributes["value"] for node in form.all("input")}
    answer = worker.pages.client.post(form.attributes["action"], data=fields)
    assert answer.status_code == 303
    assert worker.newest().pack_slug == "small"
    assert answer.location == worker.newest().session_url


def test_partial_fills_the_alerts_with_the_same_words(worker):
    partial = banner(worker)
    assert partial.response.headers["HX-Retarget"] == "#alerts"
    error = partial.with_id("error")
    assert error.attributes["role"] == "alert"
    for words in (
        "You're out of credits",
        "This needs 36 credits and you have 12. Nothing was used.",
        "Buy 100 credits",
    ):
        assert words in error.text
        assert words in asked(worker).with_id("error").text


def test_program_is_told_the_pack_and_where_it_is_bought(worker, settings):
    assert told(worker) == {
        "needed": 36,
        "available": 12,
        "pack": "starter",
        "buy_url": f"{settings.base_url}/dashboard/credits#pack-starter",
        "detail": "This needs 36 credits and you have 12. Nothing was used.",
    }
    assert worker.pages.open("/dashboard/credits").has_id("pack-starter")


@pytest.mark.parametrize(
    ("credits", "slug"),
    [(112, "starter"), (113, "small"), (512, "small"), (513, "popular"), (10_012, "maximum"), (10_013, None)],
)
def test_pack_is_the_smallest_that_covers_all_that_is_missing(worker, credits, slug):
    found = told(worker, credits)
    assert found["pack"] == slug
    assert found["buy_url"].endswith(f"/dashboard/credits#{f'pack-{slug}' if slug else 'packs'}")


def test_where_no_pack_covers_it_there_is_no_button_but_a_way_to_all_of_them(worker):
    panel = asked(worker, 10_013).with_id("error")
    assert "This needs 10,013 credits and you have 12." in panel.text
    assert panel.all("form") == []
    (link,) = panel.all("a")
    assert (link.text, link.attributes["href"]) == ("Buy credits", "/dashboard/credits#packs")


def test_a_pack_that_belongs_to_another_plan_or_has_no_price_is_not_named(worker):
    assert told(worker, 150)["pack"] == "small", "200 credits would be enough, and are for Plus only"
    transact(lambda session: session.execute(text("DELETE FROM stripe_prices WHERE lookup_key = 'refill_pack_small'")))
    assert told(worker, 150)["pack"] == "popular"


def test_a_debt_is_covered_too(worker):
    money = {"total_minor": 100, "returned_minor": 100, "disputed_minor": 0}
    grant(worker.user.account_id, 90, source_id="refunded")
    spend(worker.user.account_id, 102)
    source = {"source_kind": "test", "source_id": "refunded"}
    transact(
        lambda session: operations.settle_takeback(session, worker.user.account_id, **source, **money, now=utc_now())
    )
    assert told(worker, 10)["pack"] == "starter", "10 and a debt of 90"
    found = told(worker, 11)
    assert (found["needed"], found["available"], found["pack"]) == (11, 0, "small")


def test_while_payments_are_off_no_pack_is_named(settings, shopper):
    app = with_work(settings, stripe_mode=None)
    with app.app_context():
        found = told(Shopper.of(app, shopper.user))
    assert (found["pack"], found["buy_url"]) == (None, f"{settings.base_url}/dashboard/credits#packs")


def test_words_follow_the_reader_and_the_catalogue(settings, shopper):
    def become_german(session):
        session.execute(text("UPDATE users SET locale = 'de_DE'"))

    app = with_work(settings, catalog=settings.catalog.parent / "examples/voice-minutes.toml")
    with app.app_context():
        sync_now()
        transact(become_german)
        worker = Shopper.of(app, shopper.user)
        panel, found = asked(worker, 1234).with_id("error").text, told(worker, 1234)
    assert "This needs 12,34 $ and you have 0,20 $." in panel
    assert "Buy 22,00 $ for 20,00 $" in panel
    assert found["detail"] == "This needs $12.34 and you have $0.20. Nothing was used."


def test_somebody_who_does_not_pay_is_sold_nothing(worker, anonymous):
    page = asked(Shopper(worker.app, worker.user, type(anonymous)(worker.app.test_client())))
    assert "This needs 36 credits and you have 12." in page.text
    assert page.with_id("error").all("form") == []


def test_the_account_that_lacks_credits_counts_whoever_asks(worker, stranger):
    """Not the person whose browser asks: they have no debt, and a smaller pack would do for them."""
    account_id = stranger.user.account_id
    grant(account_id, 90, source_id="refunded")
    spend(account_id, 90)
    money = {"total_minor": 100, "returned_minor": 100, "disputed_minor": 0}
    source = {"source_kind": "test", "source_id": "refunded"}
    transact(lambda session: operations.settle_takeback(session, account_id, **source, **money, now=utc_now()))
    path = f"/job/{account_id}/36"
    for headers in ({}, {"Authorization": "Bearer k"}):
        found = problem(worker.pages.client.get(f"/api{path}", headers=headers), 402, "insufficient_credits")
        assert (found["needed"], found["available"], found["pack"]) == (36, 0, "small"), "36 and a debt of 90"
    assert worker.pages.open(path, status=402).with_id("error").all("form") == [], "it would be theirs, and not help"


def test_a_password_of_a_proxy_in_front_takes_no_button_away(worker):
    """Keys are read under /api/ alone."""
    worker.pages.client.environ_base["HTTP_AUTHORIZATION"] = "Basic cHJveHk6c2VjcmV0"
    assert len(asked(worker).with_id("error").all("form")) == 1


def test_without_the_database_there_are_words_and_no_pack(worker):
    def unplug(connection, cursor, statement, *_):
        if "stripe_prices" in statement:
            raise OperationalError("SELECT", {}, Exception("no database"))

    event.listen(db.engine, "before_cursor_execute", unplug)
    try:
        found = told(worker)
    finally:
        event.remove(db.engine, "before_cursor_execute", unplug)
    assert (found["needed"], found["available"], found["pack"]) == (36, 12, None)


def test_paused_spending_is_not_called_a_lack_of_credits(worker):
    pause = "UPDATE accounts SET spending_paused_at = created_at"
    transact(lambda session: session.execute(text(pause)))
    assert asked(worker, 1).heading == "Spending is paused"


def test_the_same_of_a_capture_above_its_hold(worker, app):
    """`needed` and `available` are of what is missing to the hold."""
    account_id, now = worker.user.account_id, utc_now()

    def above(session):
        held = operations.hold(session, account_id, credits=10, key="h", now=now)
        operations.capture(session, account_id, held.entry.seq, credits=20, may_exceed_hold=True, key="c", now=now)

    worker.app.add_url_rule("/api/above", "above", lambda: jsonify(transact(above)))
    found = problem(worker.pages.client.get("/api/above"), 402, "insufficient_credits")
    assert (found["needed"], found["available"], found["pack"]) == (10, 2, "starter")
