"""Whatever the document allows, and much that it doesn't, is answered as the document says: by schemathesis."""

import itertools
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import schemathesis
from flask import Flask
from hypothesis.strategies import sampled_from
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.books import grant
from tests.api.keyed import make_account, make_key
from webapp.api.routes import ROUTES
from webapp.extensions import limiter

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES_IN_THE_GATE = 10
ALL_EXAMPLES = 400
MODES = {"allowed": GenerationMode.POSITIVE, "not allowed": GenerationMode.NEGATIVE}
SEQS = {"entry": 2, "hold": 3}  # what `askers` leaves
numbers = itertools.count(1)


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    return ALL_EXAMPLES if request.config.getoption("--all-rounds") else EXAMPLES_IN_THE_GATE


@pytest.fixture
def askers(shared_app, product, monkeypatch) -> dict[str, dict[str, str]]:
    """The headers of the product, of an account's key, and of nobody. The account has a hold and a use to speak of."""
    monkeypatch.setattr(limiter, "enabled", False)
    account_id = make_account(external_id=f"any-{next(numbers)}")
    grant(account_id, 1000)
    mine = make_key(shared_app, account_id)
    service = product.for_account(account_id)
    mine.spend(5)
    mine.hold(5)
    return {"product": service._headers(), "account": mine._headers(), "nobody": {}}


def as_on_a_server(app: Flask) -> Callable[..., Any]:
    """The application, whose requests each have a context of their own: else they would share the fixture's `g`."""

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        with app.app_context():
            return app(environ, start_response)

    return call


@pytest.mark.parametrize("shared_app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", [route.name for route in ROUTES])
@pytest.mark.parametrize("mode", MODES)
def test_every_answer_is_a_documented_one(shared_app, askers, examples, name, mode):
    document = schemathesis.openapi.from_wsgi("/api/openapi.json", as_on_a_server(shared_app))
    operation = document.find_operation_by_id(name)
    statuses = set()

    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=MODES[mode]), who=sampled_from(sorted(askers)))
    def ask(case: Any, who: str) -> None:
        if mode == "allowed":
            case.path_parameters |= {name: SEQS[name] for name in case.path_parameters if name in SEQS}
        response = case.call(headers=askers[who])
        case.validate_response(response, checks=CHECKS)
        statuses.add(response.status_code)

    ask()
    if mode == "allowed":
        assert 401 in statuses
        assert len(statuses) > 1, "only nobody was answered"
    assert statuses
