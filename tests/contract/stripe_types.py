"""JSON Schema (2020-12) of Stripe's requests and objects, derived from the types of the installed SDK.

Stripe generates those types from its specification, so raising the SDK raises every check made with this. Schemas
are built on first use and kept for the process. A request's schema refuses unknown parameters at any depth; an
object's schema refuses unknown fields and values outside an enumeration, for it judges what the simulator makes.
"""

import ast
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, ForwardRef, Literal, NotRequired, Union, get_args, get_origin

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import best_match
from stripe import ListObject, RequestOptions, StripeObject

from tests.contract.fitting import Fitting

Schema = dict[str, Any]
UNIONS = (Union, UnionType)
SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    type(None): {"type": "null"},
    Any: {},
}

# The services whose operations we use now or will: each file of the SDK names its methods, paths and types.
SERVICES = (
    "_balance_transaction", "_charge", "_coupon", "_customer", "_customer_payment_method", "_dispute", "_event",
    "_invoice", "_invoice_payment", "_payment_intent", "_payment_method", "_price", "_product", "_promotion_code",
    "_refund", "_setup_intent", "_subscription", "_webhook_endpoint", "billing_portal._configuration",
    "billing_portal._session", "checkout._session", "checkout._session_line_item",
)  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One call of the API: a path template, the schema of its parameters, the name of the type it answers with."""

    method: str
    path: str
    module: str
    params: str
    answers: str

    def matches(self, method: str, path: str) -> bool:
        template, given = self.path.split("/"), path.split("/")
        same = all(part.startswith("{") or part == other for part, other in zip(template, given, strict=False))
        return method == self.method and len(template) == len(given) and same


@cache
def operations() -> tuple[Operation, ...]:
    """Every operation of the services, read from the SDK's source: it says nowhere else which path a method calls."""
    return tuple(found for name in SERVICES for found in _operations_of(f"stripe.{name}_service"))


def operation(method: str, path: str) -> Operation | None:
    """The operation a request is for. A path without ids wins over a template that fits too."""
    fitting = [found for found in operations() if found.matches(method, path)]
    return min(fitting, key=lambda found: found.path.count("{")) if fitting else None


def _operations_of(module: str) -> Iterator[Operation]:
    for node in ast.walk(_source(module)):
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "_request":
                    method, path = call.args[0], call.args[1]
                    template = path.func.value if isinstance(path, ast.Call) else path
                    params = next(given for given in node.args.args if given.arg == "params")
                    names = [leaf.value for leaf in ast.walk(params.annotation) if isinstance(leaf, ast.Constant)]
                    yield Operation(method.value.upper(), template.value, module, names[0], node.returns.value)


_ONE_AT_A_TIME = threading.Lock()  # Python 3.11 counts the depth of two threads' trees together


@cache
def _source(module: str) -> ast.Module:
    with _ONE_AT_A_TIME:
        return ast.parse(Path(import_module(module).__file__).read_text())


class Names(Mapping[str, Any]):
    """The names a module's annotations use: its own, and those it imports for type checkers only."""

    def __init__(self, module: str) -> None:
        self.own = vars(sys.modules[module])
        self.imported = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(_source(module))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stripe")
            for alias in node.names
        }

    def __getitem__(self, name: str) -> Any:
        if name not in self.own and name in self.imported:
            module, attribute = self.imported[name]
            return getattr(import_module(module), attribute)
        return self.own[name]

    def __iter__(self) -> Iterator[str]:
        return iter({*self.own, *self.imported})

    def __len__(self) -> int:
        return len({*self.own, *self.imported})


@cache
def names_of(module: str) -> Names:
    import_module(module)
    return Names(module)


def evaluated(text: str, module: str) -> Any:
    """The type that an annotation's text means in a module of the SDK."""
    return eval(text, {}, names_of(module))


def schema_of(hint: Any, module: str) -> Schema:
    """The JSON Schema of one annotation."""
    if isinstance(hint, str | ForwardRef):
        return schema_of(evaluated(getattr(hint, "__forward_arg__", hint), module), module)
    if hint in SCALARS:
        return SCALARS[hint]
    if get_origin(hint) is not None:
        return _generic(get_origin(hint), get_args(hint), module)
    if isinstance(hint, type):
        return {"$ref": f"sdk:{hint.__module__}:{hint.__qualname__}"}
    raise TypeError(f"no schema for {hint!r} in {module}")


def _generic(origin: Any, args: tuple[Any, ...], module: str) -> Schema:
    if origin in UNIONS:
        return _union(args, module)
    if origin is Literal:
        return {"enum": list(args)}
    inner = schema_of(args[-1], module)
    if origin is list:
        return {"type": "array", "items": inner}
    if origin is ListObject:
        return list_object(inner)
    return inner if origin is NotRequired else {"type": "object", "additionalProperties": inner}


def _union(args: tuple[Any, ...], module: str) -> Schema:
    closed = any(choice for arg in args if get_origin(arg) is Literal for choice in get_args(arg))
    kept = [arg for arg in args if not (closed and arg is str)]  # `Literal[…] | str`: values may be added later
    return {"anyOf": [schema_of(arg, module) for arg in kept]}


def list_object(items: Schema) -> Schema:
    """The JSON Schema of a page of a list."""
    properties = {
        "object": {"const": "list"},
        "data": {"type": "array", "items": items},
        "has_more": {"type": "boolean"},
        "url": {"type": "string"},
    }
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


@cache
def schema_of_class(kind: type) -> Schema:
    """The JSON Schema of a parameter dictionary or of an object."""
    module = kind.__module__
    is_params = hasattr(kind, "__required_keys__")
    left_out = RequestOptions.__annotations__ if is_params else {"OBJECT_NAME"}  # options of the call, not parameters
    hints = {name: hint for name, hint in kind.__annotations__.items() if name not in left_out}
    properties = {name: schema_of(hint, module) for name, hint in hints.items()}
    optional = _is_not_required if is_params else _may_be_null
    required = [name for name, hint in hints.items() if not optional(hint)]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _is_not_required(hint: Any) -> bool:
    return get_origin(hint) is NotRequired


def _may_be_null(hint: Any) -> bool:
    return type(None) in get_args(hint)


@cache
def referenced(uri: str) -> Schema:
    """The schema behind a `$ref`: `sdk:stripe._customer:Customer`, `sdk:stripe._event:Event.Data`."""
    _, module, path = uri.split(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return schema_of_class(found)


def _follow(validator: Any, uri: str, value: Any, _: Schema) -> Iterator[Any]:
    yield from validator.descend(value, referenced(uri))


# A registry would read every schema again at each reference, which is a hundred times slower.
Validator = validators.extend(Draft202012Validator, {"$ref": _follow})
FITTING = Fitting(referenced)


def faults(value: Any, schema: Schema) -> list[str]:
    """What is wrong with a value, each with its place: `line_items/0: Additional properties are not allowed …`."""
    if FITTING.made_of(schema)(value):
        return []
    return [_sentence(error) for error in Validator(schema).iter_errors(value)]


def _sentence(error: Any) -> str:
    deepest = best_match([error]) or error
    return f"{'/'.join(str(part) for part in deepest.absolute_path)}: {deepest.message}"


@cache
def object_classes() -> dict[str, type[StripeObject]]:
    """The SDK's class for each of Stripe's `object` names."""
    from stripe._object_classes import get_object_class

    names = (
        "balance_transaction", "billing_portal.configuration", "billing_portal.session", "coupon", "discount",
        "promotion_code",
        "charge", "checkout.session", "customer", "dispute", "event", "invoice",
        "invoice_payment", "item", "line_item", "payment_intent", "payment_method", "plan", "price", "product",
        "refund", "subscription", "subscription_item", "subscription_schedule", "webhook_endpoint",
    )  # fmt: skip
    return {name: get_object_class("V1", name) for name in names}


def fields(kind: type) -> frozenset[str]:
    """The fields that the SDK's type of an object names."""
    return frozenset(kind.__annotations__) - {"OBJECT_NAME"}


def event_types() -> frozenset[str]:
    """Every event type the SDK knows."""
    return frozenset(get_args(evaluated("Event.__annotations__['type']", "stripe._event")))
