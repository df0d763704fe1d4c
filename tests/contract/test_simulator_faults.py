"""Faults a test puts in the way of our own application, as the SDK meets them. And many writers at once."""

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.test_simulator_checkout import open_session
from tests.contract.validating import ValidatingHTTPClient
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


@pytest.fixture
def hasty(checked: ValidatingHTTPClient) -> stripe.StripeClient:
    """The SDK without retries; each answer is checked against Stripe's types."""
    return stripe.StripeClient("sk_test_simulated", http_client=checked, max_network_retries=0)


def opened(sdk: stripe.StripeClient) -> int:
    return len(sdk.v1.checkout.sessions.list().data)


@pytest.mark.parametrize(("status", "error"), [(503, stripe.APIError), (500, stripe.APIError), (409, stripe.APIError)])
def test_a_status_comes_as_often_as_it_was_armed_and_has_no_effect(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, price_id: str, status: int, error: type[Exception]
) -> None:
    simulated.faults.answer("POST", SESSIONS, status=status, times=3)

    for _ in range(3):
        with pytest.raises(error) as failed:
            open_session(hasty, price_id, idempotency_key="checkout:P1:1")
        assert failed.value.http_status == status  # type: ignore[attr-defined]
    assert opened(hasty) == 0
    assert open_session(hasty, price_id, idempotency_key="checkout:P1:1").status == "open"


@pytest.mark.parametrize(
    ("name", "effects"), [("lose_request", 0), ("reset", 0), ("refuse_connection", 0), ("lose_answer", 1)]
)
def test_no_answer_is_a_connection_error_with_or_without_the_effect(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, price_id: str, name: str, effects: int
) -> None:
    getattr(simulated.faults, name)("POST", SESSIONS)

    with pytest.raises(stripe.APIConnectionError) as failed:
        open_session(hasty, price_id)

    assert failed.value.should_retry
    assert opened(hasty) == effects


def test_a_time_out_does_not_tell_whether_it_was_before_or_after_the_effect(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, price_id: str
) -> None:
    simulated.faults.lose_request("POST", SESSIONS)
    simulated.faults.lose_answer("POST", SESSIONS)
    said = []
    for _ in range(2):
        with pytest.raises(stripe.APIConnectionError) as failed:
            open_session(hasty, price_id, idempotency_key="checkout:P1:1")
        said.append(str(failed.value))
    assert said[0] == said[1]


def test_a_slow_answer_comes_after_its_time(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, price_id: str
) -> None:
    simulated.faults.slow("POST", SESSIONS, seconds=0.3)
    began = time.monotonic()
    assert open_session(hasty, price_id).status == "open"
    assert time.monotonic() - began >= 0.3


def test_a_500_from_inside_stripe_is_kept_under_its_key_and_replayed(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, price_id: str, clock: Clock
) -> None:
    simulated.faults.break_down("POST", SESSIONS)
    seen = []
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failed:
            open_session(hasty, price_id, idempotency_key="checkout:P1:1")
        headers = failed.value.headers
        assert headers is not None
        seen.append((failed.value.http_status, headers.get("Idempotent-Replayed"), headers["Stripe-Should-Retry"]))
    assert seen == [(500, None, "false"), (500, "true", "false")]
    with pytest.raises(stripe.IdempotencyError):
        open_session(hasty, price_id, idempotency_key="checkout:P1:1", client_reference_id="other")

    assert opened(hasty) == 0
    assert open_session(hasty, price_id, idempotency_key="checkout:P1:2").status == "open"
    clock.forward(24 * 3600)
    assert open_session(hasty, price_id, idempotency_key="checkout:P1:1").status == "open"


def test_a_500_from_inside_stripe_replays_what_was_done_before(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, price_id: str
) -> None:
    first = open_session(hasty, price_id, idempotency_key="checkout:P1:1")
    simulated.faults.break_down("POST", SESSIONS)
    assert open_session(hasty, price_id, idempotency_key="checkout:P1:1").id == first.id


def test_reading_that_breaks_down_is_not_kept(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, price_id: str
) -> None:
    simulated.faults.break_down("GET", SESSIONS)
    with pytest.raises(stripe.APIError):
        opened(hasty)
    assert opened(hasty) == 0


def test_faults_come_oldest_first_and_every_call_can_meet_one(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient
) -> None:
    simulated.faults.answer("*", "*", status=500)
    simulated.faults.answer("GET", "/v1/events", status=429)
    with pytest.raises(stripe.APIError):
        hasty.v1.events.list()
    with pytest.raises(stripe.RateLimitError):
        hasty.v1.events.list()
    assert hasty.v1.events.list().data == []
    assert [(fault.times_left, fault.times_met) for fault in simulated.faults.armed()] == [(0, 1), (0, 1)]


def test_a_fault_that_one_process_armed_is_met_once_by_any_of_many(
    simulated: SimulatedHTTPClient, clock: Clock
) -> None:
    simulated.faults.answer("GET", "/v1/events", status=500, times=5)
    met: list[int] = []

    def ask() -> None:
        other = SimulatedHTTPClient(simulated.store.path, site=simulated.site, webhook_secret=None, clock=clock)
        taken = [other.faults.take("GET", "/v1/events") for _ in range(5)]
        met.extend(fault.id for fault in taken if fault)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(met) == 5
    assert simulated.faults.coming == 0


@contextmanager
def broken_server(*, resets: bool) -> Iterator[str]:
    """A port that takes a connection and then resets it, or never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        kept: list[socket.socket] = []

        def serve() -> None:
            connection, _ = listening.accept()
            kept.append(connection)
            if resets:
                connection.recv(1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join()
        for connection in kept:
            connection.close()


def real_error(url: str) -> stripe.APIConnectionError:
    """What the SDK's own HTTP client makes of the network's failure."""
    network = stripe.RequestsClient(timeout=(0.5, 0.5))
    real = stripe.StripeClient("sk_test_x", http_client=network, base_addresses={"api": url}, max_network_retries=0)
    with pytest.raises(stripe.APIConnectionError) as failed:
        real.v1.customers.list()
    network.close()
    return failed.value


@pytest.mark.parametrize(("name", "word"), [("lose_answer", "ReadTimeout"), ("reset", "ConnectionResetError(104")])
def test_the_error_is_the_one_that_the_network_makes(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient, name: str, word: str
) -> None:
    with broken_server(resets=name == "reset") as url:
        real = real_error(url)
    getattr(simulated.faults, name)("GET", "/v1/customers")
    with pytest.raises(stripe.APIConnectionError) as ours:
        hasty.v1.customers.list()

    assert ours.value.should_retry is real.should_retry is True
    assert [error.http_status for error in (ours.value, real)] == [None, None]
    texts = [str(error).split("(Network error: ") for error in (ours.value, real)]
    assert texts[0][0] == texts[1][0]
    assert all(word in text[1] for text in texts), texts


def test_nobody_at_the_address_is_the_same_kind_of_error(
    simulated: SimulatedHTTPClient, hasty: stripe.StripeClient
) -> None:
    real = real_error("http://127.0.0.1:9")
    simulated.faults.refuse_connection("GET", "/v1/customers")
    with pytest.raises(stripe.APIConnectionError) as ours:
        hasty.v1.customers.list()
    assert all(
        "refused" in str(error) and "(Network error: ConnectionError" in str(error) for error in (ours.value, real)
    )


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
