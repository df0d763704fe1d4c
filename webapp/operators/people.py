"""One person as operators see them: who signs in to an account, and by which names it is known. Read only."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.billing.models import StripeCustomer
from webapp.ledger.accounts import is_possible_id
from webapp.ledger.models import Account
from webapp.people.models import HostAccount, SignedInBrowser, User


@dataclass(frozen=True, slots=True)
class Profile:
    """An account with its people, the first first. `customers` are its ids at Stripe, by mode."""

    account_id: int
    users: tuple[User, ...]
    external_id: str
    customers: tuple[tuple[str, str], ...]
    time_zone: str
    spending_paused_at: dt.datetime | None
    owner_paused_at: dt.datetime | None
    created_at: dt.datetime

    @property
    def user(self) -> User | None:
        """The person whose account it is: the first, where several share it."""
        return self.users[0] if self.users else None

    @property
    def called(self) -> str:
        """The name by which operators speak of it."""
        if self.user:
            return self.user.email
        return self.external_id or f"Account {self.account_id}"


_ACCOUNT = (
    select(
        Account.time_zone,
        Account.spending_paused_at,
        Account.owner_paused_at,
        Account.created_at,
        HostAccount.external_id,
    )
    .select_from(Account)
    .outerjoin(HostAccount, HostAccount.account_id == Account.id)
)


def profile(session: Session, account_id: int) -> Profile | None:
    """Who and what an account is, or None. Three queries."""
    if not is_possible_id(account_id):
        return None
    row = session.execute(_ACCOUNT.where(Account.id == account_id)).one_or_none()
    if row is None:
        return None
    users = session.scalars(select(User).where(User.account_id == account_id).order_by(User.id))
    customers = session.execute(
        select(StripeCustomer.stripe_mode, StripeCustomer.customer_id)
        .where(StripeCustomer.account_id == account_id)
        .order_by(StripeCustomer.stripe_mode)
    )
    return Profile(
        account_id=account_id,
        users=tuple(users),
        external_id=row.external_id or "",
        customers=tuple((mode, customer_id) for mode, customer_id in customers),
        time_zone=row.time_zone,
        spending_paused_at=row.spending_paused_at,
        owner_paused_at=row.owner_paused_at,
        created_at=row.created_at,
    )


def browsers_of(session: Session, account_id: int, *, now: dt.datetime, limit: int) -> list[SignedInBrowser]:
    """Where the account's people are signed in at this moment, the newest first."""
    of_account = select(SignedInBrowser).join(User, User.id == SignedInBrowser.user_id)
    living = of_account.where(User.account_id == account_id, SignedInBrowser.ends_at > now)
    return list(session.scalars(living.order_by(SignedInBrowser.signed_in_at.desc()).limit(limit)))
