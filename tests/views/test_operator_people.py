"""The list of people and one person: what operators see of others is what those see themselves."""

from urllib.parse import quote

import pytest

from tests.api.books import grant, hold, lapsing_grant, spend
from tests.support.browsing import sign_in
from tests.support.keys import make_key
from tests.support.people import make_user
from tests.views.both_databases import database_url
from tests.views.console import PEOPLE, Desk
from tests.views.test_queries import statements
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.hosts import Wish, host_account
from webapp.people.models import User

__all__ = ["database_url"]

MOST_STATEMENTS = 19


@pytest.fixture
def desk(app, shopper):
    return Desk.of(app, "billing", shopper.user.account_id)


def listed(page):
    return [row.all("a")[0].text for row in page.with_id("op-people").all("tr")[1:]]


def bought(page):
    return [node for node in page.root.all("li") if node.attributes.get("id", "").startswith("purchase-")]


def test_people_are_listed_and_found_and_the_list_is_a_partial_of_its_page(desk, shopper, stranger):
    assert listed(desk.pages.open(PEOPLE)) == [stranger.user.email, "billing@example.com", shopper.user.email]
    for looked_for, found in (("some", [shopper.user.email]), ("OTHER@", [stranger.user.email]), ("nobody", [])):
        page = desk.pages.open(f"{PEOPLE}?q={looked_for}")
        assert listed(page) == found
        partial = desk.pages.partial(f"/partials/operator/people?q={looked_for}")
        drawn, _, spoken = partial.html.partition('<div id="live"')
        assert drawn.strip() in page.html
        assert spoken.endswith(("1 person.</div>", "Nobody found.</div>"))
        assert partial.response.headers["HX-Push-Url"] == f"{PEOPLE}?q={quote(looked_for, safe='@')}"
    assert page.with_id("people-q").attributes["value"] == "nobody"
    assert "Nobody found" in page.text


def test_the_form_asks_as_somebody_types_and_works_without_that(desk):
    form = desk.pages.open(PEOPLE).with_id("people-search")
    assert (form.attributes["action"], form.attributes["method"]) == (PEOPLE, "get")
    assert form.attributes["hx-get"] == "/partials/operator/people"
    assert form.attributes["hx-target"] == "#op-people"
    assert "input changed delay" in form.attributes["hx-trigger"]


def test_text_that_people_gave_is_inert(desk):
    make_user("<b>@example.com".replace("<b>", "b"), name="<script>alert(1)</script>")
    page = desk.pages.open(f"{PEOPLE}?q=%3Cscript%3E")
    assert "<script>alert" not in page.html
    page = desk.pages.open(PEOPLE)
    assert "&lt;script&gt;alert(1)" in page.html


@pytest.mark.parametrize(
    "query", ["after=0", "after=x", f"after={10**11}", "q=%00", f"q={'x' * 300}", "q=%F0%9F%92%A9"]
)
def test_any_address_of_the_list_is_a_page(desk, query):
    desk.pages.open(f"{PEOPLE}?{query}")
    desk.pages.partial(f"/partials/operator/people?{query}")


def test_the_balance_card_is_the_one_its_owner_sees(desk, shopper):
    account_id = shopper.user.account_id
    grant(account_id, 86)
    spend(account_id, 30)
    hold(account_id, 12)
    lapsing_grant(account_id, 5)
    theirs = shopper.pages.open("/dashboard").with_id("balance-card")
    seen = desk.open().with_id("balance-card")
    assert seen.text == theirs.text.replace("Buy credits ", "")
    assert seen.attributes["hx-get"] == f"/partials/operator/people/{account_id}/balance-card"
    partial = desk.pages.partial(seen.attributes["hx-get"])
    assert partial.html.strip() in desk.open().html
    assert "76" not in desk.pages.open("/dashboard").with_id("balance-badge").text, "the bar has the operator's own"


def test_the_ledger_has_the_rows_of_the_owners_history_to_its_end(desk, shopper):
    for number in range(1, 31):
        grant(shopper.user.account_id, number, "bonus")
    shopper.granted()

    def rows(page):
        return [node.text for node in page.root.all("li") if node.attributes.get("id", "").startswith("entry-")]

    theirs, seen = shopper.pages.open("/dashboard/history"), desk.open("ledger")
    assert rows(seen) == rows(theirs)
    more = seen.with_id("show-older")
    older = desk.pages.partial(more.attributes["hx-get"])
    assert rows(older) == rows(desk.pages.open(more.attributes["href"]))
    assert len(rows(seen)) + len(rows(older)) == 32
    assert older.with_id("live").text == "7 more rows. That is all."
    assert [rows(desk.open("ledger?type=purchases")), rows(desk.open("ledger?type=expired"))] == [rows(seen)[:1], []]
    for query in ("after=x", "type=x", "after=0"):
        desk.open(f"ledger?{query}", status=422)
        desk.pages.partial(f"{desk.path('entries').replace('/operator', '/partials/operator', 1)}?{query}", status=422)


def test_purchases_are_told_with_their_money_and_lead_to_a_refund(desk, shopper):
    paid, quarantined = shopper.granted(), shopper.quarantined("small")
    shopper.left("starter")
    page = desk.open("purchases")
    titles = [node.all("h3")[0].text for node in bought(page)]
    assert titles == [
        f"Starter {shopper.newest().reference}",
        f"Small {quarantined.reference}",
        f"Popular {paid.reference}",
    ]
    row = page.with_id(f"purchase-{paid.id}")
    for words in ("$35.00", "1,000 credits", "Paid", str(paid.payment_intent_id), "$35.00 can be given back"):
        assert words in row.text
    assert "Refund" not in page.with_id(f"purchase-{shopper.newest().id}").text
    assert "Being checked" in page.with_id(f"purchase-{quarantined.id}").text
    (link,) = desk.open("ledger").with_id("entry-2").all("a")
    assert link.attributes["href"] == row.all("a")[0].attributes["href"] == f"/operator/purchases/{paid.id}"


def test_purchases_go_on_in_pages(desk, shopper, monkeypatch):
    monkeypatch.setattr("webapp.operators.purchases.purchases_of_account.__kwdefaults__", {"after": None, "limit": 2})
    opened = [shopper.left("small").id for _ in range(5)][::-1]
    seen, path = [], "purchases"
    while path:
        page = desk.open(path)
        seen += [node.attributes["id"].removeprefix("purchase-") for node in bought(page)]
        more = page.links().get("Show older")
        path = more.removeprefix(desk.path() + "/") if more else ""
    assert seen == opened
    assert bought(desk.open("purchases?after=nothing00")) == []


def test_keys_and_sign_ins_are_told_without_any_secret(app, desk, shopper):
    _, secret = make_key(shopper.user.account_id, "read", name="Build server")
    sign_in(app, shopper.user)
    page = desk.open("access")
    assert f"Build server {secret[:12]}… Read Never" in page.text
    assert secret[12:] not in page.html
    assert len(page.root.all("table")[1].all("tr")) == 3
    assert "Sign out everywhere" in page.text


def test_who_only_looks_is_offered_no_act(app, shopper):
    looking = Desk.of(app, "support", shopper.user.account_id)
    shopper.granted()
    for side in ("", "purchases", "access"):
        page = looking.open(side)
        for act in ("grant", "take", "pause", "role", "sign-out", "end-lot", "refund"):
            assert looking.path(act) not in page.html, act


def test_an_account_without_a_user_has_a_page_too(desk):
    account = host_account(Wish("usr_42", None, "Europe/Berlin"), welcome_credits=0, now=utc_now())
    page = desk.pages.open(f"{PEOPLE}/{account.account_id}")
    assert page.heading == "usr_42"
    assert "Signs in Nobody" in page.text
    assert "sign-out" not in page.with_id("main").text
    assert listed(desk.pages.open(f"{PEOPLE}?q=usr_42")) == ["Nobody signs in to account " + str(account.account_id)]


def test_of_several_who_share_an_account_each_is_named(desk, shopper, stranger):
    transact(lambda session: setattr(session.get_one(User, stranger.user.id), "account_id", shopper.user.account_id))
    page = desk.open()
    assert page.heading == shopper.user.email
    assert f"Also signs in {stranger.user.email}" in page.text


def test_pages_cost_few_statements_and_the_same_with_many_rows(desk, shopper):
    paths = [desk.path(side) for side in ("", "ledger", "purchases", "access", "acts")]
    paths += [PEOPLE, f"{PEOPLE}?q=some", "/operator/acts"]

    def costs():
        found = {}
        for path in paths:
            desk.pages.open(path)
            with statements() as seen:
                desk.pages.open(path)
            found[path] = len(seen)
        return found

    shopper.granted()
    grant(shopper.user.account_id, 1)
    hold(shopper.user.account_id, 1)
    make_key(shopper.user.account_id)
    desk.does("grant", credits="5")
    few = costs()
    for number in range(30):
        grant(shopper.user.account_id, 1)
        make_user(f"some-{number}@example.com")
    for _ in range(3):
        hold(shopper.user.account_id, 1)
        make_key(shopper.user.account_id)
        desk.does("grant", credits="5")
        shopper.granted("small")
    assert max(few.values()) <= MOST_STATEMENTS, few
    many = costs()
    assert {path: number for path, number in many.items() if number > few[path] + 2} == {}, (few, many)
