"""The console is there for operators only, and no screen of it changes what stands in the ledger."""

import re

import pytest
from sqlalchemy import select

from tests.api.calling import csrf_token_of
from tests.app.access import ACCESS, OPERATORS
from tests.app.one_database import database_url
from webapp.extensions import db, end_reading
from webapp.ledger.models import entries, entry_details, postings
from webapp.web.pages.operator.deeds import DEEDS
from webapp.web.pages.operator.frame import NAVIGATION
from webapp.web.roles import CONSOLE

__all__ = ["database_url"]

CONSOLE_ROWS = {asked: row for asked, row in ACCESS.items() if asked[0].startswith("operator.")}
WRITTEN = {"entries": entries, "entry_details": entry_details, "postings": postings}


def is_of_console(path):
    return any(path == root or path.startswith(f"{root}/") for root in CONSOLE)


def test_every_route_of_the_console_is_behind_its_door_and_no_other_is(app):
    for rule in app.url_map.iter_rules():
        assert is_of_console(rule.rule) == rule.endpoint.startswith("operator."), rule


def test_every_route_of_the_console_says_what_each_role_gets():
    assert {asked for asked, row in CONSOLE_ROWS.items() if len(row.roles) != len(OPERATORS)} == set()
    assert len(CONSOLE_ROWS) > 20


def test_every_act_needs_a_role_that_acts_and_only_an_admin_gives_roles():
    acts = {endpoint: row.roles for (endpoint, method), row in CONSOLE_ROWS.items() if method == "POST"}
    assert {f"operator.do_{name}" for name in DEEDS} <= acts.keys()
    assert all(roles[0] == 403 for roles in acts.values()), "support only looks"
    assert [name for name, roles in acts.items() if roles[1] == 403] == ["operator.do_role"]


def seen(response):
    body = re.sub(r"Reference: [0-9a-f]{16}|csrf_token[^>]*>", "", response.get_data(as_text=True))
    return response.status_code, body, response.headers.get("Allow")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_to_others_the_console_is_a_missing_page_by_every_method(shop, method):
    """With and without the token: nothing tells a route of the console from none."""
    missing = "/operators-of-nothing", "/partials/nothing"
    expected = [seen(shop.owner.open(path, method=method)) for path in missing]
    assert {status for status, *_ in expected} == {404}
    for endpoint, _ in CONSOLE_ROWS:
        path = shop.path(endpoint)
        for headers in ({}, {"X-CSRFToken": csrf_token_of(shop.app, shop.owner)}):
            found = seen(shop.owner.open(path, method=method, headers=headers))
            assert found == expected[path.startswith("/partials/")], (endpoint, headers.keys())


def test_an_account_that_is_not_there_is_a_missing_page_for_operators_too(shop):
    for number in (12345, 2**53, 2**70, 0):
        for path in ("", "/ledger", "/purchases", "/access", "/acts", "/grant", "/role"):
            assert shop.admin.get(f"/operator/people/{number}{path}").status_code == 404, (number, path)
    for act_id in ("0" * 16, "unknown", "%00", "a" * 300):
        assert shop.admin.get(f"/operator/acts/{act_id}").status_code == 404


def rows_of(table):
    end_reading()
    chosen = select(table).order_by(*table.primary_key)
    return [tuple(row) for row in db.session.execute(chosen)]


def test_no_screen_of_the_console_changes_or_deletes_what_stands_in_the_ledger(shop):
    """Whatever is sent to whatever route: what was written stays, and acts only add to it."""
    before = {name: rows_of(table) for name, table in WRITTEN.items()}
    assert all(before.values())
    for endpoint, method in sorted(CONSOLE_ROWS):
        shop.ask(shop.admin, endpoint, method)
        for other in ("PUT", "PATCH", "DELETE"):
            sent = shop.admin.open(
                shop.path(endpoint), method=other, headers={"X-CSRFToken": csrf_token_of(shop.app, shop.admin)}
            )
            assert sent.status_code == 405, endpoint
    after = {name: rows_of(table) for name, table in WRITTEN.items()}
    assert {name: set(rows) - set(after[name]) for name, rows in before.items()} == {name: set() for name in WRITTEN}
    assert len(after["entries"]) > len(before["entries"]), "nothing was done at all"


def test_no_address_of_the_console_names_a_row_of_the_ledger(app):
    """What an act is about is an account; a lot is named in a form, and its entries nowhere."""
    named = {name for rule in app.url_map.iter_rules() if is_of_console(rule.rule) for name in rule.arguments}
    assert named & {"entry", "seq", "entry_seq", "lot", "grant", "posting", "hold"} == set()


def test_the_menu_leads_operators_to_the_console_and_nobody_else(shop):
    assert 'href="/operator"' in shop.support.get("/dashboard").text
    assert "/operator" not in shop.owner.get("/dashboard").text


def test_the_console_leads_to_each_of_its_places(shop):
    page = shop.support.get("/operator").text
    for _, label, endpoint in NAVIGATION:
        assert f'href="{shop.path(endpoint)}"' in page
        assert label in page
