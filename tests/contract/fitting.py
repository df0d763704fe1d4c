"""Whether a value fits a JSON Schema, told quickly by functions made of the schema once.

Only the words that `stripe_types` writes are known; any other is an error. What these functions let pass, jsonschema
lets pass too (a test holds it); what they don't is looked at by jsonschema, which can say what is wrong.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

Schema = dict[str, Any]
Fits = Callable[[Any], bool]

SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


class Fitting:
    """The functions of schemas; `follow` gives the schema that a reference means."""

    def __init__(self, follow: Callable[[str], Schema]) -> None:
        self._referenced = cache(lambda uri: self.made_of(follow(uri)))

    def made_of(self, schema: Schema) -> Fits:
        """The function of one schema."""
        match schema:
            case {"$ref": uri, **rest}:
                made = self._reference(uri)
            case {"anyOf": branches, **rest}:
                made = _any([self.made_of(branch) for branch in branches])
            case {"enum": choices, **rest}:
                made = _choice(choices)
            case {"const": choice, **rest}:
                made = _choice([choice])
            case {"type": kind, **rest}:
                made = self._typed(kind, rest)
            case rest:
                made = _anything
        assert not rest, f"nobody knows what {sorted(rest)} means"
        return made

    def _typed(self, kind: str, rest: Schema) -> Fits:
        """Takes what it knows out of `rest`."""
        if kind == "object":
            return self._object(rest)
        if kind == "array":
            return _list(self.made_of(rest.pop("items")))
        return _text(rest.pop("pattern")) if "pattern" in rest else _scalar(SCALARS[kind])

    def _reference(self, uri: str) -> Fits:
        def fits(value: Any) -> bool:
            return self._referenced(uri)(value)  # made when it is met: types mention each other in circles

        return fits

    def _object(self, rest: Schema) -> Fits:
        known = {name: self.made_of(inner) for name, inner in rest.pop("properties", {}).items()}
        required, more = frozenset(rest.pop("required", ())), rest.pop("additionalProperties", {})
        others = _nothing if more is False else self.made_of(more)

        def fits(value: Any) -> bool:
            if type(value) is not dict or not required <= value.keys():
                return False
            return all(known.get(name, others)(inner) for name, inner in value.items())

        return fits


def _any(branches: list[Fits]) -> Fits:
    return lambda value: any(branch(value) for branch in branches)


def _choice(choices: list[Any]) -> Fits:
    typed = frozenset((type(choice), choice) for choice in choices)  # True is no 1
    kinds = tuple({type(choice) for choice in choices})
    return lambda value: type(value) in kinds and (type(value), value) in typed


def _list(items: Fits) -> Fits:
    return lambda value: type(value) is list and all(map(items, value))


def _text(pattern: str) -> Fits:
    found = re.compile(pattern).search
    return lambda value: type(value) is str and found(value) is not None


def _scalar(kinds: tuple[type, ...]) -> Fits:
    return lambda value: type(value) in kinds


def _anything(_value: Any) -> bool:
    return True


def _nothing(_value: Any) -> bool:
    return False
