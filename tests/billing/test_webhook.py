"""The webhook through its real route: what is taken, what is ignored, what is refused, and what a failure leaves."""

import json
from typing import Any, get_args

import pytest
import stripe
from flask import Flask
from sqlalchemy.exc import OperationalError

from tests.billing.buying import Buying
from tests.billing.telling import completed, event_about, post
from webapp.billing.models import Purchase, WebhookEvent
from webapp.billing.registry import HANDLERS, DuplicateHandler, on
from webapp.billing.webhooks import event_types
from webapp.extensions import Parts, transact
from webapp.orm import utc_now
from webapp.settings import read_settings

OUR_EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.voided",
    "customer.deleted",
    "price.updated",
    "product.updated",
)


def test_we_listen_to_exactly_the_events_we_say():
    assert event_types() == OUR_EVENTS


def test_stripe_has_every_event_we_listen_to():
    assert set(OUR_EVENTS) <= set(get_args(stripe.Event.__annotations__["type"]))


def test_a_second_handler_of_one_event_is_refused_at_import():
    with pytest.raises(DuplicateHandler):
        on("checkout.session.completed")(HANDLERS["checkout.session.expired"])
    assert HANDLERS["checkout.session.completed"] is not HANDLERS["checkout.session.expired"]


def test_a_paid_checkout_is_granted_and_its_event_stored_with_it(buying):
    purchase = buying.paid()
    event_id = buying.told_types()["checkout.session.completed"]
    answer = buying.tell(event_id)
    assert (answer.status_code, answer.json) == (200, {"received": event_id, "state": "handled", "reason": "paid"})
    stored = buying.event(event_id)
    assert (stored.state, stored.reason, stored.attempts) == ("handled", "paid", 1)
    assert (stored.purchase_id, stored.account_id) == (purchase.id, buying.user.account_id)
    assert (stored.object_id, stored.api_version) == (purchase.session_id, stripe.api_version)
    assert json.loads(stored.body)["id"] == event_id
    assert buying.purchase(purchase).state == "paid"
    assert buying.bought() == [1000]
    buying.assert_sound()


@pytest.mark.parametrize(
    ("outcome", "event_type", "state", "bought"),
    [
        ("succeeds", "payment_intent.succeeded", "paid", [1000]),
        ("declined", "payment_intent.payment_failed", "open", []),
        ("delayed_succeeds", "checkout.session.completed", "processing", []),
    ],
)
def test_one_event_alone_brings_the_purchase_to_its_state(buying, outcome, event_type, state, bought):
    purchase = buying.paid(outcome=outcome)
    assert buying.tell(buying.told_types()[event_type]).status_code == 200
    assert (buying.purchase(purchase).state, buying.bought()) == (state, bought)


@pytest.mark.parametrize(
    ("end", "event_type", "state", "bought"),
    [
        ("succeeds", "checkout.session.async_payment_succeeded", "paid", [1000]),
        ("succeeds", "payment_intent.succeeded", "paid", [1000]),
        ("fails", "checkout.session.async_payment_failed", "failed", []),
    ],
)
def test_the_end_of_a_delayed_payment_is_told_by_one_event_alone(buying, end, event_type, state, bought):
    purchase = buying.paid(outcome="delayed_succeeds")
    buying.tell_all()
    session = buying.gateway.checkout(purchase.session_id)
    buying.simulator.settle(session.payment_intent_id, end)
    assert buying.tell(buying.told_types()[event_type]).status_code == 200
    assert (buying.purchase(purchase).state, buying.bought()) == (state, bought)


def test_an_expired_checkout_closes_its_purchase(buying):
    purchase = buying.start()
    expire(buying, purchase.session_id)
    assert buying.tell(buying.told_types()["checkout.session.expired"]).json["reason"] == "expired"
    assert buying.purchase(purchase).state == "expired"


def expire(buying: Buying, session_id: str) -> None:
    client = stripe.StripeClient("sk_test_simulated", http_client=buying.simulator)
    client.v1.checkout.sessions.expire(session_id)


def test_what_the_event_says_is_a_hint_and_never_the_source(buying):
    """The body claims the session is paid, in the name of an event Stripe really signed; Stripe itself says open."""
    purchase = buying.start()
    item = {"id": purchase.session_id, "object": "checkout.session", "payment_status": "paid", "status": "complete"}
    assert post(buying.app, event_about(item, "checkout.session.completed")).json["reason"] == "open"
    assert (buying.purchase(purchase).state, buying.bought()) == ("open", [])


def test_an_event_told_again_does_no_work(buying):
    buying.paid()
    event_id = buying.told_types()["checkout.session.completed"]
    buying.tell(event_id)
    buying.asked.clear()
    assert buying.tell(event_id).json == {"received": event_id, "state": "handled", "reason": "told_before"}
    assert buying.asked == []
    assert buying.event(event_id).attempts == 1


def ignored(buying: Buying, event: dict[str, Any], reason: str) -> None:
    answer = post(buying.app, event)
    assert (answer.status_code, answer.json["state"], answer.json["reason"]) == (200, "ignored", reason)
    stored = buying.event(event["id"])
    assert (stored.state, stored.reason) == ("ignored", reason)
    assert buying.bought() == []


def test_an_unknown_type_is_stored_and_ignored(buying):
    ignored(buying, event_about({"id": "cus_sim_1"}, "customer.created"), "unknown_type")


def test_an_event_without_an_object_id_is_stored_and_ignored(buying):
    ignored(buying, event_about({"object": "balance"}, "balance.available"), "unknown_type")


def test_another_mode_is_ignored_even_for_our_own_purchase(buying):
    buying.paid()
    ignored(buying, completed(buying) | {"livemode": True}, "mode")


def test_a_connected_account_is_ignored_even_for_our_own_purchase(buying):
    buying.paid()
    ignored(buying, completed(buying) | {"account": "acct_1"}, "account")


def test_a_session_of_somebody_else_is_ignored_without_asking_stripe(buying):
    """As `stripe trigger checkout.session.completed` sends it: a session with none of our metadata."""
    buying.asked.clear()
    item = {"id": "cs_test_a1b2", "object": "checkout.session", "metadata": {}, "client_reference_id": None}
    ignored(buying, event_about(item, "checkout.session.completed"), "unknown_purchase")
    assert buying.asked == []


def test_a_purchase_we_have_never_heard_of_is_ignored(buying):
    metadata = {"type": "credit_purchase", "purchase_id": "ofanotherdatabase"}
    item = {"id": "cs_test_1", "object": "checkout.session", "metadata": metadata, "client_reference_id": "elsewhere"}
    ignored(buying, event_about(item, "checkout.session.completed"), "unknown_purchase")


def test_a_payment_without_a_checkout_is_ignored(buying):
    item = {"id": "pi_sim_none", "object": "payment_intent", "metadata": {}}
    ignored(buying, event_about(item, "payment_intent.succeeded"), "no_checkout")


def test_a_failed_try_of_somebody_else_is_ignored(buying):
    item = {"id": "pi_sim_none", "object": "payment_intent", "metadata": {}}
    ignored(buying, event_about(item, "payment_intent.payment_failed"), "unknown_purchase")


def test_a_payment_whose_metadata_was_erased_is_found_through_its_checkout(buying):
    buying.paid()
    event_id = buying.told_types()["payment_intent.succeeded"]
    event = json.loads(buying.simulator.deliveries.signed(event_id, now=0)[0])
    event["data"]["object"]["metadata"] = {}
    assert post(buying.app, event).json["reason"] == "paid"
    assert buying.bought() == [1000]


def test_a_payment_that_claims_another_purchase_settles_its_own_only(buying):
    """Metadata on a payment can be edited by hand at Stripe."""
    mine, other = buying.paid(key="form:1"), buying.start("maximum", key="form:2")
    event_id = buying.told_types()["payment_intent.succeeded"]
    event = json.loads(buying.simulator.deliveries.signed(event_id, now=0)[0])
    event["data"]["object"]["metadata"]["purchase_id"] = other.id
    assert post(buying.app, event).status_code == 200
    assert (buying.purchase(other).state, buying.bought()) == ("open", [])
    buying.tell(buying.told_types()["checkout.session.completed"])
    assert (buying.purchase(mine).state, buying.bought()) == ("paid", [1000])


def test_the_session_at_stripe_says_which_purchase_is_paid_not_the_payments_metadata(buying):
    """The purchase that the metadata claims has no session yet, so the payment's own session is looked for."""
    mine, other = buying.paid(key="form:1"), buying.start("maximum", key="form:2")

    def forget(session: Any) -> None:
        stored = session.get_one(Purchase, (other.account_id, other.id))
        stored.session_id = stored.session_url = None

    transact(forget)
    event_id = buying.told_types()["payment_intent.succeeded"]
    event = json.loads(buying.simulator.deliveries.signed(event_id, now=0)[0])
    event["data"]["object"]["metadata"]["purchase_id"] = other.id
    assert post(buying.app, event).json["reason"] == "paid"
    assert (buying.purchase(mine).state, buying.purchase(other).state) == ("paid", "open")
    assert buying.bought() == [1000]


def test_an_ignored_event_is_looked_at_again_when_it_is_told_again(buying):
    buying.paid()
    event = completed(buying)
    post(buying.app, event | {"livemode": True})
    assert post(buying.app, event).json["state"] == "handled"
    stored = buying.event(event["id"])
    assert (stored.state, stored.attempts, buying.bought()) == ("handled", 2, [1000])


def test_simulated_ids_are_ignored_by_a_real_stripe(buying, tmp_path):
    """The database of a demo, started again with real keys and the old webhook secret."""
    buying.paid()
    event = completed(buying)
    with_real_keys(buying.app)
    ignored(buying, event, "simulated")


def with_real_keys(app: Flask) -> None:
    from webapp.billing.gateway import build_gateway

    parts = app.extensions["refill"]
    settings = read_settings(
        _env_file=None,
        app_env="test",
        database_url=parts.settings.database_url,
        stripe_secret_key="sk_test_123",
        stripe_webhook_secret="whsec_test_present",
    )
    app.extensions["refill"] = Parts(settings, parts.catalog, build_gateway(settings))


def test_an_event_of_an_old_api_version_is_handled_by_reading_its_object_anew(buying):
    purchase = buying.paid()
    item = {"id": purchase.session_id, "object": "checkout.session", "payment_status": "paid", "display_items": []}
    event = event_about(item, "checkout.session.completed", api_version="2019-05-16")
    assert post(buying.app, event).json["reason"] == "paid"
    assert buying.event(event["id"]).api_version == "2019-05-16"


def test_an_event_without_an_api_version_is_handled(buying):
    buying.paid()
    assert post(buying.app, completed(buying) | {"api_version": None}).json["reason"] == "paid"


# What a failure leaves.


def test_a_failure_is_noted_answered_500_and_tried_again(buying, monkeypatch):
    purchase = buying.paid()
    event_id = buying.told_types()["checkout.session.completed"]
    with monkeypatch.context() as broken:
        broken.setattr("webapp.billing.fulfil.grant", _break)
        assert buying.tell(event_id).status_code == 500
        assert buying.tell(event_id).status_code == 500
    stored = buying.event(event_id)
    assert (stored.state, stored.reason, stored.attempts) == ("failed", "ZeroDivisionError", 2)
    assert stored.handled_at is None
    assert (buying.purchase(purchase).state, buying.bought()) == ("open", [])
    assert buying.tell(event_id).json["reason"] == "paid"
    assert (buying.event(event_id).state, buying.bought()) == ("handled", [1000])


def _break(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


def test_a_failure_does_not_undo_what_a_twin_has_handled(buying):
    from webapp.billing.events import read_event
    from webapp.billing.inbox import Outcome, keep

    buying.paid()
    event = completed(buying)
    buying.tell(event["id"])
    failed = Outcome("failed", "late")
    told = read_event(json.dumps(event))
    transact(lambda session: keep(session, told, failed, stripe_mode="simulated", now=utc_now()))
    assert buying.event(event["id"]).state == "handled"


def test_a_database_that_asks_for_patience_is_tried_again_and_nobody_notices(buying, monkeypatch):
    from webapp.billing import fulfil as module

    buying.paid()
    grant, met = module.grant, []

    def deadlocked_once(*facts: Any, **more: Any) -> Any:
        if not met:
            met.append(1)
            raise OperationalError("SELECT 1", {}, _Deadlock())
        return grant(*facts, **more)

    monkeypatch.setattr("webapp.billing.fulfil.grant", deadlocked_once)
    assert buying.tell(buying.told_types()["checkout.session.completed"]).json["reason"] == "paid"
    assert (met, buying.bought()) == ([1], [1000])


class _Deadlock(Exception):
    sqlstate = "40P01"


def test_stripe_out_of_reach_is_a_failure_that_is_tried_again(buying):
    purchase = buying.paid()
    buying.simulator.faults.refuse_connection("GET", "/v1/checkout/sessions/{id}")
    event_id = buying.told_types()["checkout.session.completed"]
    assert buying.tell(event_id).status_code == 503
    assert buying.event(event_id).reason == "StripeUnreachable"
    assert buying.purchase(purchase).state == "open"
    assert buying.tell(event_id).json["reason"] == "paid"


def test_a_money_mismatch_is_quarantined_and_answered_200(buying):
    """Our row says another price than Stripe took: as if someone had changed one of them."""
    purchase = buying.paid()

    def change(session: Any) -> None:
        session.get_one(Purchase, (purchase.account_id, purchase.id)).amount_minor = 3400

    transact(change)
    answer = buying.tell(buying.told_types()["checkout.session.completed"])
    assert (answer.status_code, answer.json["reason"]) == (200, "quarantined")
    stored = buying.purchase(purchase)
    assert (stored.state, stored.reason) == ("quarantined", "subtotal")
    assert stored.differences["subtotal"] == {"expected": 3400, "found": 3500}
    assert buying.bought() == []


def test_every_stored_event_is_handled_ignored_or_failed(buying):
    buying.paid()
    buying.tell_all()
    assert {(event.type, event.state) for event in buying.events()} >= {
        ("checkout.session.completed", "handled"),
        ("payment_intent.succeeded", "handled"),
        ("charge.succeeded", "ignored"),
    }
    assert all(isinstance(event, WebhookEvent) and event.body for event in buying.events())
