"""A crowd at the server's door: one payment told by everybody, one form sent fifty times."""

from collections import Counter
from functools import partial

from tests.reliability.shop import KIND
from tests.reliability.together import all_at_once

EVENTS = (KIND, "payment_intent.succeeded", "checkout.session.async_payment_succeeded")


def test_one_payment_told_32_times_at_once_by_three_events_and_the_return_page_is_granted_once(shop, rounds):
    for _ in range(rounds):
        purchase = shop.paid("delayed_succeeds")
        event_ids = [shop.event_ids(purchase)[kind] for kind in EVENTS]
        tellings = [partial(shop.tell, event_id) for event_id in event_ids]
        answers = all_at_once([*tellings, partial(shop.come_back, purchase)] * 8)
        assert Counter(answer.status for answer in answers) == {200: 32}
        assert shop.granted(purchase) == 1
        for event_id in event_ids:
            shop.assert_told(event_id, {"handled"})
    shop.assert_sound(rounds)


def test_fifty_checkouts_with_one_new_key_are_one_purchase_and_equal_answers(shop, rounds):
    for number in range(rounds):
        answers = all_at_once([partial(shop.buy, f"order-{number}")] * 50)
        assert Counter(answer.status for answer in answers) == {201: 50}
        assert len({answer.body for answer in answers}) == 1
        assert shop.newest().id == answers[0].json()["purchase"]
        assert shop.sessions_made() == shop.purchases_opened() == number + 1
