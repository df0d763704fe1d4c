"""Looking for people: by e-mail, a purchase's reference, an account's number, the product's own id, or an id of Stripe.

Read only, and each look-up goes by an index: a search costs the same among a hundred thousand people.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, RowMapping, Select, and_, select
from sqlalchemy.orm import Session

from webapp.billing.events import OBJECT_ID
from webapp.billing.models import Purchase, StripeCustomer, WebhookEvent
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.ledger.accounts import is_possible_id
from webapp.ledger.models import Account
from webapp.people.emails import email_key
from webapp.people.hosts import EXTERNAL_ID
from webapp.people.models import HostAccount, User

MOST_CHARACTERS = 255
FOUND_AT_MOST = 25
LAST_CHARACTER = "\U0010ffff"

REFERENCE = re.compile(r"P-[0-9A-Z]{4,8}")


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the list: an account, and who signs in to it, if anybody does."""

    account_id: int
    user_id: int | None
    email: str
    name: str
    role: str
    external_id: str
    is_paused: bool


@dataclass(frozen=True, slots=True)
class People:
    """What a search has found. `exact` are named by their ids, `listed` by how their e-mail begins.

    `next_after` is the user after whom the list goes on, None at its end.
    """

    exact: tuple[Person, ...]
    listed: tuple[Person, ...]
    next_after: int | None

    @property
    def number(self) -> int:
        """How many lines there are."""
        return len(self.exact) + len(self.listed)


Found = Select[int] | Select[int | None] | None

_PERSON = (
    select(
        Account.id.label("account_id"),
        User.id.label("user_id"),
        User.email,
        User.name,
        User.role,
        HostAccount.external_id,
        Account.spending_paused_at,
    )
    .select_from(Account)
    .outerjoin(HostAccount, HostAccount.account_id == Account.id)
)


def people(session: Session, text: str, *, after: int | None = None, limit: int = FOUND_AT_MOST) -> People:
    """Who is meant by the text: the newest people where it is empty. `after` continues a list.

    An id may be given in full only; an e-mail by how it begins, in any spelling.
    """
    text = text.strip()
    if not text:
        return _page(session, (), (User.id < after,) if after else (), User.id.desc(), limit)
    exact = () if after else _named(session, text)
    key = email_key(text)
    if not key or len(key) > MOST_CHARACTERS or not key.isprintable():
        return People(exact, (), None)
    of_last = select(User.email_key).where(User.id == after).scalar_subquery()
    rest = (User.email_key > of_last,) if after else ()
    return _page(session, exact, (begins_with(session, key), *rest), User.email_key, limit)


def begins_with(session: Session, key: str) -> ColumnElement[bool]:
    """Whose e-mail begins like this, in the form for which each database has an index."""
    if session.get_bind().dialect.name == "postgresql":
        return User.email_key.startswith(key, autoescape=True)
    return and_(User.email_key >= key, User.email_key < key + LAST_CHARACTER)


def _page(
    session: Session, exact: tuple[Person, ...], conditions: Sequence[ColumnElement[bool]], order: object, limit: int
) -> People:
    of_users = _PERSON.join(User, User.account_id == Account.id)
    rows = session.execute(of_users.where(*conditions).order_by(order).limit(limit + 1)).mappings().all()  # type: ignore[arg-type]
    listed = tuple(_person(row) for row in rows[:limit])
    found = {person.account_id for person in exact}
    others = tuple(person for person in listed if person.account_id not in found)
    return People(exact, others, listed[-1].user_id if len(rows) > limit else None)


def _named(session: Session, text: str) -> tuple[Person, ...]:
    """Whom the text names by an id."""
    ids = {account_id for find in _FINDERS for account_id in _ids(session, find(text))}
    if not ids:
        return ()
    of_accounts = _PERSON.outerjoin(User, User.account_id == Account.id).where(Account.id.in_(ids))
    rows = session.execute(of_accounts.order_by(Account.id, User.id).limit(FOUND_AT_MOST)).mappings()
    return tuple(_person(row) for row in rows)


def _ids(session: Session, chosen: Found) -> list[int]:
    if chosen is None:
        return []
    return [account_id for account_id in session.scalars(chosen.limit(FOUND_AT_MOST)) if account_id is not None]


def _by_number(text: str) -> Found:
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and is_possible_id(int(text))):
        return None
    return select(Account.id).where(Account.id == int(text))


def _by_external_id(text: str) -> Found:
    if not EXTERNAL_ID.fullmatch(text):
        return None
    return select(HostAccount.account_id).where(HostAccount.external_id == text)


def _by_reference(text: str) -> Found:
    if not REFERENCE.fullmatch(text.upper()):
        return None
    return select(Purchase.account_id).where(Purchase.reference == text.upper())


def _by_object(text: str) -> Found:
    """By an id of Stripe's, whose beginning says what it is; without one of ours by a purchase's own."""
    if not OBJECT_ID.fullmatch(text):
        return None
    account, column = _OBJECTS.get(text.partition("_")[0], (Purchase.account_id, Purchase.id))
    return select(account).where(column == text)


_OBJECTS = {
    "cus": (StripeCustomer.account_id, StripeCustomer.customer_id),
    "cs": (Purchase.account_id, Purchase.session_id),
    "pi": (Purchase.account_id, Purchase.payment_intent_id),
    "re": (PurchaseRefund.account_id, PurchaseRefund.id),
    "pyr": (PurchaseRefund.account_id, PurchaseRefund.id),
    "dp": (PurchaseDispute.account_id, PurchaseDispute.id),
    "du": (PurchaseDispute.account_id, PurchaseDispute.id),
    "evt": (WebhookEvent.account_id, WebhookEvent.id),
}
_FINDERS: tuple[Callable[[str], Found], ...] = (
    _by_number,
    _by_external_id,
    _by_reference,
    _by_object,
)


def _person(row: RowMapping) -> Person:
    return Person(
        account_id=row["account_id"],
        user_id=row["user_id"],
        email=row["email"] or "",
        name=row["name"] or "",
        role=row["role"] or "",
        external_id=row["external_id"] or "",
        is_paused=row["spending_paused_at"] is not None,
    )
