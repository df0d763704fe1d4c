"""Making the checks, each for itself: one that breaks or takes too long is told, and the others are made."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask, current_app

from webapp.doctor import inbox, plans, storage, stripe
from webapp.doctor.check import Check, Diagnosis, Look
from webapp.extensions import db, end_reading, parts
from webapp.orm import utc_now
from webapp.web.logs import log

SECONDS = 30.0
SECONDS_DEEP = 3600.0

DIAGNOSES = (
    Diagnosis("stripe", stripe.mode),
    Diagnosis("webhook secret", stripe.webhook_secret),
    Diagnosis("endpoint", stripe.webhook_endpoint, is_cheap=False),
    Diagnosis("webhooks", inbox.webhooks),
    Diagnosis("events", inbox.events),
    Diagnosis("strangers", inbox.strangers),
    Diagnosis("purchases", inbox.purchases),
    Diagnosis("disputes", inbox.disputes),
    Diagnosis("reconciliation", inbox.reconciliation),
    Diagnosis("prices", stripe.prices),
    Diagnosis("plans", plans.plans),
    Diagnosis("subscriptions", plans.subscriptions),
    Diagnosis("portal", plans.portal, is_cheap=False),
    Diagnosis("clock", stripe.clock, is_cheap=False),
    Diagnosis("simulated", stripe.simulated),
    Diagnosis("migrations", storage.migrations),
    Diagnosis("worker", storage.worker),
    Diagnosis("ledger", storage.ledger, is_cheap=False),
)
# On a page the worker's daily answer stands for the ledger.
CHEAP = (*(one for one in DIAGNOSES if one.is_cheap), Diagnosis("ledger", storage.ledger_as_swept))


def cheap_checks() -> tuple[Check, ...]:
    """The checks that are a few indexed reads; nobody outside is asked. Ends the request's read transaction."""
    return tuple(_made(diagnosis, is_deep=False) for diagnosis in CHEAP)


def all_checks(*, is_deep: bool = False, diagnoses: Iterable[Diagnosis] = DIAGNOSES) -> Iterable[Check]:
    """Every check, one after the other, each at most half a minute, or an hour if it may look at everything."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001  # Flask's documented way
    seconds = SECONDS_DEEP if is_deep else SECONDS
    for diagnosis in diagnoses:
        yield Patience(app, diagnosis, is_deep=is_deep).wait(seconds)


@dataclass
class Patience:
    """One check in a thread of its own, which is left behind if it doesn't end in time."""

    app: Flask
    diagnosis: Diagnosis
    is_deep: bool
    check: Check | None = None

    def wait(self, seconds: float) -> Check:
        """What the check found, or that it took too long."""
        thread = threading.Thread(target=self._make, name=f"doctor {self.diagnosis.name}", daemon=True)
        thread.start()
        thread.join(seconds)
        return self.check or Check(self.diagnosis.name, "bad", f"This took more than {seconds:.0f} s to look at.")

    def _make(self) -> None:
        with self.app.app_context():
            self.check = _made(self.diagnosis, is_deep=self.is_deep)
            end_reading()


def _made(diagnosis: Diagnosis, *, is_deep: bool) -> Check:
    known = parts()
    look = Look(db.session(), known.settings, known.catalog, known.gateway, utc_now(), is_deep=is_deep)
    try:
        return Check(diagnosis.name, *diagnosis.make(look))
    except Exception as error:  # noqa: BLE001  # a check that can't be made must not hide the others
        log.error("check broke", check=diagnosis.name, exc_info=error)
        return Check(diagnosis.name, "bad", f"This couldn't be looked at: {type(error).__name__}. The log says more.")
    finally:
        look.session.close()  # a transaction in which a statement failed takes no other
