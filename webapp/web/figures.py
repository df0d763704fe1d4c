"""Figures that stand in the database, read at each scrape: what waits, what failed, and whether the worker lives."""

import datetime as dt
import math
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase, WebhookEvent
from webapp.billing.reconcile.records import standing
from webapp.worker.sweeps import sweep_ages

WAITING = ("open", "processing", "quarantined")


class StoredFigures(Collector):
    """The gauges of one moment. Read when they are collected, by index, so that their cost stays small."""

    def __init__(self, session: Session, *, stripe_mode: str, now: dt.datetime) -> None:
        self._session = session
        self._stripe_mode = stripe_mode
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge."""
        yield from self._purchases()
        yield from self._events()
        yield from self._reconciliation()
        yield self._sweeps()

    def _purchases(self) -> Iterator[GaugeMetricFamily]:
        count = GaugeMetricFamily("refill_purchases_waiting", "Purchases that are not settled.", labels=["state"])
        found = select(Purchase.state, func.count()).where(Purchase.state.in_(WAITING)).group_by(Purchase.state)
        counts = dict(self._session.execute(found).all())
        for state in WAITING:
            count.add_metric([state], counts.get(state, 0))
        yield count
        oldest = self._session.scalar(select(func.min(Purchase.opened_at)).where(Purchase.state == "processing"))
        yield self._age("refill_purchase_processing_seconds", "Age of the oldest payment on its way.", oldest)

    def _events(self) -> Iterator[GaugeMetricFamily]:
        failed = select(func.count()).where(WebhookEvent.state == "failed")
        number = self._session.scalar(failed) or 0
        yield GaugeMetricFamily("refill_webhook_events_failed", "Events that wait for another try.", value=number)
        told = WebhookEvent.came_by == "webhook"  # what a reconciliation found hasn't reached us
        newest = self._session.scalar(select(func.max(WebhookEvent.received_at)).where(told))
        yield self._age("refill_webhook_last_seconds", "Time since Stripe last told us anything.", newest)

    def _reconciliation(self) -> Iterator[GaugeMetricFamily]:
        stands = standing(self._session, self._stripe_mode, now=self._now)
        age = GaugeMetricFamily("refill_reconciled_seconds", "Time since all was compared with Stripe, or inf.")
        age.add_metric([], math.inf if stands.seconds is None else stands.seconds)
        yield age
        words = "Differences to Stripe that wait for a person."
        yield GaugeMetricFamily("refill_reconciliation_findings_waiting", words, value=stands.waiting)

    def _sweeps(self) -> GaugeMetricFamily:
        ages = GaugeMetricFamily(
            "refill_sweep_seconds", "Time since a sweep last ended; infinite if it never ran.", labels=["sweep"]
        )
        for name, age_seconds in sweep_ages(self._session, now=self._now).items():
            ages.add_metric([name], math.inf if age_seconds is None else age_seconds)
        return ages

    def _age(self, name: str, words: str, since: dt.datetime | None) -> GaugeMetricFamily:
        """An age in seconds; no sample at all where there is nothing to be old."""
        family = GaugeMetricFamily(name, words)
        if since is not None:
            family.add_metric([], (self._now - since).total_seconds())
        return family


def stored_exposition(session: Session, *, stripe_mode: str, now: dt.datetime) -> bytes:
    """The stored figures in Prometheus' text form."""
    registry = CollectorRegistry()
    registry.register(StoredFigures(session, stripe_mode=stripe_mode, now=now))
    return generate_latest(registry)
