"""Which parameters an endpoint takes and of which type, read from the SDK's own TypedDicts on first use.

Raising the SDK raises these checks. Stripe generates the types from its specification; enumerations are open
there (`Literal[…] | str`), here only the values that are written down are accepted.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from types import UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from stripe import RequestOptions

from webapp.simulator.errors import StripeRefusal
from webapp.simulator.forms import encode_path

Path = tuple[str, ...]
UNIONS = (Union, UnionType)


def params_class(name: str) -> type:
    """The TypedDict of one endpoint: `checkout.SessionCreateParams` is found under `stripe.params`."""
    package, _, class_name = f"stripe.params.{name}".rpartition(".")
    found: type = getattr(import_module(package), class_name)
    return found


@cache
def fields(params: type) -> Mapping[str, tuple[Any, bool]]:
    """The permitted names of a TypedDict, each with its type and whether it is required."""
    own = {name: hint for name, hint in params.__annotations__.items() if name not in RequestOptions.__annotations__}
    holder = type("Hints", (), {"__annotations__": own})  # without the options the SDK mixes in
    hints = get_type_hints(holder, vars(sys.modules[params.__module__]), include_extras=True)
    return {name: _field(hint) for name, hint in hints.items()}


def coerce(values: Mapping[str, Any], params: type, at: Path = ()) -> dict[str, Any]:
    """Texts of a decoded form as the types of `params`; raises StripeRefusal naming the parameter at fault."""
    known = fields(params)
    unknown = [(*at, name) for name in values if name not in known]
    if unknown:
        raise _unknown(unknown)
    for name, (_, is_required) in known.items():
        if is_required and name not in values:
            raise missing_param((*at, name))
    return {name: _value(raw, known[name][0], (*at, name)) for name, raw in values.items()}


def given_paths(values: Any, at: Path = ()) -> Iterator[Path]:
    """The names that were given, without list positions: `("line_items", "price")`."""
    if isinstance(values, dict) and values:
        for name, value in values.items():
            yield from given_paths(value, (*at, name))
    elif isinstance(values, list) and values:
        for value in values:
            yield from given_paths(value, at)
    else:
        yield at


def missing_param(path: Path) -> StripeRefusal:
    """A required parameter is not there."""
    name = encode_path(path)
    return StripeRefusal(f"Missing required param: {name}.", code="parameter_missing", param=name)


def _field(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) is NotRequired:
        return get_args(hint)[0], False
    return hint, True


def _unknown(paths: list[Path]) -> StripeRefusal:
    names = [encode_path(path) for path in paths]
    noun = "parameter" if len(names) == 1 else "parameters"
    text = f"Received unknown {noun}: {', '.join(names)}"
    return StripeRefusal(text, code="parameter_unknown", param=names[0])


def _value(raw: Any, hint: Any, at: Path) -> Any:
    origin = get_origin(hint)
    if origin in UNIONS:
        return _one_of(raw, get_args(hint), at)
    if origin is Literal:
        return _choice(raw, get_args(hint), at)
    if _is_typed_dict(hint):
        return coerce(_nested(raw, at), hint, at)
    if origin is list:
        return _list(raw, get_args(hint)[0], at)
    if origin is not None:  # Dict[str, X] and the SDK's UntypedStripeObject[X]
        return {name: _value(value, get_args(hint)[-1], (*at, name)) for name, value in _nested(raw, at).items()}
    return _scalar(raw, hint, at)


def _one_of(raw: Any, hints: tuple[Any, ...], at: Path) -> Any:
    choices = [choice for hint in hints if get_origin(hint) is Literal for choice in get_args(hint)]
    if raw in choices:
        return raw
    is_closed = any(choices)  # more than the "" that unsets a text
    others = [hint for hint in hints if get_origin(hint) is not Literal and not (is_closed and hint is str)]
    fitting = [hint for hint in others if _is_nested(hint) == isinstance(raw, dict)]
    if not others or (choices and not fitting):
        return _choice(raw, tuple(choices), at)
    for hint in fitting[:-1]:
        try:
            return _value(raw, hint, at)
        except StripeRefusal:
            continue  # another branch of the union may fit; the last one's refusal is told
    return _value(raw, (fitting or others)[-1], at)


def _is_typed_dict(hint: Any) -> bool:
    return isinstance(hint, type) and hasattr(hint, "__required_keys__")  # typing's own test misses the SDK's kind


def _is_nested(hint: Any) -> bool:
    return _is_typed_dict(hint) or get_origin(hint) is not None


def _choice(raw: Any, choices: tuple[Any, ...], at: Path) -> Any:
    if raw in choices:
        return raw
    name = encode_path(at)
    raise StripeRefusal(f"Invalid {name}: must be one of {', '.join(map(str, choices))}", param=name)


def _nested(raw: Any, at: Path) -> dict[str, Any]:
    if isinstance(raw, dict):
        return raw
    raise StripeRefusal("Invalid object", code="parameter_invalid_hash", param=encode_path(at))


def _list(raw: Any, hint: Any, at: Path) -> list[Any]:
    if not isinstance(raw, dict) or not all(position.isdecimal() for position in raw):
        raise StripeRefusal("Invalid array", code="parameter_invalid_array", param=encode_path(at))
    return [_value(raw[position], hint, (*at, position)) for position in sorted(raw, key=int)]


def _scalar(raw: Any, hint: Any, at: Path) -> Any:
    name = encode_path(at)
    if isinstance(raw, dict):
        raise StripeRefusal(f"Invalid {_noun(hint)}: {raw}", code=f"parameter_invalid_{_noun(hint)}", param=name)
    readers = {bool: _boolean, int: _integer, float: _decimal, Decimal: _decimal}
    try:
        return readers.get(hint, str)(raw)
    except ValueError:
        code = f"parameter_invalid_{_noun(hint)}"
        raise StripeRefusal(f"Invalid {_noun(hint)}: {raw}", code=code, param=name) from None


def _noun(hint: Any) -> str:
    return {bool: "boolean", int: "integer", float: "decimal", Decimal: "decimal"}.get(hint, "string")


def _boolean(raw: str) -> bool:
    if raw not in {"true", "false"}:
        raise ValueError(raw)
    return raw == "true"


def _integer(raw: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", raw):
        raise ValueError(raw)
    return int(raw)


def _decimal(raw: str) -> str:
    try:
        if Decimal(raw).is_finite():
            return raw
    except InvalidOperation:
        pass
    raise ValueError(raw)
