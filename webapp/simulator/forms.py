"""Form bodies and queries in Stripe's bracket notation: `a[b][0][c]=v`. Pure."""

from typing import Any
from urllib.parse import parse_qsl

from webapp.simulator.errors import StripeRefusal

LEVELS = 12
FIELDS = 2000


def decode(text: str) -> dict[str, Any]:
    """Nested dictionaries with text at their ends; lists are still dictionaries with digits as keys.

    Raises StripeRefusal for what no client of Stripe sends: over 2,000 fields, names nested too deep,
    a name that is text and a dictionary at once.
    """
    tree: dict[str, Any] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise StripeRefusal("Invalid request: too many form fields.") from None
    for name, value in pairs:
        _put(tree, _path(name), value, name)
    return tree


def encode_path(path: tuple[str, ...]) -> str:
    """`("line_items", "0", "price")` as Stripe writes it: `line_items[0][price]`."""
    return path[0] + "".join(f"[{part}]" for part in path[1:])


def _path(name: str) -> tuple[str, ...]:
    first, *rest = name.split("[")
    if not all(part.endswith("]") for part in rest) or len(rest) > LEVELS:
        raise StripeRefusal(f"Invalid request: the field name {name[:80]!r} can't be read.")
    return (first, *(part.removesuffix("]") for part in rest))


def _put(tree: dict[str, Any], path: tuple[str, ...], value: str, name: str) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise StripeRefusal(f"Invalid request: {name[:80]!r} is a value and an object at once.")
    if isinstance(tree.get(path[-1]), dict):
        raise StripeRefusal(f"Invalid request: {name[:80]!r} is a value and an object at once.")
    tree[path[-1]] = value
