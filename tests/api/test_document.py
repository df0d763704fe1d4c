"""The OpenAPI document: every route, nothing else, sound schemas; and its examples are what really happens."""

import json
import re

import jsonschema
import pytest
import time_machine

from tests.api.calling import answer
from tests.api.keyed import make_account, make_key
from tests.conftest import NOW
from tests.support.pages import PageClient
from webapp import create_app
from webapp.api.reference.document import address_of, openapi
from webapp.api.reference.examples import EXAMPLES
from webapp.api.reference.problems import KINDS
from webapp.api.routes import ROUTES
from webapp.errors import Refusal
from webapp.ledger.errors import LedgerRefusal
from webapp.web import refusals
from webapp.web.errors import STATUSES, status_of_kind

DOCUMENT = openapi(brand_name="Refill", base_url="https://credits.example", cookie_name="refill")
# Of the ledger, and nothing over the API raises them; of pages, whose texts they are.
NOT_OF_THE_API = {
    "role_needed",
    "limit_already_reached",
    *("ledger_refused", "unknown_grant", "void_above_available", "not_allowed", "unreadable_request"),
    *("key_used", "work_in_progress", "work_done", "key_worn_out"),  # of views that are metered
}
OUTSIDE = {"api_docs.document", "api_docs.page"}


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if isinstance(node.get("$ref"), str) else [])
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolved(reference):
    node = DOCUMENT
    for word in reference.removeprefix("#/").split("/"):
        node = node[word]
    return node


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_of_the_api_is_in_the_document_and_the_reverse(app):
    told = {(path, method.upper()) for path, method, _ in operations()}
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and rule.endpoint not in OUTSIDE | {"webhook.receive"}
    }
    assert told == served
    assert len(told) == len(ROUTES) == len({route.name for route in ROUTES})


def test_it_is_what_is_served_to_anybody_and_allowed_to_be_read_by_programs(app):
    response = app.test_client().get("/api/openapi.json")
    served = answer(response)
    assert served["paths"] == json.loads(json.dumps(DOCUMENT["paths"]))
    assert (served["openapi"], served["info"]["title"]) == ("3.1.0", "Refill API")
    assert served["servers"] == [{"url": "http://127.0.0.1:8000"}]
    assert "Set-Cookie" not in response.headers


def test_every_reference_leads_somewhere_and_every_component_is_used():
    found = set(references(DOCUMENT))
    assert all(resolved(reference) for reference in found)
    for group in ("schemas", "headers"):
        assert {f"#/components/{group}/{name}" for name in DOCUMENT["components"][group]} <= found


def test_every_schema_is_one():
    schemas = [*DOCUMENT["components"]["schemas"].values()]
    schemas += [header["schema"] for header in DOCUMENT["components"]["headers"].values()]
    schemas += [one["schema"] for _, _, operation in operations() for one in operation["parameters"]]
    for schema in schemas:
        jsonschema.Draft202012Validator.check_schema(schema)
    assert len(schemas) > 100


def test_each_operation_says_who_may_ask_and_with_which_headers():
    for route in ROUTES:
        operation = DOCUMENT["paths"][address_of(route)][route.method.lower()]
        headers = {one["name"]: one["required"] for one in operation["parameters"] if one["in"] == "header"}
        assert f"scope {route.scope}" in operation["description"]
        assert headers.get("Idempotency-Key") == {"needed": True, "optional": False, "": None}[route.key]
        assert ("X-CSRFToken" in headers) == (route.method == "POST" and not route.is_for_service)
        assert ({"session": []} in operation["security"]) != route.is_for_service
        for status in operation["responses"].values():
            assert status["description"]
            assert "X-Request-ID" in status["headers"]


def test_the_page_tells_every_operation_problem_and_scope_and_needs_no_script(app):
    page = PageClient(app.test_client()).open("/api/docs")
    for route in ROUTES:
        section = page.with_id(route.name)
        assert section.text == route.title
    for kind in KINDS:
        assert page.root.has_id(kind.code)
        assert kind.meaning in page.text
    commands = [node.text for node in page.root.all("pre") if "Request" in node.attributes["aria-label"]]
    assert len(commands) == len(ROUTES)
    assert all(command.startswith("curl http://127.0.0.1:8000/api/") for command in commands)
    targets = [node.attributes["href"] for node in page.root.all("a") if node.attributes["href"].startswith("#")]
    assert all(page.root.has_id(target.removeprefix("#")) for target in targets)
    assert len(targets) > len(ROUTES)


def test_the_page_is_reached_from_every_page_behind_the_sign_in(signed_in):
    page = PageClient(signed_in).open("/dashboard")
    assert [node.text for node in page.root.all("a", href="/api/docs")] == ["API reference"]


def below(kind):
    return {kind}.union(*(below(child) for child in kind.__subclasses__()))


def test_every_refusal_of_the_ledger_and_of_the_edge_is_told_with_its_status():
    told = {kind.code: kind.status for kind in KINDS}
    assert len(told) == len(KINDS)
    ours = {kind for kind in below(Refusal) if kind.__module__ in {LedgerRefusal.__module__, refusals.__name__}}
    assert {kind.code for kind in ours} - set(told) <= NOT_OF_THE_API
    assert len(ours) > 20
    for kind in ours:
        if kind.code in told:
            assert told[kind.code] == status_of_kind(kind), kind
    assert {code for route in ROUTES for code in route.all_problems()} <= set(told)
    assert {status for status in told.values() if status < 500} <= {*STATUSES.values(), 413, 429}


@pytest.fixture
def story(shared_app, product):
    """The account of the examples, at their time: nothing has happened in it yet."""
    with time_machine.travel(NOW, tick=False):
        account_id = make_account()
        key = make_key(shared_app, None).for_account(account_id)
        yield key


NOT_SHOWN = "read_catalog"  # too long for the page
OF_STRIPE = {
    "open_portal",
    "open_checkout",
    "open_pack_purchase",
    "verify_payment",
    "make_link",
}  # and what needs a person


def test_the_examples_are_answered_as_the_document_says(story, product):
    """In their order, for one account, at one time; what is random is masked."""
    routes = {route.name: route for route in ROUTES}
    assert set(EXAMPLES) == set(routes)
    told = {}
    for name, example in EXAMPLES.items():
        if name in OF_STRIPE:
            continue
        if name == "release":
            assert story.hold(30)["hold"]["id"] == example.place["hold"]
        route = routes[name]
        path = address_of(route).format(**example.place)
        if route.method == "GET":
            response = story.get(path, **example.query)
        else:
            response = story.post(path, example.body, key=name)
        status = next(iter(route.answers))
        told[name] = masked(answer(response, status))
    shown = {name: masked(EXAMPLES[name].answer) for name in told if name != NOT_SHOWN}
    assert told == shown | {NOT_SHOWN: told[NOT_SHOWN]}


def masked(node):
    """Without what differs from one run to the next."""
    text = re.sub(r'"(account|request_id|next_cursor)": ("[^"]*"|\d+)', r'"\1": "…"', json.dumps(node))
    return json.loads(text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_valid_against_its_own_schema(name):
    (route,) = [route for route in ROUTES if route.name == name]
    example = EXAMPLES[name]
    status = next(iter(route.answers))
    assert (example.body is None) == (route.body is None)
    for given, shape in ((example.body, route.body), (example.answer, route.answers[status])):
        if given is not None:
            schema = {"$ref": f"#/components/schemas/{shape.__name__}", "components": DOCUMENT["components"]}
            jsonschema.validate(given, schema, jsonschema.Draft202012Validator)
    query = {one["name"] for one in DOCUMENT["paths"][address_of(route)][route.method.lower()]["parameters"]}
    assert set(example.query) | set(example.place) <= query


def test_it_names_the_cookie_that_is_sent(settings):
    for base_url in ("http://127.0.0.1:8000", "https://credits.example"):
        app = create_app(settings.model_copy(update={"base_url": base_url}))
        told = app.test_client().get("/api/openapi.json").json["components"]["securitySchemes"]
        assert told["session"]["name"] == app.config["SESSION_COOKIE_NAME"]
