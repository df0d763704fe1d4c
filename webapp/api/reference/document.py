"""The OpenAPI document: made of the table of routes, the shapes and the problems, so that they can't drift apart."""

import re
from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.api.reference.examples import EXAMPLES
from webapp.api.reference.problems import INTEGER, KINDS, TEXT, ProblemKind
from webapp.api.routes import ROUTES, Route
from webapp.api.spend_shapes import BatchLine

Json = dict[str, Any]

VERSION = "1"
REFERENCE = "#/components/schemas/{model}"
PROBLEM_JSON = "application/problem+json"
IN_PATH = re.compile(r"<(?:(\w+):)?(\w+)>")
EVERY_PROBLEM: Json = {
    "type": TEXT,
    "title": TEXT,
    "status": INTEGER,
    "detail": {"type": "string", "description": "What happened and what it means, in a sentence for people."},
    "code": {"type": "string", "description": "Stable: made for programs to compare."},
    "request_id": {"type": "string", "description": "Also in the header X-Request-ID, and in our logs."},
}
SEQ: Json = {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}
ACCOUNT_HEADER: Json = {
    "name": "Refill-Account",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "For service keys: the account to act for. Its number, or external: and your own id for it.",
}
KEY_HEADER: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$"},
    "description": "New for each thing you do. Sent again with the same request, it gives the first answer again.",
}
TOKEN_HEADER: Json = {
    "name": "X-CSRFToken",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "For signed-in people: the token of their page. Keys need none.",
}
HEADERS: Json = {
    "Idempotent-Replayed": {"schema": {"const": "true"}, "description": "This is the first answer of the key, again."},
    "Retry-After": {"schema": INTEGER, "description": "Seconds to wait."},
    "WWW-Authenticate": {"schema": {"const": "Bearer"}},
    "X-Request-ID": {"schema": TEXT},
}


def openapi(*, brand_name: str, base_url: str, cookie_name: str) -> Json:
    """The whole document, as JSON-ready values."""
    paths: Json = defaultdict(dict)
    for route in ROUTES:
        paths[address_of(route)][route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{brand_name} API",
            "version": VERSION,
            "description": "Prepaid credits: spend, hold, capture, return. Credits are whole numbers.",
        },
        "servers": [{"url": base_url}],
        "paths": dict(paths),
        "components": {"schemas": _schemas(), "securitySchemes": _callers(cookie_name), "headers": HEADERS},
    }


def address_of(route: Route) -> str:
    """The path of a route as the document writes it: /api/credits/holds/{hold}."""
    return "/api" + IN_PATH.sub(r"{\2}", route.path)


def problems_of(route: Route) -> list[ProblemKind]:
    """The problems that a route can answer with, in the order of the table."""
    codes = route.all_problems()
    return [kind for kind in KINDS if kind.code in codes]


def _callers(cookie_name: str) -> Json:
    return {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key of an account, or a service key."},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name,
            "description": "A person who has signed in.",
        },
    }


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": route.name,
        "summary": route.title,
        "description": f"Needs the scope {route.scope}{' and a service key' if route.is_for_service else ''}.",
        "security": [{"key": []}] if route.is_for_service else [{"key": []}, {"session": []}],
        "parameters": list(_parameters(route)),
        "responses": _good(route) | _bad(route),
    }
    if route.body:
        content: Json = {"schema": _reference(route.body.__name__)}
        example = EXAMPLES.get(route.name)
        if example and example.body is not None:
            content["example"] = example.body
        operation["requestBody"] = {
            "required": not route.body_is_optional,
            "content": {"application/json": content},
        }
    return operation


def _parameters(route: Route) -> Iterable[Json]:
    for kind, name in IN_PATH.findall(route.path):
        yield {"name": name, "in": "path", "required": True, "schema": SEQ if kind == "seq" else TEXT}
    if route.query:
        yield from _query_parameters(route.query)
    yield ACCOUNT_HEADER
    if route.method == "POST" and not route.is_for_service:
        yield TOKEN_HEADER
    if route.key:
        yield KEY_HEADER | {"required": route.key == "needed"}


def _query_parameters(query: type[BaseModel]) -> Iterable[Json]:
    schema = query.model_json_schema(by_alias=True)
    for name, its in schema["properties"].items():
        yield {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": its}


def _good(route: Route) -> Json:
    found: Json = {}
    for status, shape in route.answers.items():
        content: Json = {"schema": _reference(shape.__name__)}
        example = EXAMPLES.get(route.name)
        if example and example.answer is not None:
            content["example"] = example.answer
        headers = ["X-Request-ID", *(["Idempotent-Replayed"] if route.key else [])]
        found[str(status)] = {
            "description": str(shape.__doc__).splitlines()[0],
            "headers": _headers(headers),
            "content": {"application/json": content},
        }
    return found


def _bad(route: Route) -> Json:
    by_status: dict[int, list[ProblemKind]] = defaultdict(list)
    for kind in problems_of(route):
        by_status[kind.status].append(kind)
    return {str(status): _refused(status, kinds) for status, kinds in by_status.items()}


def _refused(status: int, kinds: list[ProblemKind]) -> Json:
    choices = [_reference(_component(kind.code)) for kind in kinds]
    more = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}.get(status, [])
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(kind.code for kind in kinds)}",
        "headers": _headers(["X-Request-ID", *more]),
        "content": {PROBLEM_JSON: {"schema": choices[0] if len(choices) == 1 else {"oneOf": choices}}},
    }


def _schemas() -> Json:
    asked = {shape for route in ROUTES for shape in (route.body,) if shape} | {BatchLine}
    told = {shape for route in ROUTES for shape in route.answers.values()}
    models = [(shape, "validation") for shape in asked] + [(shape, "serialization") for shape in told]
    _, found = models_json_schema(sorted(models, key=lambda one: one[0].__name__), ref_template=REFERENCE)  # type: ignore[arg-type]  # the mode is a literal
    definitions: Json = dict(found["$defs"])
    every: Json = {"type": "object", "required": list(EVERY_PROBLEM), "properties": EVERY_PROBLEM}
    problems = {_component(kind.code): _problem_schema(kind) for kind in KINDS}
    return definitions | {"Problem": every} | problems


def _problem_schema(kind: ProblemKind) -> Json:
    own = {"status": {"const": kind.status}, "code": {"const": kind.code}}
    return {
        "description": kind.meaning,
        "allOf": [_reference("Problem")],
        "required": ["status", "code", *kind.facts],
        "properties": own | kind.facts | kind.more_facts,
    }


def _component(code: str) -> str:
    return f"Problem_{code}"


def _reference(name: str) -> Json:
    return {"$ref": REFERENCE.format(model=name)}


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
