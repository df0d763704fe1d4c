"""One request in, one answer out: key, routing, idempotency, checks, the endpoint, expansion, errors.

Knows HTTP only as text and numbers; the client puts it behind the SDK's seam.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlsplit

import stripe

from webapp.simulator.calls import Call, Endpoint, Site, refuse_unsimulated
from webapp.simulator.errors import BadKey, KeyReused, StripeRefusal
from webapp.simulator.expansion import expand
from webapp.simulator.forms import decode
from webapp.simulator.parameters import coerce, params_class
from webapp.simulator.routes import find_endpoint
from webapp.simulator.settling import expire_due
from webapp.simulator.store import State, Store

API_KEY = "sk_test_simulated"
KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255


class Headers(Mapping[str, str]):
    """Headers as the SDK expects them: read in any case."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Request:
    """One request as it leaves the SDK."""

    method: str
    url: str
    headers: Mapping[str, str]
    form: str

    @property
    def path(self) -> str:
        """The path alone."""
        return urlsplit(self.url).path

    @property
    def fields(self) -> str:
        """The parameters: the body of a POST, the query of everything else."""
        return self.form if self.method == "POST" else urlsplit(self.url).query

    @property
    def idempotency_key(self) -> str | None:
        """The key of a POST; it means nothing elsewhere."""
        return self.headers.get("Idempotency-Key") if self.method == "POST" else None


@dataclass(frozen=True)
class Answer:
    """One answer as it enters the SDK."""

    status: int
    body: str
    headers: Headers


@dataclass(frozen=True)
class Turn:
    """One request on its way to its answer."""

    request: Request
    endpoint: Endpoint
    ids: tuple[str, ...]
    request_id: str
    site: Site
    now: int

    def run(self, state: State) -> str:
        """Check the parameters, let the endpoint answer, expand; the answer as JSON."""
        params = coerce(decode(self.request.fields), params_class(self.endpoint.params))
        refuse_unsimulated(params, self.endpoint.simulates)
        call = Call(state, params, self.now, self.site, self.request_id, self.request.idempotency_key)
        return json.dumps(expand(state, self.endpoint.answer(call, *self.ids), params.get("expand", [])))


def answer(store: Store, request: Request, *, site: Site, now: int) -> Answer:
    """Do what Stripe would do and answer as it would. A refusal changes nothing and is not kept under its key."""
    request_id = _new_request_id()
    try:
        _check_key(request)
        endpoint, ids = find_endpoint(request.method, request.path)
        expire_due(store, now=now)
        turn = Turn(request, endpoint, ids, request_id, site, now)
        if request.method == "GET":
            with store.reading() as state:
                return _answer(200, turn.run(state), request_id, now=now)
        with store.writing() as state:
            return _write(turn, state)
    except StripeRefusal as refusal:
        return _refused(refusal, request_id, now=now)


def break_down(store: Store, request: Request, *, now: int) -> Answer:
    """Fail inside Stripe: 500 without effect, kept under the idempotency key like any other result.

    https://docs.stripe.com/api/idempotent_requests
    """
    request_id = _new_request_id()
    error = {"type": "api_error", "message": "An error occurred inside Stripe, put there on purpose."}
    body = json.dumps({"error": error})
    try:
        _check_key(request)
        if request.idempotency_key is None:
            return _answer(500, body, request_id, now=now)
        with store.writing() as state:
            kept = _replay(state, request, request_id, now=now)
            return kept or _keep(state, request, 500, body, request_id, now=now)
    except StripeRefusal as refusal:
        return _refused(refusal, request_id, now=now)


def _check_key(request: Request) -> None:
    if request.headers.get("Authorization") != f"Bearer {API_KEY}":
        raise BadKey("Invalid API Key provided: the simulated Stripe takes none but its own.")
    version = request.headers.get("Stripe-Version")
    if version != stripe.api_version:
        raise StripeRefusal(f"Invalid Stripe API version: {version}. Simulated is {stripe.api_version}.")


def _write(turn: Turn, state: State) -> Answer:
    request = turn.request
    if request.idempotency_key is None:
        return _answer(200, turn.run(state), turn.request_id, now=turn.now)
    kept = _replay(state, request, turn.request_id, now=turn.now)
    return kept or _keep(state, request, 200, turn.run(state), turn.request_id, now=turn.now)


def _keep(state: State, request: Request, status: int, body: str, request_id: str, *, now: int) -> Answer:
    state.rows(
        "INSERT INTO sim_idempotency (key, path, fingerprint, status, body, request_id, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        request.idempotency_key, request.path, _fingerprint(request), status, body, request_id, now,
    )  # fmt: skip
    return _answer(status, body, request_id, now=now, **_kept_headers(request, status))


def _replay(state: State, request: Request, request_id: str, *, now: int) -> Answer | None:
    key = request.idempotency_key or ""
    if len(key) > LONGEST_KEY:
        raise StripeRefusal(f"Idempotency keys are up to {LONGEST_KEY} characters long.")
    state.rows("DELETE FROM sim_idempotency WHERE created <= ?", now - KEPT_SECONDS)
    for kept in state.rows("SELECT * FROM sim_idempotency WHERE key = ?", key):
        _check_same(request, kept["path"], kept["fingerprint"], key)
        replayed = {"Idempotent-Replayed": "true", "Original-Request": kept["request_id"]}
        headers = {**_kept_headers(request, kept["status"]), **replayed}
        return _answer(kept["status"], kept["body"], request_id, now=now, **headers)
    return None


def _kept_headers(request: Request, status: int) -> dict[str, str]:
    # The same key would be given the same failure again: https://docs.stripe.com/error-low-level#server-errors
    retry = {"Stripe-Should-Retry": "false"} if status >= 500 else {}
    return {"Idempotency-Key": request.idempotency_key or "", **retry}


def _check_same(request: Request, path: str, fingerprint: str, key: str) -> None:
    hint = f"Try using a key other than '{key}' if you meant to execute a different request."
    if path != request.path:
        text = (
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{request.path}' vs '{path}'). {hint}"
        )
        raise KeyReused(text)
    if fingerprint != _fingerprint(request):
        text = "Keys for idempotent requests can only be used with the same parameters they were first used with."
        raise KeyReused(f"{text} {hint}")


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(json.dumps(decode(request.fields), sort_keys=True).encode()).hexdigest()


def _new_request_id() -> str:
    return f"req_sim{secrets.token_hex(7)}"


def _refused(refusal: StripeRefusal, request_id: str, *, now: int) -> Answer:
    body, never = json.dumps(refusal.body()), {"Stripe-Should-Retry": "false"}
    return _answer(refusal.status, body, request_id, now=now, **never)


def _answer(status: int, body: str, request_id: str, *, now: int, **headers: str) -> Answer:
    fixed = {"Content-Type": "application/json", "Request-Id": request_id, "Stripe-Version": str(stripe.api_version)}
    fixed["Date"] = formatdate(now, usegmt=True)
    return Answer(status, body, Headers({**fixed, **headers}))
