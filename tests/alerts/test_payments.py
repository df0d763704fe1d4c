"""A plan's payment that fails changes nothing in the ledger: the worker hears of it all the same."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.app.one_database import database_url
from tests.billing.conftest import buying, subscribing
from tests.billing.subscribing import START, at
from webapp.alerts.models import RaisedAlert
from webapp.extensions import db
from webapp.orm import utc_now
from webapp.worker.alerts import sweep_alerts

__all__ = ["buying", "database_url", "subscribing"]

FEBRUARY = dt.datetime(2026, 2, 28, 12, 0, tzinfo=dt.UTC)


def payments_told():
    """Of each failed payment the worker has stored: the invoice, and whether it still waits."""
    sweep_alerts(utc_now())
    with Session(db.engine) as session:
        failed = select(RaisedAlert).where(RaisedAlert.kind == "payment")
        return [(row.occasion, row.ended_at is None) for row in session.scalars(failed)]


def test_a_renewal_that_fails_is_told_once_however_often_it_is_tried_until_it_is_paid(subscribing):
    with at(START):
        subscription_id = subscribing.subscribe()
        subscribing.tell_all()
        assert payments_told() == []
    with at(FEBRUARY):
        invoice = subscribing.simulator.renew(subscription_id, "failed")["latest_invoice"]
        subscribing.tell_all()
        assert payments_told() == [(invoice, True)]
    with at(FEBRUARY + dt.timedelta(days=3)):
        subscribing.simulator.retry_payment(invoice, "failed")
        subscribing.tell_all()
        assert payments_told() == [(invoice, True)]
    with at(FEBRUARY + dt.timedelta(days=5)):
        subscribing.simulator.retry_payment(invoice, "paid")
        subscribing.tell_all()
        assert payments_told() == [(invoice, False)]
