"""What is said once when an application starts with real Stripe keys."""

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp.billing.queries import simulated_grants
from webapp.extensions import db, end_reading
from webapp.settings import Settings
from webapp.web.logs import log


def warn_at_start(app: Flask, settings: Settings) -> None:
    """Warn when webhooks can't be checked, and when real money meets a database with simulated grants."""
    if settings.payments not in {"test", "live"}:
        return
    if not settings.webhook_secrets:
        log.warning("STRIPE_WEBHOOK_SECRET is not set: every webhook is refused, only return page and sweep settle")
    with app.app_context():
        warn_of_simulated_grants()
        db.engine.dispose()  # the process may fork: no child may inherit a connection


def warn_of_simulated_grants() -> int:
    """Say how many paid purchases of this database nobody gave money for."""
    try:
        found = simulated_grants(db.session())
    except SQLAlchemyError:  # not migrated or not there yet: /readyz says which
        found = 0
    end_reading()
    if found:
        log.warning("this database holds simulated grants: nobody paid for them", grants=found)
    return found
