"""The way of an allowance failing at every line, once: never half given, and told again it is given once."""

import random

from sqlalchemy.orm import Session

from tests.billing.breaking import broken_at, files_of, lines_run
from tests.billing.subscribing import Subscribing
from tests.billing.test_every_line import LEDGER_FILES, LEDGER_LINES, SEED, here
from tests.support.people import make_user
from webapp.billing.subscriptions.models import AllowancePeriod, Subscription
from webapp.extensions import db

FILES = files_of(
    "billing", "billing/gateway", "billing/subscriptions", "views/webhook.py", "web/inbox.py", "extensions.py"
)
KINDS = ("invoice.paid", "checkout.session.completed")


def subscribed(subscribing: Subscribing, number: object) -> dict[str, str]:
    """Somebody new who has subscribed at Stripe; the events that nobody has told, by their types."""
    subscribing.user = make_user(f"line{number}@example.com")
    subscribing.subscribe(key=f"form:{number}")
    told = subscribing.told_types()
    for delivery in subscribing.simulator.deliveries.waiting():
        subscribing.simulator.deliveries.drop(delivery, now=0)
    return told


def whole(subscribing: Subscribing, place: object) -> None:
    """Mirror, period and grant are there together, or none of them."""
    account_id = subscribing.user.account_id
    with Session(db.engine) as session:
        mirrors = session.query(Subscription).filter_by(account_id=account_id).count()
        periods = session.query(AllowancePeriod).filter_by(account_id=account_id).count()
    assert (mirrors, periods, len(subscribing.given())) in {(0, 0, 0), (1, 1, 1)}, place


def test_the_webhook_failing_at_any_line_gives_the_allowance_once_when_it_is_told_again(subscribing, one_in):
    for kind in KINDS:
        told = subscribed(subscribing, f"{kind}:first")[kind]
        ours = lines_run(FILES, lambda told=told: subscribing.tell(told))
        told = subscribed(subscribing, f"{kind}:second")[kind]
        ledgers = lines_run(LEDGER_FILES, lambda told=told: subscribing.tell(told))
        assert (len(ours) > 200, len(ledgers) > 100) == (True, True)
        places = here(ours + random.Random(SEED).sample(ledgers, LEDGER_LINES), 3 * one_in if one_in > 1 else 1)
        for number, place in enumerate(places):
            event_id = subscribed(subscribing, f"{kind}:{number}")[kind]
            with broken_at(place, FILES | LEDGER_FILES) as reached:
                answer = subscribing.tell(event_id)
            assert reached, f"{place} was not run again"
            assert answer.status_code == 500, place
            whole(subscribing, place)
            assert subscribing.tell(event_id).status_code == 200, place
            whole(subscribing, place)
            assert [granted for _, granted, _ in subscribing.given()] == [500], place
            subscribing.assert_sound()
