"""The way of the money failing at every line, once: never half written, and told again it ends with one grant."""

import random

from sqlalchemy import delete
from sqlalchemy.orm import Session

from tests.billing.breaking import Line, LineBroke, broken_at, files_of, lines_run
from tests.billing.buying import Buying
from tests.billing.test_orders import events_of
from webapp.billing.models import Purchase, StripeCustomer
from webapp.extensions import db, transact
from webapp.ledger.queries import history
from webapp.orm import utc_now
from webapp.web.sending import ASK_EVERY

WEBHOOK_FILES = files_of("billing", "billing/gateway", "views/webhook.py", "web/inbox.py", "extensions.py")
LEDGER_FILES = files_of("ledger")
RETURN_FILES = files_of("billing", "billing/gateway", "web/checkout.py", "web/sending.py", "extensions.py")
SEED = 20261120
LEDGER_LINES = 25


def whole(buying: Buying, purchase: Purchase, place: object) -> None:
    """Either nothing of the payment is written or all of it."""
    stored = buying.purchase(purchase)
    with Session(db.engine) as session:
        page = history(session, buying.user.account_id, type="purchases", limit=3, now=utc_now())
    entries = [entry for entry in page.entries if entry.source_id == purchase.id]
    handled = [event for event in buying.events(purchase) if event.state == "handled"]
    if stored.state == "paid":
        assert [entry.seq for entry in entries] == [stored.grant_seq], place
        assert stored.settled_at is not None, place
    else:
        assert (stored.state, stored.grant_seq, entries, handled) == ("open", None, [], []), place


def here(places: list[Line], one_in: int) -> list[Line]:
    """One line in so many, drawn with a fixed seed; on PostgreSQL, where each round costs more, a third of those."""
    share = one_in if db.engine.dialect.name == "sqlite" else 3 * one_in
    return random.Random(SEED).sample(places, len(places) // share)


def first_purchase(buying: Buying, number: object) -> Purchase:
    """A paid purchase of somebody who never bought before: its customer is still to be stored."""
    transact(lambda session: session.execute(delete(StripeCustomer)))
    return buying.paid("starter", key=f"form:{number}")


def test_the_webhook_failing_at_any_line_grants_once_when_it_is_told_again(buying, one_in):
    first = buying.paid("starter", key="form:first")
    kind = "checkout.session.completed"
    event_id = events_of(buying, first)[kind]
    ours = lines_run(WEBHOOK_FILES, lambda: buying.tell(event_id))
    second = first_purchase(buying, "second")
    event_id = events_of(buying, second)[kind]
    ledgers = lines_run(LEDGER_FILES, lambda: buying.tell(event_id))
    assert len(ours) > 100
    assert len(ledgers) > 100
    places = here(ours + random.Random(SEED).sample(ledgers, LEDGER_LINES), one_in)
    answers = []
    for number, place in enumerate(places):
        purchase = first_purchase(buying, number)
        event_id = events_of(buying, purchase)[kind]
        with broken_at(place, WEBHOOK_FILES | LEDGER_FILES) as reached:
            answers.append(buying.tell(event_id).status_code)
        assert reached, f"{place} was not run again"
        whole(buying, purchase, place)
        assert buying.tell(event_id).status_code == 200, place
        assert buying.tell(event_id).json["reason"] == "told_before", place
        whole(buying, purchase, place)
        assert buying.purchase(purchase).state == "paid", place
    assert set(answers) == {500}
    assert buying.bought() == [100] * (len(places) + 2)
    buying.assert_sound()


def test_the_return_page_failing_at_any_line_grants_once_when_it_is_opened_again(buying, one_in):
    first = buying.paid("starter", key="form:first")
    places = lines_run(RETURN_FILES, lambda: buying.settle(first))
    assert len(places) > 60
    places = here(places, one_in)
    for number, place in enumerate(places):
        purchase = first_purchase(buying, number)
        with broken_at(place, RETURN_FILES) as reached:
            try:
                buying.settle(purchase)
            except LineBroke:
                pass
            else:
                raise AssertionError(f"{place} broke and nobody heard of it")
        assert reached
        whole(buying, purchase, place)
        later = utc_now() + ASK_EVERY
        assert buying.settle(purchase, now=later).state == "paid", place
        whole(buying, purchase, place)
    assert buying.bought() == [100] * (len(places) + 1)
    buying.assert_sound()


def test_buying_that_fails_at_any_line_opens_one_checkout_when_the_form_is_sent_again(buying, one_in):
    places = lines_run(RETURN_FILES, lambda: buying.start("starter", key="form:first"))
    assert len(places) > 60
    places = here(places, one_in)
    for number, place in enumerate(places):
        with broken_at(place, RETURN_FILES) as reached:
            try:
                buying.start("starter", key=f"form:{number}")
            except LineBroke:
                pass
            else:
                raise AssertionError(f"{place} broke and nobody heard of it")
        assert reached
        first = buying.start("starter", key=f"form:{number}")
        assert buying.start("starter", key=f"form:{number}").session_id == first.session_id
    sessions = sessions_at_stripe(buying)
    assert len(sessions) == len(set(sessions)) == len(places) + 1


def sessions_at_stripe(buying: Buying) -> list[str]:
    """The purchase of each session that Stripe has."""
    with buying.simulator.store.reading() as state:
        rows = state.rows(
            "SELECT json_extract(json, '$.client_reference_id') AS purchase FROM sim_object "
            "WHERE type = 'checkout.session'"
        )
        return [row["purchase"] for row in rows]
