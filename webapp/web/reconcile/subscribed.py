"""Looking at subscriptions: each that Stripe made in a span, and each of ours that hasn't ended."""

from collections.abc import Mapping

from webapp.billing.errors import PlanMissing
from webapp.billing.gateway import Span
from webapp.billing.reconcile import subscribed
from webapp.billing.reconcile.subscribed import settled
from webapp.billing.subscriptions.asking import PlanTold, ask_plan
from webapp.billing.subscriptions.settling import account_of
from webapp.extensions import db, end_reading, parts
from webapp.web.overtaken import asked_again
from webapp.web.reconcile.walk import Walk


def look_at_subscriptions(walk: Walk, made: Span) -> None:
    """Settle every subscription of a span that we made and have no mirror of."""
    walk.each("subscriptions", walk.gateway.subscriptions(made), _listed, lambda one: one[0])


def look_at_live_subscriptions(walk: Walk) -> None:
    """Ask about each subscription that hasn't ended here, however old it is."""
    alive = subscribed.alive(db.session(), walk.gateway.mode)
    end_reading()
    walk.each("subscriptions", alive, lambda walk, key: _ask(walk, key[1]), lambda key: key[1])


def _listed(walk: Walk, listed: tuple[str, Mapping[str, str]]) -> None:
    subscription_id, metadata = listed
    known = subscribed.stored(db.session(), subscription_id, stripe_mode=walk.gateway.mode)
    end_reading()
    if known is None and subscribed.is_ours(metadata):
        _ask(walk, subscription_id)


def _ask(walk: Walk, subscription_id: str) -> None:
    """Read one whole and settle it; again where a webhook was faster."""
    asked_again(lambda _: _ask_once(walk, subscription_id))


def _ask_once(walk: Walk, subscription_id: str) -> None:
    end_reading()
    row = subscribed.stored(db.session(), subscription_id, stripe_mode=walk.gateway.mode)
    end_reading()
    told = ask_plan(walk.gateway, subscription_id, known_at=row.read_at if row else None)
    if told is None:
        walk.keep(subscribed.gone(row) if row else [])
    elif told.plan_slug is not None or row is not None:
        _settle(walk, told)


def _settle(walk: Walk, told: PlanTold) -> None:
    mode = walk.gateway.mode
    account_id = account_of(db.session(), told, stripe_mode=mode)
    end_reading()
    if account_id is None:
        walk.keep(subscribed.unknown(told))
        return
    catalog = parts().catalog
    try:
        walk.settle(lambda session, now: settled(session, catalog, account_id, told, stripe_mode=mode, now=now))
    except PlanMissing:
        walk.keep(subscribed.without_plan(told, account_id))
