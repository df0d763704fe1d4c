"""Acts on how somebody comes in: their role, and where they are signed in. Each in the caller's transaction."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from webapp.operators.acts import Act, Asked, Facts, perform
from webapp.operators.errors import InvalidChoice, LastAdmin, NobodySignsIn, NothingToDo
from webapp.people.browsers import sign_out_browsers
from webapp.people.hosts import user_of_account
from webapp.people.models import ROLES, LoginLink, SignedInBrowser, User

ADMIN = "admin"


def set_role(session: Session, asked: Asked, *, role: str) -> Act:
    """Give the account's user another role, which begins with a new sign-in: they are signed out everywhere.

    Locks the account, then the rows of all admins, so that of two who let each other go one stays. Raises
    InvalidChoice, NobodySignsIn, NothingToDo, LastAdmin, and what `perform` raises.
    """
    if role not in ROLES:
        raise InvalidChoice(f"Choose one of {', '.join(ROLES)}.", field="role")
    user_id = _user_id(session, asked)

    def change() -> Sequence[int]:
        locked = select(User.id).where(User.role == ADMIN).order_by(User.id).with_for_update()
        admins = session.scalars(locked.execution_options(populate_existing=True)).all()
        present = session.scalar(select(User.role).where(User.id == user_id))
        if present == role:
            raise NothingToDo(f"They have the role {role} already.")
        if present == ADMIN and set(admins) == {user_id}:
            raise LastAdmin
        session.execute(update(User).where(User.id == user_id).values(role=role))
        _sign_out(session, user_id)
        return []

    def look() -> Facts:
        return {"role": session.scalar(select(User.role).where(User.id == user_id))} | _browsers(
            session, user_id, asked
        )

    return perform(session, asked, "role", {"role": role}, look=look, change=change)


def sign_out_everywhere(session: Session, asked: Asked) -> Act:
    """End every sign-in of the account's user, and every login link that is on its way to them.

    Locks the account. Raises NobodySignsIn, and what `perform` raises.
    """
    user_id = _user_id(session, asked)

    def change() -> Sequence[int]:
        _sign_out(session, user_id)
        return []

    return perform(session, asked, "sign_out", {}, look=lambda: _browsers(session, user_id, asked), change=change)


def _user_id(session: Session, asked: Asked) -> int:
    user = user_of_account(session, asked.account_id)
    if user is None:
        raise NobodySignsIn("Nobody signs in to this account.")
    return user.id


def _sign_out(session: Session, user_id: int) -> None:
    sign_out_browsers(session, user_id)
    session.execute(delete(LoginLink).where(LoginLink.user_id == user_id))


def _browsers(session: Session, user_id: int, asked: Asked) -> Facts:
    living = (SignedInBrowser.user_id == user_id, SignedInBrowser.ends_at > asked.now)
    return {"browsers": session.scalar(select(func.count()).select_from(SignedInBrowser).where(*living)) or 0}
