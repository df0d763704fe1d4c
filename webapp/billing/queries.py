"""Reading purchases: always through the account, so that another's purchase is as missing as none."""

import datetime as dt
from collections.abc import Collection

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session

from webapp.billing.events import OBJECT_ID
from webapp.billing.models import Purchase

# A checkout that nobody paid fades from the list after this; the row itself stays.
FADES_AFTER = dt.timedelta(hours=24)
CALLED_AT_MOST = 100
TOLD_AT_MOST = 100

# Built once: every page of the shell asks the first.
_OWN = select(Purchase).where(Purchase.account_id == bindparam("of_account"))
_NEWEST_FIRST = (Purchase.opened_at.desc(), Purchase.id)
_SHOWN = or_(Purchase.state != "expired", Purchase.opened_at > bindparam("since", type_=Purchase.opened_at.type))
_NEWEST = _OWN.where(_SHOWN).order_by(*_NEWEST_FIRST).limit(bindparam("most"))
_NEWEST_IDS = (
    select(Purchase.id)
    .where(Purchase.account_id == bindparam("of_account"), _SHOWN)
    .order_by(*_NEWEST_FIRST)
    .limit(bindparam("most"))
)
_NEED_WORDS = or_(Purchase.returned_minor > 0, Purchase.disputed_minor > 0, Purchase.state == "quarantined")
_TOLD = (
    _OWN.where(or_(Purchase.id.in_(_NEWEST_IDS.scalar_subquery()), _NEED_WORDS))
    .order_by(*_NEWEST_FIRST)
    .limit(TOLD_AT_MOST)
)
_NAMED = _OWN.where(Purchase.id.in_(bindparam("ids", expanding=True)))


def purchases(session: Session, account_id: int, *, limit: int, now: dt.datetime) -> list[Purchase]:
    """The account's newest purchases, without those that expired unpaid and are a day old."""
    return list(session.scalars(_NEWEST, {"of_account": account_id, "since": now - FADES_AFTER, "most": limit}))


def purchases_to_tell(session: Session, account_id: int, *, limit: int, now: dt.datetime) -> list[Purchase]:
    """The account's newest purchases as `purchases` gives them, and after them every older one with something to tell.

    That is: those whose money was asked back, and those that wait for a person. One query, newest first.
    """
    return list(session.scalars(_TOLD, {"of_account": account_id, "since": now - FADES_AFTER, "most": limit}))


def purchases_promised(session: Session, account_id: int) -> list[Purchase]:
    """The account's paid purchases of which a refund could be asked for once, the newest first, at most 100."""
    promised = (Purchase.account_id == account_id, Purchase.state == "paid", Purchase.refund_days > 0)
    return list(session.scalars(select(Purchase).where(*promised).order_by(*_NEWEST_FIRST).limit(TOLD_AT_MOST)))


def purchase(session: Session, account_id: int, purchase_id: str) -> Purchase | None:
    """The account's purchase of this id; None for whatever can't be an id."""
    return session.get(Purchase, (account_id, purchase_id)) if OBJECT_ID.fullmatch(purchase_id) else None


def purchases_of(session: Session, account_id: int, purchase_ids: Collection[str]) -> list[Purchase]:
    """The account's purchases of these ids, in no order."""
    return list(session.scalars(_NAMED, {"of_account": account_id, "ids": list(purchase_ids)}))


def purchase_ids_called(session: Session, account_id: int, text: str) -> list[str]:
    """The ids of the account's newest purchases (at most 100) whose pack is called like this, or whose reference is."""
    is_called = func.lower(Purchase.pack_name).contains(text.lower(), autoescape=True)
    chosen = select(Purchase.id).where(
        Purchase.account_id == account_id, or_(is_called, Purchase.reference == text.upper())
    )
    return list(session.scalars(chosen.order_by(Purchase.opened_at.desc(), Purchase.id).limit(CALLED_AT_MOST)))


def purchase_of_session(session: Session, account_id: int, session_id: str) -> Purchase | None:
    """The account's purchase that is paid in this Checkout Session; None for whatever can't be an id."""
    if not OBJECT_ID.fullmatch(session_id):
        return None
    return session.scalar(select(Purchase).where(Purchase.account_id == account_id, Purchase.session_id == session_id))


def simulated_grants(session: Session) -> int:
    """How many paid purchases were paid in simulation: credits that nobody gave money for."""
    paid = select(func.count()).where(Purchase.stripe_mode == "simulated", Purchase.state == "paid")
    return session.scalar(paid) or 0


def quarantined(session: Session) -> list[Purchase]:
    """Every purchase that waits for a person, the oldest first: for operators, of all accounts."""
    return list(session.scalars(select(Purchase).where(Purchase.state == "quarantined").order_by(Purchase.opened_at)))
