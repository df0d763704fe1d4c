"""One call of the API as its endpoint sees it, and the rules every endpoint shares."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from webapp.simulator.errors import NotFound, NotSimulated, StripeRefusal
from webapp.simulator.forms import encode_path
from webapp.simulator.parameters import given_paths
from webapp.simulator.store import Json, State

METADATA_KEYS = 50
METADATA_KEY_LENGTH = 40
METADATA_VALUE_LENGTH = 500


@dataclass(frozen=True)
class Site:
    """The application that the simulated Stripe belongs to: where its pages are, what it is called."""

    base_url: str
    brand_name: str


@dataclass(frozen=True)
class Call:
    """One call, its parameters checked against the SDK's types. `now` is in Unix seconds."""

    state: State
    params: Json
    now: int
    site: Site
    request_id: str
    idempotency_key: str | None

    def required(self, kind: str, object_id: str) -> Json:
        """The object in the address; raises the 404 that Stripe answers."""
        found = self.state.find(kind, object_id)
        if found is None:
            raise NotFound(f"No such {kind}: '{object_id}'", code="resource_missing", param="id")
        return found


@dataclass(frozen=True)
class Endpoint:
    """What answers a method and a path template.

    `params` names the SDK's TypedDict. Of its parameters those in `simulates` (dotted) do something here;
    the others are refused as not simulated, never swallowed.
    """

    method: str
    path: str
    answer: Callable[..., Json]
    params: str
    simulates: tuple[str, ...] = ()


def refuse_unsimulated(params: Json, simulates: Iterable[str]) -> None:
    """Raise NotSimulated for a parameter that Stripe has and the endpoint here does nothing with."""
    known = [tuple(name.split(".")) for name in (*simulates, "expand")]
    for path in given_paths(params):
        if path and not any(path[: len(name)] == name for name in known):
            raise NotSimulated(f"The parameter {encode_path(path)}")


def merged_metadata(old: Mapping[str, str], given: Any) -> dict[str, str]:
    """Metadata after an update: keys are added or replaced, "" removes one key, "" instead of all removes all.

    https://docs.stripe.com/api/metadata
    """
    if given is None:
        return dict(old)
    if given == "":
        return {}
    merged = {name: value for name, value in {**old, **given}.items() if value != ""}
    _check_metadata(merged)
    return merged


def changed(old: Json, new: Json) -> Json:
    """The previous values of what an update changed, for the event that tells of it."""
    return {name: old[name] for name in old if old[name] != new.get(name)}


def _check_metadata(metadata: Mapping[str, str]) -> None:
    if len(metadata) > METADATA_KEYS:
        raise StripeRefusal(f"You can specify up to {METADATA_KEYS} keys.", param="metadata")
    for name, value in metadata.items():
        if len(name) > METADATA_KEY_LENGTH:
            text = f"Metadata keys must be {METADATA_KEY_LENGTH} characters or less: '{name}' is {len(name)}."
            raise StripeRefusal(text, param="metadata")
        if len(value) > METADATA_VALUE_LENGTH:
            text = f"Metadata values must be {METADATA_VALUE_LENGTH} characters or less: that of '{name}' is longer."
            raise StripeRefusal(text, param=f"metadata[{name}]")
