"""Webhooks of the simulated Stripe: signed bytes, retries, and a queue that a test may reorder, double or drop."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.conftest import BASE_URL, SECRET
from tests.contract.test_simulator_checkout import open_session
from webapp.simulator.calls import Site
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.courier import post
from webapp.simulator.events import Sending


@pytest.fixture
def session_id(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> str:
    session_id = open_session(sdk, price_id).id
    simulated.pay(session_id)
    return session_id


class Endpoint:
    """Stands for the app: remembers what it was sent and answers as told."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = [*statuses]
        self.received: list[tuple[str, bytes, dict[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        self.received.append((url, body, headers))
        return (self.statuses.pop(0) if self.statuses else 200), "answer"


def test_a_delivery_carries_stripes_own_signature_over_its_bytes(
    simulated: SimulatedHTTPClient, session_id: str, clock: Clock
) -> None:
    endpoint = Endpoint()
    completed = simulated.deliveries.waiting()[-1]

    assert simulated.deliveries.deliver(completed, endpoint, now=clock.now) == 200

    url, body, headers = endpoint.received[0]
    assert url == f"{BASE_URL}/api/stripe/webhook"
    stripe.WebhookSignature.verify_header(body, headers["Stripe-Signature"], SECRET)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body + b" ", headers["Stripe-Signature"], SECRET)
    event = json.loads(body)
    assert (event["type"], event["data"]["object"]["id"]) == ("checkout.session.completed", session_id)


def test_a_retry_has_the_same_bytes_and_a_new_signature(
    simulated: SimulatedHTTPClient, session_id: str, clock: Clock
) -> None:
    endpoint = Endpoint(500, 200)
    first = simulated.deliveries.due(now=clock.now)[0]
    simulated.deliveries.deliver(first, endpoint, now=clock.now)
    clock.forward(5)
    again = next(found for found in simulated.deliveries.due(now=clock.now) if found.event_id == first.event_id)

    simulated.deliveries.deliver(again, endpoint, now=clock.now)

    (_, body, headers), (_, same_body, other_headers) = endpoint.received
    assert (again.attempt, body) == (2, same_body)
    assert headers["Stripe-Signature"] != other_headers["Stripe-Signature"]


def test_only_2xx_counts_and_retries_come_after_5_30_and_120_seconds(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, session_id: str, clock: Clock
) -> None:
    endpoint = Endpoint(302, 404, 500, 503)
    event_id = simulated.deliveries.waiting()[0].event_id
    planned = []
    for _ in range(4):
        delivery = next(found for found in simulated.deliveries.waiting() if found.event_id == event_id)
        planned.append(delivery.due_at - clock.now)
        clock.now = delivery.due_at
        simulated.deliveries.deliver(delivery, endpoint, now=clock.now)

    assert planned == [0, 5, 30, 120]
    assert event_id not in {found.event_id for found in simulated.deliveries.waiting()}
    assert sdk.v1.events.retrieve(event_id).pending_webhooks == 1


def test_an_app_that_does_not_answer_is_tried_again(
    simulated: SimulatedHTTPClient, session_id: str, clock: Clock
) -> None:
    def refuse(*_: object) -> tuple[int, str]:
        raise ConnectionRefusedError("nobody listens")

    delivery = simulated.deliveries.waiting()[0]

    assert simulated.deliveries.deliver(delivery, refuse, now=clock.now) is None
    assert [found.due_at for found in simulated.deliveries.waiting() if found.event_id == delivery.event_id] == [
        clock.now + 5
    ]


def test_a_fault_in_the_test_itself_is_not_taken_for_an_answer(
    simulated: SimulatedHTTPClient, session_id: str, clock: Clock
) -> None:
    def broken(*_: object) -> tuple[int, str]:
        raise ZeroDivisionError

    delivery = simulated.deliveries.waiting()[0]
    with pytest.raises(ZeroDivisionError):
        simulated.deliveries.deliver(delivery, broken, now=clock.now)
    assert delivery in simulated.deliveries.waiting()


def test_a_test_may_reorder_double_and_drop(simulated: SimulatedHTTPClient, session_id: str, clock: Clock) -> None:
    endpoint = Endpoint()
    created, charged, succeeded, completed = simulated.deliveries.waiting()

    for delivery in (completed, succeeded, completed):
        simulated.deliveries.deliver(delivery, endpoint, now=clock.now)
    simulated.deliveries.drop(charged, now=clock.now)

    assert [json.loads(body)["type"] for _, body, _ in endpoint.received] == [
        "checkout.session.completed",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    assert simulated.deliveries.waiting() == [created]


def test_an_event_is_sent_again_by_hand_without_retries(
    simulated: SimulatedHTTPClient, session_id: str, clock: Clock
) -> None:
    endpoint = Endpoint(200, 500)
    delivery = simulated.deliveries.waiting()[-1]
    simulated.deliveries.deliver(delivery, endpoint, now=clock.now)

    simulated.deliveries.resend(delivery.event_id, now=clock.now)
    again = simulated.deliveries.waiting()[-1]
    simulated.deliveries.deliver(again, endpoint, now=clock.now)

    assert (again.event_id, again.attempt) == (delivery.event_id, 2)
    assert delivery.event_id not in {found.event_id for found in simulated.deliveries.waiting()}
    with pytest.raises(LookupError):
        simulated.deliveries.resend("evt_sim_none", now=clock.now)


def test_nothing_is_sent_without_a_secret(tmp_path: Path, clock: Clock) -> None:
    site = Site(base_url=BASE_URL, brand_name="Northwind")
    client = SimulatedHTTPClient(tmp_path / "s.sqlite3", site=site, webhook_secret=None, clock=clock)
    sdk = stripe.StripeClient("sk_test_simulated", http_client=client)
    sdk.v1.customers.delete(sdk.v1.customers.create({}).id)
    endpoint = Endpoint()

    assert client.deliveries.deliver(client.deliveries.waiting()[0], endpoint, now=clock.now) is None

    assert endpoint.received == []
    assert not client.deliveries.has_secret
    with pytest.raises(LookupError, match="STRIPE_WEBHOOK_SECRET"):
        client.deliveries.signed("evt", now=clock.now)


def test_each_due_delivery_is_claimed_by_one_of_many(
    simulated: SimulatedHTTPClient, sdk: stripe.StripeClient, price_id: str, clock: Clock
) -> None:
    for _ in range(5):
        simulated.pay(open_session(sdk, price_id).id)
    claimed: list[int] = []

    def claim_all() -> None:
        while delivery := simulated.deliveries.claim(now=clock.now):
            claimed.append(delivery.id)

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(claimed) == sorted({delivery.id for delivery in simulated.deliveries.waiting()})
    assert len(claimed) == 20
    clock.forward(30)
    assert simulated.deliveries.claim(now=clock.now) is not None, "the claim of a process that died runs out"


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, bytes]], list[int]]]:
    """A real HTTP server: its address, what it received, what it will answer (200 when nothing is left)."""
    received: list[tuple[str, bytes]] = []
    statuses: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.headers["Stripe-Signature"], body))
            status = statuses.pop(0) if statuses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_: object) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}", received, statuses
    http.shutdown()
    thread.join()
    http.server_close()


def test_a_redirect_is_a_failure_and_is_not_followed(server: tuple[str, list[tuple[str, bytes]], list[int]]) -> None:
    url, received, statuses = server
    statuses.append(302)

    assert post(f"{url}/hook", b"{}", {"Stripe-Signature": "t=1"}) == (302, "thanks")
    assert len(received) == 1


def test_nobody_at_the_address_is_an_oserror() -> None:
    with pytest.raises(OSError, match="refused"):
        post("http://127.0.0.1:9/hook", b"{}", {})


def test_the_delivery_thread_posts_retries_and_settles(
    tmp_path: Path, clock: Clock, server: tuple[str, list[tuple[str, bytes]], list[int]]
) -> None:
    url, received, statuses = server
    site = Site(base_url=url, brand_name="Northwind")
    client = SimulatedHTTPClient(tmp_path / "s.sqlite3", site=site, webhook_secret=SECRET, clock=clock)
    sdk = stripe.StripeClient("sk_test_simulated", http_client=client)
    product = sdk.v1.products.create({"name": "Popular pack"})
    price = sdk.v1.prices.create({"product": product.id, "currency": "usd", "unit_amount": 3500})
    session = open_session(sdk, price.id, expires_at=clock.now + 1800)
    left = open_session(sdk, price.id, expires_at=clock.now + 1800)
    statuses.append(500)
    client.pay(session.id, "delayed_succeeds", sending=Sending())

    assert client.courier.work() == 4
    clock.forward(5)
    assert client.courier.work() == 1, "the one that failed, again"
    clock.forward(15)
    assert client.courier.work() == 3, "twenty seconds later the bank has paid"
    clock.forward(1800)
    assert client.courier.work() == 1

    told = [json.loads(body) for _, body in received]
    assert [event["type"] for event in told[-2:]] == [
        "checkout.session.async_payment_succeeded",
        "checkout.session.expired",
    ]
    assert told[-1]["data"]["object"]["id"] == left.id
    assert sdk.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_an_idle_delivery_thread_writes_nothing(simulated: SimulatedHTTPClient, session_id: str, clock: Clock) -> None:
    for delivery in simulated.deliveries.waiting():
        simulated.deliveries.drop(delivery, now=clock.now)
    simulated.store.written.clear()

    assert simulated.courier.work() == 0

    assert not simulated.store.written.is_set(), "it would wake itself for ever"


def test_the_delivery_thread_starts_and_stops(
    tmp_path: Path, server: tuple[str, list[tuple[str, bytes]], list[int]]
) -> None:
    url, received, _ = server
    site = Site(base_url=url, brand_name="Northwind")
    client = SimulatedHTTPClient(tmp_path / "s.sqlite3", site=site, webhook_secret=SECRET)
    sdk = stripe.StripeClient("sk_test_simulated", http_client=client)
    before = set(threading.enumerate())
    client.courier.start()
    client.courier.start()
    running = [thread for thread in threading.enumerate() if thread not in before]

    sdk.v1.customers.delete(sdk.v1.customers.create({}).id)
    for _ in range(100):
        if received:
            break
        threading.Event().wait(0.1)
    client.courier.stop()

    assert len(running) == 1
    assert [json.loads(body)["type"] for _, body in received] == ["customer.deleted"]
    assert not running[0].is_alive()
