"""Reading what alerts are worked out from. Never writes, never locks."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from webapp.alerts.crossings import EXPIRING_DAYS
from webapp.alerts.facts import AccountFacts, Choices, Known
from webapp.alerts.models import AlertChoices, RaisedAlert
from webapp.alerts.payments import last_failure
from webapp.billing.queries import purchases
from webapp.billing.subscriptions.models import AllowancePeriod
from webapp.billing.subscriptions.queries import allowance_now
from webapp.billing.subscriptions.standing import plan_standing
from webapp.catalog import Catalog
from webapp.ledger.allowances import Allowance, allowances
from webapp.ledger.lots import NOT_USED_UP
from webapp.ledger.models import accounts, grants
from webapp.ledger.queries import balance, limit_standings

PURCHASES_LOOKED_AT = 5
EPISODES = ("low", "depleted")

_ACCOUNT: BindParameter[int] = bindparam("of_account", type_=accounts.c.id.type)


def _newest(kind: str) -> Select[Any]:
    """The last episode that is over: the next one's number follows from it."""
    of_kind = (RaisedAlert.account_id == _ACCOUNT, RaisedAlert.kind == kind)
    over = select(RaisedAlert).where(*of_kind, RaisedAlert.ended_at.is_not(None))
    newest = over.order_by(RaisedAlert.occasion.desc(), RaisedAlert.threshold).limit(1).subquery()
    return select(newest)


def _rows() -> CompoundSelect[Any]:
    lasting = select(RaisedAlert).where(RaisedAlert.account_id == _ACCOUNT, RaisedAlert.ended_at.is_(None))
    return union_all(lasting, *(_newest(kind) for kind in EPISODES))


_RAISED = aliased(RaisedAlert, _rows().subquery("raised"))
_KNOWN = (
    select(AlertChoices, _RAISED)
    .select_from(accounts)
    .outerjoin(AlertChoices, AlertChoices.account_id == accounts.c.id)
    .outerjoin(_RAISED, _RAISED.account_id == accounts.c.id)
    .where(accounts.c.id == _ACCOUNT)
)


def known_of(session: Session, account_id: int) -> Known:
    """The account's choices, and of its alerts those that last and the newest of each episode. One query."""
    rows = session.execute(_KNOWN, {"of_account": account_id}).all()
    stored = rows[0][0] if rows else None
    return Known(choices_in(stored), tuple(row for _, row in rows if row is not None))


def choices_in(row: AlertChoices | None) -> Choices:
    """What a row says; without one, what is told of by default."""
    return Choices(**{name: getattr(row, name) for name in Choices.__dataclass_fields__}) if row else Choices()


def facts_of(
    session: Session, catalog: Catalog, account_id: int, *, stripe_mode: str, now: dt.datetime
) -> AccountFacts:
    """How the account stands, as a page finds it. Six queries, one more where it has limits."""
    stands = balance(session, account_id, now=now)
    limits = limit_standings(session, account_id, time_zone=stands.time_zone, now=now) if stands.limits else []
    bought = purchases(session, account_id, limit=PURCHASES_LOOKED_AT, now=now)
    return AccountFacts(
        balance=stands,
        allowance=present_allowance(session, account_id, now=now),
        limits=limits,
        subscription=plan_standing(session, catalog, account_id, stripe_mode=stripe_mode).subscription,
        failed_purchase=last_failure(bought, now=now),
        now=now,
    )


def present_allowance(session: Session, account_id: int, *, now: dt.datetime) -> Allowance | None:
    """What became of the allowance that it is; of several, that of the newest period. One query, two for several."""
    found = allowances(session, account_id, now=now)
    return chosen_allowance(found, lambda: allowance_now(session, account_id, now=now))


def chosen_allowance(found: Sequence[Allowance], period_now: Callable[[], AllowancePeriod | None]) -> Allowance | None:
    """The allowance that it is: where there are several, the one of the present period, which is asked for only then.

    Without a period of a plan the one that ends first.
    """
    period = period_now() if len(found) > 1 else None
    return next((one for one in found if period is not None and one.ends_at == period.ends_at), next(iter(found), None))


_NOW: BindParameter[dt.datetime] = bindparam("now", type_=grants.c.expires_at.type)


def accounts_expiring(session: Session, *, after_id: int = 0, now: dt.datetime, limit: int) -> tuple[int, ...]:
    """The ids of at most `limit` accounts, above `after_id`, with credits about to expire and no alert of it yet.

    Not those that don't want to hear of it. Each threshold is asked for by itself, so an account that has been looked
    at is not found again before its next.
    """
    instants = {days: now + dt.timedelta(days=days) for days in EXPIRING_DAYS}
    reached = case(*((grants.c.expires_at <= instants[days], days) for days in EXPIRING_DAYS), else_=0)
    told = select(literal(1)).where(
        RaisedAlert.account_id == grants.c.account_id,
        RaisedAlert.kind == "expiring",
        RaisedAlert.subject == cast(grants.c.seq, String),
        RaisedAlert.threshold <= reached,
    )
    silent = select(literal(1)).where(
        and_(AlertChoices.account_id == grants.c.account_id, AlertChoices.expiring.is_(False))
    )
    lasting = and_(grants.c.expires_at > now, grants.c.expires_at <= instants[EXPIRING_DAYS[-1]])
    chosen = (
        select(grants.c.account_id)
        .where(NOT_USED_UP, lasting, grants.c.available > 0, grants.c.kind != "allowance")
        .where(grants.c.account_id > after_id, ~told.exists(), ~silent.exists())
        .group_by(grants.c.account_id)
        .order_by(grants.c.account_id)
        .limit(limit)
    )
    return tuple(session.scalars(chosen))
