"""The quick look says of every value what jsonschema says."""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.fitting import Fitting
from tests.contract.stripe_types import FITTING, SCALARS, Validator, object_classes

SEED = 20261126
OTHERS: tuple[Any, ...] = (None, True, 0, 1, 1.5, "", "x", "12.5", [], [None], {}, {"x": 1})


def changed(value: Any) -> Iterator[Any]:
    """The value with each of its parts in turn left out, renamed, or something else."""
    yield from OTHERS
    if isinstance(value, dict):
        for name, inner in value.items():
            rest = {other: value[other] for other in value if other != name}
            yield from (rest, {**rest, f"{name}x": inner})
            yield from ({**value, name: other} for other in changed(inner))
    if isinstance(value, list) and value:
        yield from ([*value[1:], other] for other in changed(value[0]))


def test_both_say_the_same_of_changes_of_what_a_payment_leaves(payment, simulated) -> None:
    with simulated.store.reading() as state:
        items = [json.loads(row["json"]) for row in list(state.rows("SELECT json FROM sim_object"))]
    told = {True: 0, False: 0}
    for item in {item["object"]: item for item in items}.values():
        kind = object_classes()[item["object"]]
        schema = {"$ref": f"sdk:{kind.__module__}:{kind.__qualname__}"}
        quick, slow = FITTING.made_of(schema), Validator(schema)
        assert quick(item)
        changes = list(changed(item))
        for value in random.Random(SEED).sample(changes, len(changes) // 8):
            assert quick(value) == slow.is_valid(value), value
            told[quick(value)] += 1
    assert min(told.values()) > 150, told


def test_both_say_the_same_of_an_amount_with_decimals() -> None:
    schema = {"anyOf": [SCALARS[Decimal], {"type": "null"}]}
    for value in (*OTHERS, "12", "-1.25", "1.", "x12", "1e3"):
        assert FITTING.made_of(schema)(value) == Validator(schema).is_valid(value), value


@pytest.mark.parametrize("schema", [{"type": "string", "minLength": 1}, {"format": "email"}, {"oneOf": []}])
def test_words_that_it_does_not_know_are_an_error_and_not_passed_over(schema: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="nobody knows"):
        Fitting(lambda uri: {}).made_of(schema)
