"""For machines: is the process alive, is it ready, and its figures."""

import ipaddress
from dataclasses import asdict

from alembic.runtime.migration import MigrationContext
from flask import Blueprint, Request, Response, abort, jsonify, request
from sqlalchemy.exc import SQLAlchemyError

from webapp.billing.reconcile.records import standing
from webapp.extensions import db, parts
from webapp.orm import utc_now
from webapp.web.figures import stored_exposition
from webapp.web.logs import log
from webapp.web.metrics import exposition
from webapp.web.migration import migration_head
from webapp.worker.sweeps import late_sweeps

bp = Blueprint("health", __name__)

FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """The database answers and is at our migration.

    A late worker, and how long ago we were compared with Stripe, are told and are no reason to stop serving.
    """
    head = migration_head()
    try:
        found = MigrationContext.configure(db.session.connection()).get_current_revision()
        if found != head:
            return jsonify(status="not migrated", found=found, head=head), 503
        now, mode = utc_now(), parts().settings.payments
        late, compared = late_sweeps(db.session(), now=now), standing(db.session(), mode, now=now)
    except SQLAlchemyError as error:
        log.error("readyz", error=type(error).__name__)
        return jsonify(status="no database"), 503
    return jsonify(status="ok", migration=head, late_sweeps=late, reconciliation=asdict(compared)), 200


@bp.get("/metrics")
def metrics() -> Response:
    """Prometheus' figures, for scrapers on this machine or a private network; others get 404."""
    if not _is_near(request):
        abort(404)
    text, kind = exposition()
    return Response(text + _stored(), content_type=kind)


def _stored() -> bytes:
    """What the database knows; nothing while it is out of reach: the counters are needed most then."""
    try:
        return stored_exposition(db.session(), stripe_mode=parts().settings.payments, now=utc_now())
    except SQLAlchemyError as error:
        log.error("metrics", error=type(error).__name__)
        return b""


def _is_near(asked: Request) -> bool:
    """Whether this machine or a private network asks. A proxy we were not told of speaks for anybody."""
    is_forwarded = any(asked.headers.get(name) for name in FORWARDED)
    if is_forwarded and not parts().settings.trusted_proxies:
        return False
    try:
        return ipaddress.ip_address(asked.remote_addr or "").is_private
    except ValueError:
        return False
