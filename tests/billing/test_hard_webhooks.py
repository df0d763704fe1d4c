"""Webhooks made hard in the simulator's control room, and our endpoint's answers: one grant, every time."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.billing.buying import Buying
from webapp.orm import utc_now
from webapp.simulator.signing import MANNERS, ROLLED_SECRET
from webapp.simulator.versions import OLD_VERSION


def now_seconds() -> int:
    return int(utc_now().timestamp())


def post_to(buying: Buying):
    """Deliver as the delivery thread does, into the application itself."""
    client = buying.app.test_client()

    def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        answer = client.post(urlsplit(url).path, data=body, headers=headers)
        return answer.status_code, answer.text

    return post


def deliver_due(buying: Buying, *, later: int = 0) -> list[int | None]:
    """Make every attempt that is due `later` seconds from now; how they were answered."""
    deliveries, post = buying.simulator.deliveries, post_to(buying)
    due = deliveries.due(now=now_seconds() + later)
    return [deliveries.deliver(delivery, post, now=now_seconds()) for delivery in due]


def completed(buying: Buying):
    """The one waiting delivery that brings the credits; the others are dropped."""
    deliveries = buying.simulator.deliveries
    found = [one for one in deliveries.waiting() if one.event_type == "checkout.session.completed"]
    deliveries.drop(*(one for one in deliveries.waiting() if one not in found), now=now_seconds())
    (delivery,) = found
    return delivery


# How our endpoint answers each manner. The fixture's settings know two secrets: the old one is being rolled.
ANSWERS = {"plain": 200, "corrupt": 400, "old_secret": 200, "two_secrets": 200, "old_version": 200}


@pytest.mark.parametrize("manner", MANNERS)
def test_however_it_is_sent_it_is_answered_rightly_and_the_credits_come_once(buying, manner):
    purchase = buying.paid()
    delivery = completed(buying)
    buying.simulator.deliveries.send(delivery, manner=manner, now=now_seconds())

    assert deliver_due(buying) == [ANSWERS[manner]]
    refused = ANSWERS[manner] == 400
    assert buying.bought() == ([] if refused else [1000])
    assert deliver_due(buying, later=5) == ([200] if refused else [])

    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])
    assert buying.simulator.deliveries.waiting() == []
    buying.assert_sound()


def test_a_secret_that_is_no_longer_known_is_refused_and_the_retry_heals_it(buying):
    deliveries = buying.simulator.deliveries
    deliveries.secrets = replace(deliveries.secrets, old=ROLLED_SECRET)
    buying.paid()
    deliveries.send(completed(buying), manner="old_secret", now=now_seconds())

    assert deliver_due(buying) == [400]
    assert buying.events() == [], "what is not believed is not even stored"
    assert deliver_due(buying, later=5) == [200]
    assert buying.bought() == [1000]


def test_an_event_of_an_old_version_is_handled_by_the_object_at_our_version(buying):
    buying.paid()
    delivery = completed(buying)
    buying.simulator.deliveries.send(delivery, manner="old_version", now=now_seconds())
    buying.asked.clear()
    assert deliver_due(buying) == [200]
    stored = buying.event(delivery.event_id)
    assert (stored.state, stored.api_version) == ("handled", OLD_VERSION)
    assert len(buying.asked) == 1, "its object is read again"
    assert buying.bought() == [1000]


def test_held_events_arrive_in_reverse_and_twice_and_grant_once(buying):
    deliveries = buying.simulator.deliveries
    deliveries.hold_all()
    purchase = buying.paid()
    assert deliver_due(buying) == []
    assert buying.purchase(purchase).state == "open"

    deliveries.duplicate(*deliveries.waiting())
    deliveries.reverse()
    deliveries.let_go_all()
    assert deliver_due(buying) == [200] * 8

    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])
    assert all(event.state in {"handled", "ignored"} for event in buying.events())
    buying.assert_sound()


def test_a_delayed_payment_told_backwards_is_paid_in_the_end(buying):
    deliveries = buying.simulator.deliveries
    deliveries.hold_all()
    purchase = buying.paid(outcome="delayed_succeeds")
    buying.simulator.settle(intent_of(buying))
    deliveries.reverse()
    deliveries.let_go_all()

    assert set(deliver_due(buying)) == {200}

    assert (buying.purchase(purchase).state, buying.bought()) == ("paid", [1000])


def intent_of(buying: Buying) -> str:
    return next(one.object_id for one in buying.simulator.deliveries.waiting() if one.object_id.startswith("pi_"))


def test_when_every_webhook_is_dropped_the_return_page_grants(buying):
    purchase = buying.paid()
    deliveries = buying.simulator.deliveries
    deliveries.drop(*deliveries.waiting(), now=now_seconds())
    assert deliver_due(buying, later=3600) == []
    assert buying.settle(purchase).state == "paid"
    assert buying.bought() == [1000]


@pytest.mark.parametrize("manner", ["corrupt", "old_version", "two_secrets"])
def test_an_event_that_was_handled_is_resent_in_any_manner_and_changes_nothing(buying, manner):
    buying.paid()
    delivery = completed(buying)
    assert deliver_due(buying) == [200]
    buying.simulator.deliveries.resend(delivery.event_id, manner=manner, now=now_seconds())

    assert deliver_due(buying) == [ANSWERS[manner]]
    deliver_due(buying, later=5)

    assert buying.bought() == [1000]
    buying.assert_sound()
