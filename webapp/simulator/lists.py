"""Lists: newest first, cursors, `created` ranges. One way for every kind of object.

https://docs.stripe.com/api/pagination
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from webapp.simulator.calls import Call
from webapp.simulator.errors import StripeRefusal, missing
from webapp.simulator.store import Json, State

DEFAULT_LIMIT = 10
LONGEST = 100
CURSORS = ("starting_after", "ending_before")
COMPARED = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

Read = Callable[..., Iterator[tuple[int, Json]]]


def read_objects(state: State, sql_tail: str, *values: object) -> Iterator[tuple[int, Json]]:
    """Stored objects with their positions."""
    for row in state.rows(f"SELECT seq, json FROM sim_object WHERE {sql_tail}", *values):  # noqa: S608 - our own text
        yield row["seq"], json.loads(row["json"])


@dataclass(frozen=True)
class Listing:
    """What is listed: Stripe's `object`, our table, the list's own address, how rows are read."""

    kind: str
    table: str
    url: str
    read: Read = read_objects


def page(call: Call, listing: Listing, fits: Callable[[Json], bool] = lambda _: True) -> Json:
    """One page of the objects that fit, newest first, between the cursors and times the call names."""
    limit = _limit(call.params)
    clauses, values = _range(call, listing)
    is_backward = "ending_before" in call.params
    order = "ASC" if is_backward else "DESC"
    tail = f"{' AND '.join(clauses)} ORDER BY seq {order}"
    fitting = (item for _, item in listing.read(call.state, tail, *values) if fits(item))
    found = list(islice(fitting, limit + 1))
    items = found[:limit]
    return as_list(items[::-1] if is_backward else items, listing.url, has_more=len(found) > limit)


def page_of(items: list[Json], params: Json, url: str, *, kind: str) -> Json:
    """One page of objects that are kept inside another one, in their own order, between the same cursors."""
    limit = _limit(params)
    _check_one_cursor(params)
    places = {item["id"]: place for place, item in enumerate(items)}
    for name in CURSORS:
        if name in params and params[name] not in places:
            raise missing(kind, params[name], param=name)
    if "ending_before" in params:
        end = places[params["ending_before"]]
        return as_list(items[max(0, end - limit) : end], url, has_more=end > limit)
    start = places[params["starting_after"]] + 1 if "starting_after" in params else 0
    return as_list(items[start : start + limit], url, has_more=len(items) > start + limit)


def check_filters(call: Call, *kinds: str) -> None:
    """Raise when a filter names an object that does not exist; the parameter is called like the kind."""
    for kind in kinds:
        if kind in call.params and call.state.find(kind, call.params[kind]) is None:
            raise missing(kind, call.params[kind], param=kind)


def as_list(items: list[Json], url: str, *, has_more: bool = False) -> Json:
    """A list object."""
    return {"object": "list", "data": items, "has_more": has_more, "url": url}


def _limit(params: Json) -> int:
    limit: int = params.get("limit", DEFAULT_LIMIT)
    if 1 <= limit <= LONGEST:
        return limit
    words = f"less than or equal to {LONGEST}" if limit > LONGEST else "greater than or equal to 1"
    raise StripeRefusal(f"This value must be {words}.", code="parameter_invalid_integer", param="limit")


def _range(call: Call, listing: Listing) -> tuple[list[str], list[Any]]:
    clauses = ["type = ?"] if listing.table == "sim_object" else ["1 = 1"]
    values: list[Any] = [listing.kind] if listing.table == "sim_object" else []
    _check_one_cursor(call.params)
    for name, sign in zip(CURSORS, ("<", ">"), strict=True):
        if name in call.params:
            clauses.append(f"seq {sign} ?")
            values.append(_position(call, listing, name))
    for sign, moment in _created(call.params.get("created")):
        clauses.append(f"created {sign} ?")
        values.append(moment)
    return clauses, values


def _check_one_cursor(params: Json) -> None:
    if params.keys() >= {*CURSORS}:
        raise StripeRefusal("You can only use one of starting_after and ending_before.", param="ending_before")


def _position(call: Call, listing: Listing, name: str) -> int:
    object_id = call.params[name]
    sql = f"SELECT * FROM {listing.table} WHERE id = ?"  # noqa: S608 - our own text
    for row in call.state.rows(sql, object_id):
        if listing.table != "sim_object" or row["type"] == listing.kind:
            return int(row["seq"])
    raise missing(listing.kind, object_id, param=name)


def _created(given: Any) -> list[tuple[str, int]]:
    if isinstance(given, dict):
        return [(COMPARED[name], moment) for name, moment in given.items()]
    return [] if given is None else [("=", given)]
