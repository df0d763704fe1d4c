import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.app.access import EVENT_ID, FINGERPRINT, OPERATORS, REQUEST_ID, Shop
from tests.support.browsing import Browser, sign_in
from tests.support.keys import make_key
from tests.support.people import make_operator, make_user
from webapp import create_app
from webapp.billing.models import Purchase, WebhookEvent
from webapp.billing.money_back.models import RefundRequest
from webapp.billing.reconcile.models import ReconciliationFinding
from webapp.billing.reconcile.records import begin
from webapp.extensions import db, limiter, transact
from webapp.operators.accounts import grant
from webapp.operators.acts import Asked
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.settings import Settings, read_settings
from webapp.simulator.events import Sending
from webapp.web.checkout import settle_purchase, start_purchase

EVENT_BODY = json.dumps(
    {"id": EVENT_ID, "object": "event", "type": "payout.paid", "created": 1, "livemode": False}
    | {"data": {"object": {"id": "po_1", "object": "payout"}}}
)


@pytest.fixture
def make_app(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Makes applications of their own, with some settings changed; their connections are closed at the end."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        app = create_app(read_settings(_env_file=None, **settings.model_dump() | changes))
        app.test_client_class = Browser
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def ask_for_a_refund(session: Session, purchase: Purchase, user: User) -> None:
    """The owner may ask for a refund of the purchase, and has."""
    session.get_one(Purchase, (purchase.account_id, purchase.id)).refund_days = 14
    quoted = {"credits": 1000, "amount_minor": 3500, "currency": "usd", "asked_at": utc_now(), "quoted_at": utc_now()}
    asked = {"account_id": purchase.account_id, "purchase_id": purchase.id, "user_id": user.id}
    session.add(RefundRequest(id=REQUEST_ID, form_key="form:1", **asked, **quoted))


@pytest.fixture
def shop(app: Flask, user: User, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A paid purchase, a key and an act of the owner's account, and who asks for them."""
    monkeypatch.setattr(limiter, "enabled", False)
    purchase = start_purchase(user=user, pack_slug="popular", terms=None, open_key="form:1", now=utc_now())
    app.extensions["simulator"].pay(purchase.session_id, sending=Sending(webhook="never"))
    purchase = settle_purchase(user.account_id, purchase.id, now=utc_now())
    assert purchase.state == "paid"

    transact(lambda session: ask_for_a_refund(session, purchase, user))
    key, _ = make_key(user.account_id)
    other = make_user("other@example.com")
    operators = [make_operator(role) for role in OPERATORS]
    asked = Asked(operators[-1].id, user.account_id, "They asked", "f" * 22, utc_now())
    act = transact(lambda session: grant(session, asked, kind="gift", credits=1, expires_at=None))
    run_id = transact(told_by_stripe)
    browsers = (app.test_client(), *(sign_in(app, one) for one in (user, other, *operators)))
    return Shop(app, purchase.id, purchase.session_id, user.account_id, key.id, act.id, run_id, *browsers)


def told_by_stripe(session: Session) -> int:
    """An event of another application's, a comparison with Stripe, and a difference that somebody has closed."""
    now = utc_now()
    facts = {"stripe_mode": "simulated", "created_at": now, "received_at": now}
    session.add(WebhookEvent(id=EVENT_ID, type="payout.paid", state="ignored", body=EVENT_BODY, **facts))
    run = begin(session, "simulated", started_by="worker", since=now, now=now)
    found = {"kind": "extra", "object_kind": "checkout", "object_id": "cs_1", "expected": {}, "found": {}}
    found |= {"done": "reported", "needs_person": True, "found_at": now, "closed_at": now, "closed_reason": "x"}
    session.add(ReconciliationFinding(fingerprint=FINGERPRINT, reconciliation_id=run.id, **found))
    return run.id
