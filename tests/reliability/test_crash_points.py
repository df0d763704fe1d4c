"""The points in the code are the points of the tables, each way passes what its table says, and nothing is left out."""

import ast

import pytest

from tests.reliability import work
from tests.reliability.passings import WAYS, deaths
from tests.reliability.program import Program
from tests.reliability.serving import CrashPoint
from tests.reliability.shop import KIND, about_nothing
from tests.support.databases import ROOT

NAMES = sorted({name for way in WAYS.values() for name, _, _ in deaths(way)})


def points_in(source):
    """The argument of each call of `point` in some source."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.args[0] for call in calls if getattr(call.func, "id", getattr(call.func, "attr", "")) == "point"]


def test_every_point_in_the_code_is_in_a_table_and_every_name_of_a_table_is_in_the_code():
    found = [point for file in (ROOT / "webapp").rglob("*.py") for point in points_in(file.read_text())]
    assert all(isinstance(name, ast.Constant) for name in found)
    assert sorted(name.value for name in found) == NAMES  # each once in the code: a place is a name
    assert len(NAMES) == 18


def test_the_reader_of_points_sees_each_way_to_call_one():
    assert [ast.unparse(name) for name in points_in("point('a'); crashes.point(b); other('c')")] == ["'a'", "b"]


def open_plan(served, shop):
    point = CrashPoint(served.crash_file, "nowhere", 1)
    assert shop.subscribe("order").status == 201
    return point


def find_change(served, shop):
    with shop.stripe_keeps_quiet():
        shop.upgraded()
        point = CrashPoint(served.crash_file, "nowhere", 1)
        assert work.run(work.sweep, served.given, "plans") == 0
    assert shop.allowances() == 2
    return point


def refund(served, shop):
    purchase = shop.paid()
    with shop.stripe_keeps_quiet():
        assert shop.tell(shop.event_ids(purchase)[KIND]).status == 200
        point = CrashPoint(served.crash_file, "nowhere", 1)
        assert work.run(work.refund, served.given, purchase.account_id, purchase.id, "key") == 0
    return point


PREPARED = {"plan checkout": open_plan, "change found": find_change, "refund": refund}


def walk(way, served, shop):
    """Go one of the ways to its end; what is armed when it begins."""
    if way in PREPARED:
        return PREPARED[way](served, shop)
    purchase = None if "spend" in way or way == "checkout" else shop.paid()
    account_id = shop.give(1)
    program = Program(shop.app, served, 1)
    shop.wait_a_minute()
    point = CrashPoint(served.crash_file, "nowhere", 1)
    if way == "webhook":
        assert shop.tell(shop.event_ids(purchase)[KIND]).status == 200
    elif way == "failed webhook":
        assert shop.post_event(about_nothing(purchase, f"evt_sim_lost_{shop.user.id}")).status == 503
    elif way == "return page":
        assert "added" in shop.come_back(purchase).body
    elif way == "sweep":
        assert work.run(work.sweep, served.given) == 0
    elif way == "checkout":
        assert shop.buy("order").status == 201
    elif way == "spend over the API":
        assert program.spend("key").status == 201
    else:
        assert work.run(work.spend_with_one_retry, served.given, account_id, "key", served.folder / "told") == 0
    return point


@pytest.mark.parametrize("way", WAYS)
def test_a_way_passes_the_points_of_its_table_in_their_order(served, shop, way):
    """So that no transaction is added to a way without a place where its process has died."""
    point = walk(way, served, shop)
    assert point.passed() == [name for name, _, _ in deaths(WAYS[way])]
