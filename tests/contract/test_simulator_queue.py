"""Webhooks made hard on purpose: held, reversed, doubled, dropped, wrongly signed, of an old version. All recorded."""

import json

import pytest
import stripe

from tests.contract.clock import Clock
from tests.contract.conftest import SECRET
from tests.contract.stripe_types import event_types
from tests.contract.subscribing import make_plans, open_subscription
from tests.contract.test_simulator_checkout import open_session
from tests.contract.test_simulator_deliveries import Endpoint
from tests.contract.validating import event_faults
from webapp.simulator import records
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.signing import MANNERS, ROLLED_SECRET, Manner
from webapp.simulator.versions import GONE, LATER, OLD_VERSION, as_old_version, moved
from webapp.simulator.waiting import Delivery

OLD_SECRET = "whsec_contract_old"


@pytest.fixture
def paid(sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str) -> list[Delivery]:
    """The four deliveries of one payment, waiting."""
    simulated.pay(open_session(sdk, price_id).id)
    return simulated.deliveries.waiting()


def types(deliveries: list[Delivery]) -> list[str]:
    return [delivery.event_type for delivery in deliveries]


def attempts(simulated: SimulatedHTTPClient, event_id: str) -> list[tuple[str, str]]:
    """State and words of each attempt, as the control room shows them; without the times."""
    with simulated.store.reading() as state:
        (line,) = records.events(state, event_id)
    return [(attempt.state, attempt.text.split(", 20")[0].split(" for 20")[0]) for attempt in line.attempts]


def signed_by(header: str, body: bytes, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, header, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def test_what_is_held_is_not_sent_until_it_is_let_go(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    simulated.deliveries.hold(paid[0], paid[2])
    assert types(simulated.deliveries.due(now=clock.now)) == [paid[1].event_type, paid[3].event_type]
    clock.forward(3600)
    claimed = [simulated.deliveries.claim(now=clock.now) for _ in range(3)]
    assert [found and found.id for found in claimed] == [paid[1].id, paid[3].id, None]

    simulated.deliveries.send(paid[2], now=clock.now)

    again = simulated.deliveries.claim(now=clock.now)
    assert again is not None
    assert again.id == paid[2].id
    assert attempts(simulated, paid[2].event_id) == [("waiting", "planned")]
    assert attempts(simulated, paid[0].event_id) == [("held", "held back")]


def test_while_everything_is_held_so_are_new_events_and_retries(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, paid: list[Delivery], price_id: str, clock: Clock
) -> None:
    simulated.deliveries.hold_all()
    assert simulated.deliveries.is_holding
    simulated.pay(open_session(sdk, price_id).id)
    simulated.deliveries.deliver(paid[0], Endpoint(500), now=clock.now)
    clock.forward(3600)

    assert len(simulated.deliveries.waiting()) == 8
    assert simulated.deliveries.due(now=clock.now) == []
    assert simulated.courier.work() == 0

    simulated.deliveries.let_go_all()
    assert not simulated.deliveries.is_holding
    assert len(simulated.deliveries.due(now=clock.now)) == 8


def test_the_order_is_turned_around_and_back(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    simulated.deliveries.reverse()
    assert types(simulated.deliveries.waiting()) == types(paid)[::-1]
    endpoint = Endpoint()
    while delivery := simulated.deliveries.claim(now=clock.now):
        simulated.deliveries.deliver(delivery, endpoint, now=clock.now)
    assert [json.loads(body)["type"] for _, body, _ in endpoint.received] == types(paid)[::-1]
    assert attempts(simulated, paid[0].event_id) == [("ok", "200, order reversed")]


def test_turned_around_twice_it_is_as_it_was(simulated: SimulatedHTTPClient, paid: list[Delivery]) -> None:
    simulated.deliveries.reverse()
    simulated.deliveries.reverse()
    assert types(simulated.deliveries.waiting()) == types(paid)


def test_a_duplicate_arrives_too_and_says_that_it_is_one(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    simulated.deliveries.hold(paid[3])
    simulated.deliveries.duplicate(paid[0], paid[3])
    endpoint = Endpoint()
    for delivery in simulated.deliveries.due(now=clock.now):
        simulated.deliveries.deliver(delivery, endpoint, now=clock.now)

    sent = [json.loads(body)["id"] for _, body, _ in endpoint.received]
    assert sent == [paid[0].event_id, paid[1].event_id, paid[2].event_id, paid[0].event_id]
    assert attempts(simulated, paid[0].event_id) == [("ok", "200"), ("ok", "200, duplicate")]
    assert attempts(simulated, paid[3].event_id) == [("held", "held back"), ("held", "duplicate, held back")]


def test_what_is_dropped_is_recorded_and_never_sent(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    simulated.deliveries.hold(paid[1])
    simulated.deliveries.drop(paid[0], paid[1], now=clock.now)

    assert simulated.deliveries.waiting() == paid[2:]
    assert attempts(simulated, paid[1].event_id) == [("dropped", "dropped, held back")]
    assert sdk.v1.events.retrieve(paid[1].event_id).pending_webhooks == 1
    with simulated.store.reading() as state:
        (line,) = records.events(state, paid[1].event_id)
    assert line.attempts[0].answer == "", "nobody answered anything"


@pytest.mark.parametrize(("manner", "words"), [("corrupt", "signature corrupted"), ("old_secret", "old secret")])
def test_a_wrong_signature_is_refused_and_the_ordinary_retry_heals_it(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock, manner: Manner, words: str
) -> None:
    simulated.deliveries.send(paid[0], manner=manner, now=clock.now)
    endpoint = Endpoint(400, 200)

    simulated.deliveries.deliver(simulated.deliveries.waiting()[0], endpoint, now=clock.now)
    clock.forward(5)
    (retry,) = [found for found in simulated.deliveries.due(now=clock.now) if found.event_id == paid[0].event_id]
    simulated.deliveries.deliver(retry, endpoint, now=clock.now)

    (_, body, wrong), (_, same, right) = endpoint.received
    assert body == same
    assert [signed_by(headers["Stripe-Signature"], body, SECRET) for headers in (wrong, right)] == [False, True]
    (refused, healed) = attempts(simulated, paid[0].event_id)
    assert refused[0] == "bad"
    assert refused[1].startswith("400, ")
    assert words in refused[1]
    assert healed == ("ok", "200")


def test_the_old_secret_is_the_one_that_the_app_still_knows_or_one_it_has_forgotten(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    body, headers = simulated.deliveries.signed(paid[0].event_id, manner="old_secret", now=clock.now)
    assert signed_by(headers["Stripe-Signature"], body, ROLLED_SECRET)

    rolling = SimulatedHTTPClient(
        simulated.store.path, site=simulated.site, webhook_secret=SECRET, old_secret=OLD_SECRET, clock=clock
    )
    body, headers = rolling.deliveries.signed(paid[0].event_id, manner="old_secret", now=clock.now)
    assert signed_by(headers["Stripe-Signature"], body, OLD_SECRET)
    assert not signed_by(headers["Stripe-Signature"], body, SECRET)


def test_while_a_secret_is_rolled_there_are_two_signatures_and_either_is_right(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    body, headers = simulated.deliveries.signed(paid[0].event_id, manner="two_secrets", now=clock.now)

    header = headers["Stripe-Signature"]
    assert [part.split("=")[0] for part in header.split(",")] == ["t", "v1", "v1"]
    assert signed_by(header, body, SECRET)
    assert signed_by(header, body, ROLLED_SECRET)
    assert not signed_by(f"{header.rpartition(',')[0]}", body, SECRET), "the old one stands first"


def test_a_wrong_attempt_sent_again_by_hand_is_healed_too(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    simulated.deliveries.drop(*paid, now=clock.now)
    simulated.deliveries.resend(paid[3].event_id, manner="corrupt", now=clock.now)
    (again,) = simulated.deliveries.waiting()
    simulated.deliveries.deliver(again, Endpoint(400), now=clock.now)

    (retry,) = simulated.deliveries.waiting()
    assert (retry.manner, retry.due_at, retry.attempt) == ("plain", clock.now + 5, 3)
    assert attempts(simulated, paid[3].event_id)[1] == ("bad", "400, signature corrupted, resent")


def test_an_event_of_an_old_version_has_that_versions_shape_and_stays_so(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock
) -> None:
    completed = paid[3]
    simulated.deliveries.send(completed, manner="old_version", now=clock.now)
    endpoint = Endpoint(500, 200)
    for _ in range(2):
        (delivery,) = [found for found in simulated.deliveries.waiting() if found.event_id == completed.event_id]
        simulated.deliveries.deliver(delivery, endpoint, now=clock.now)

    (_, body, headers), (_, same, _) = endpoint.received
    assert body == same, "the body of an event never changes, also not with a retry"
    assert signed_by(headers["Stripe-Signature"], body, SECRET)
    event = json.loads(body)
    session = event["data"]["object"]
    assert (event["api_version"], session["ui_mode"], session["shipping_details"]) == (OLD_VERSION, "hosted", None)
    assert not session.keys() & {"collected_information", "presentment_details", "managed_payments"}
    assert "individual_name" not in session["customer_details"]
    assert session["payment_status"] == "paid"


def test_every_object_whose_event_is_delivered_has_an_old_shape_that_differs(
    sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, paid: list[Delivery]
) -> None:
    sdk.v1.customers.delete(sdk.v1.customers.create({}).id)
    intent_id = sdk.v1.payment_intents.list().data[0].id
    simulated.refund(intent_id, 100)
    simulated.dispute(intent_id, is_withdrawn=True)
    simulated.pay(open_subscription(sdk, make_plans(sdk).plus).id)
    events = [
        json.loads(simulated.deliveries.signed(found.event_id, now=1)[0]) for found in simulated.deliveries.waiting()
    ]
    kinds = set()
    for event in events:
        assert event["type"] in event_types()
        assert event_faults(event) == []
        before = json.dumps(event)
        old, item = as_old_version(event)["data"]["object"], event["data"]["object"]
        kinds.add(item["object"])
        assert json.dumps(event) == before, "the stored event is not touched"
        gone = GONE.get(item["object"], {}).keys() | moved(item).keys()
        assert item.keys() - old.keys() == {name for name in LATER[item["object"]] if "." not in name}
        assert old.keys() - item.keys() == gone - item.keys()
        assert event_faults(as_old_version(event)) != [], "today's types do not allow it"
    assert kinds == LATER.keys()


@pytest.mark.parametrize("manner", MANNERS)
def test_every_manner_is_said_in_words(
    simulated: SimulatedHTTPClient, paid: list[Delivery], clock: Clock, manner: Manner
) -> None:
    simulated.deliveries.send(paid[0], manner=manner, now=clock.now)
    simulated.deliveries.deliver(simulated.deliveries.waiting()[0], Endpoint(), now=clock.now)

    ((_, text),) = attempts(simulated, paid[0].event_id)
    assert (text == "200") == (manner == "plain")
    assert "_" not in text, "words for people"
