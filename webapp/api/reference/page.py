"""The reference page's parts, read out of the OpenAPI document: so the page can't say what the document doesn't."""

import html
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from webapp.api.reference.document import address_of, problems_of
from webapp.api.reference.examples import EXAMPLES, Example
from webapp.api.routes import ALWAYS, ROUTES, Route
from webapp.api.spend_shapes import BatchBody

Json = dict[str, Any]

# What every POST may be refused for stands once in the table of problems, not at each operation.
USUAL = {
    *ALWAYS,
    *("csrf", "invalid_json", "invalid_request", "request_entity_too_large", "unsupported_media_type", "not_found"),
    *("account_not_named", "idempotency_key_invalid", "idempotency_key_missing", "idempotency_conflict"),
}
SCOPES = {
    "read": "balance, history, catalogue, holds, estimates, payments",
    "spend": "spend, hold, capture, release and return credits",
    "manage": "open checkouts; with a service key, make accounts and grant credits",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body or a parameter of a query, in words."""

    name: str
    kind: str
    is_needed: bool


@dataclass(frozen=True)
class Section:
    """One operation."""

    route: Route
    document: Json
    base_url: str

    @property
    def address(self) -> str:
        """The path, with names in braces."""
        return address_of(self.route)

    @property
    def codes(self) -> list[str]:
        """The problems that not every operation has."""
        return [kind.code for kind in problems_of(self.route) if kind.code not in USUAL]

    @cached_property
    def fields(self) -> list[Field]:
        """What can be sent."""
        operation = self.document["paths"][self.address][self.route.method.lower()]
        query = [one for one in operation["parameters"] if one["in"] == "query"]
        found = [Field(one["name"], self._kind(one["schema"]), one["required"]) for one in query]
        if self.route.body is BatchBody:
            return [Field(f"spends[].{one.name}", one.kind, one.is_needed) for one in self._fields_of("BatchLine")]
        return found + (self._fields_of(self.route.body.__name__) if self.route.body else [])

    @property
    def curl(self) -> Markup:
        """A command that can be pasted, with the key in the environment."""
        example = self._example
        parts = [f"curl {self.base_url}{self._filled(example)}", '-H "Authorization: Bearer $REFILL_KEY"']
        if self.route.is_for_service and self.route.names_account:
            parts.append('-H "Refill-Account: external:customer-7"')
        if self.route.key:
            parts.append('-H "Idempotency-Key: $(uuidgen)"')
        if example.body is not None:
            parts.append(f"--json '{json.dumps(example.body, ensure_ascii=False)}'")
        return _code(" \\\n  ".join(parts))

    @property
    def answer(self) -> Markup:
        """The answer of the example, a line for each of its parts; empty where it is long."""
        found = self._example.answer
        if found is None:
            return Markup()
        lines = (f"{json.dumps(name)}: {json.dumps(part, ensure_ascii=False)}" for name, part in found.items())
        return _code("{" + ",\n ".join(lines) + "}")

    @property
    def status(self) -> int:
        """The status of a good answer."""
        return next(iter(self.route.answers))

    @property
    def _example(self) -> Example:
        return EXAMPLES[self.route.name]

    def _filled(self, example: Example) -> str:
        query = "&".join(f"{name}={text}" for name, text in example.query.items())
        return self.address.format(**example.place) + (f"?{query}" if query else "")

    def _fields_of(self, shape: str) -> list[Field]:
        schema = self.document["components"]["schemas"][shape]
        needed = schema.get("required", ())
        return [Field(name, self._kind(its), name in needed) for name, its in schema["properties"].items()]

    def _kind(self, schema: Json) -> str:
        """A schema in a few words."""
        if "anyOf" in schema:
            return " or ".join(self._kind(one) for one in schema["anyOf"] if one.get("type") != "null")
        if "enum" in schema:
            return ", ".join(schema["enum"])
        words = {"integer": "whole number", "string": "text", "array": "list", "object": "object"}[schema["type"]]
        if schema.get("format"):
            return {"date-time": "instant", "date": "date"}[schema["format"]]
        return words + _limits(schema)


def sections(document: Json, base_url: str) -> list[Section]:
    """One for each route, in the order of the table."""
    return [Section(route, document, base_url) for route in ROUTES]


def _code(text: str) -> Markup:
    """Text between tags: quotes may stand there as they are, and JSON is full of them."""
    return Markup(html.escape(text, quote=False))  # noqa: S704  # it has just been escaped


def _limits(schema: Json) -> str:
    if "maximum" in schema:
        return f", {schema['minimum']:,} to {schema['maximum']:,}"
    if "maxLength" in schema:
        return f", at most {schema['maxLength']} characters"
    return f", at most {schema['maxItems']:,}" if "maxItems" in schema else ""
