"""Faults a test puts in the way of our own application, as the SDK meets them. And many writers at once."""

import subprocess
import sys
from pathlib import Path

import pytest
import stripe

from tests.contract.test_simulator_checkout import open_session
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.store import Store

SESSIONS = "/v1/checkout/sessions"


@pytest.fixture
def patient(simulated: SimulatedHTTPClient, monkeypatch: pytest.MonkeyPatch) -> stripe.StripeClient:
    """The SDK with one retry, which does not wait."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0)
    return stripe.StripeClient("sk_test_simulated", http_client=simulated, max_network_retries=1)


def test_a_500_is_retried_by_the_sdk_with_the_same_key(
    simulated: SimulatedHTTPClient, patient: stripe.StripeClient, price_id: str
) -> None:
    simulated.faults.answer("POST", SESSIONS, status=500)

    session = open_session(patient, price_id, idempotency_key="checkout:P1:1")

    assert simulated.faults.coming == 0
    assert [found.id for found in patient.v1.checkout.sessions.list().data] == [session.id]


def test_a_429_is_not_retried(simulated: SimulatedHTTPClient, patient: stripe.StripeClient, price_id: str) -> None:
    simulated.faults.answer("POST", SESSIONS, status=429)

    with pytest.raises(stripe.RateLimitError) as refused:
        open_session(patient, price_id)
    assert refused.value.error is not None
    assert refused.value.error.code == "rate_limit"
    assert patient.v1.checkout.sessions.list().data == []


def test_a_lost_answer_is_found_again_by_its_key(
    simulated: SimulatedHTTPClient, patient: stripe.StripeClient, price_id: str
) -> None:
    simulated.faults.lose_answer("POST", SESSIONS)

    session = open_session(patient, price_id, idempotency_key="checkout:P1:1")

    assert session.last_response is not None
    assert session.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(patient.v1.checkout.sessions.list().data) == 1


def test_a_lost_answer_without_retries_is_a_connection_error_with_its_effect_done(
    simulated: SimulatedHTTPClient, raw_sdk: stripe.StripeClient, price_id: str
) -> None:
    raw = stripe.StripeClient("sk_test_simulated", http_client=simulated, max_network_retries=0)
    simulated.faults.lose_answer("POST", SESSIONS)

    with pytest.raises(stripe.APIConnectionError, match="Read timed out"):
        open_session(raw, price_id)
    assert len(raw.v1.checkout.sessions.list().data) == 1


def test_a_refused_connection_has_no_effect(
    simulated: SimulatedHTTPClient, patient: stripe.StripeClient, price_id: str
) -> None:
    simulated.faults.refuse_connection("POST", SESSIONS, times=2)

    with pytest.raises(stripe.APIConnectionError, match="refused"):
        open_session(patient, price_id)
    assert patient.v1.checkout.sessions.list().data == []
    assert open_session(patient, price_id).status == "open"


def test_a_fault_meets_its_own_call_only(
    simulated: SimulatedHTTPClient, raw_sdk: stripe.StripeClient, price_id: str
) -> None:
    simulated.faults.answer("GET", f"{SESSIONS}/{{id}}", status=500, times=3)
    session = open_session(raw_sdk, price_id)
    assert raw_sdk.v1.checkout.sessions.list().data[0].id == session.id
    assert simulated.faults.coming == 3

    raw = stripe.StripeClient("sk_test_simulated", http_client=simulated, max_network_retries=0)
    with pytest.raises(stripe.APIError):
        raw.v1.checkout.sessions.retrieve(session.id)
    assert simulated.faults.coming == 2
    simulated.faults.clear()
    assert raw.v1.checkout.sessions.retrieve(session.id).id == session.id


OPENER = """
import sys
from pathlib import Path
import stripe
from webapp.simulator.calls import Site
from webapp.simulator.client import SimulatedHTTPClient
client = SimulatedHTTPClient(Path(sys.argv[1]), site=Site("http://127.0.0.1:8000", "N"), webhook_secret=None)
sdk = stripe.StripeClient("sk_test_simulated", http_client=client)
for number in range(20):
    sdk.v1.customers.create({"email": f"same@{number}.example"}, {"idempotency_key": f"shared:{number}"})
    sdk.v1.customers.create({"email": f"own@{number}.example"})
"""


def test_several_processes_share_one_file_from_its_first_moment(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "simulator.sqlite3"
    runs = [subprocess.Popen([sys.executable, "-c", OPENER, str(path)], stderr=subprocess.PIPE) for _ in range(3)]
    errors = [run.communicate(timeout=120)[1].decode() for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], errors
    with Store(path).reading() as state:
        assert next(state.rows("SELECT count(*) FROM sim_object"))[0] == 20 + 3 * 20
    assert [found.name for found in path.parent.glob("*") if "-" not in found.name] == ["simulator.sqlite3"]


def test_a_file_of_another_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    store = Store(tmp_path / "simulator.sqlite3")
    with store.writing() as state:
        state.rows("PRAGMA user_version = 99")

    with pytest.raises(RuntimeError, match="delete it and start again"), store.reading():
        pass


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "simulator.sqlite3")

    def fail() -> None:
        with store.writing() as state:
            state.add({"id": "cus_1", "object": "customer", "created": 1})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    with store.reading() as state:
        assert state.find("customer", "cus_1") is None
