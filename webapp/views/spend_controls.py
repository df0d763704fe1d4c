"""What the forms of spend controls do: setting limits, of the account or of one key, and pausing all spending."""

from collections.abc import Callable

from flask import request
from flask_login import current_user
from sqlalchemy.orm import Session

from webapp.errors import Refusal
from webapp.extensions import parts, transact
from webapp.ledger.operations import lock_account, pause_as_owner, resume_as_owner
from webapp.orm import utc_now
from webapp.people.keyring import own_key
from webapp.web.pages.forms import Form
from webapp.web.pages.reader import present_reader
from webapp.web.spend_limits import LimitForm, LimitsRefused, WouldPause, save_limits

PAUSES = {"pause": "Paused. Nothing is spent until you resume.", "resume": "Spending goes on."}


class UnknownAct(Refusal):
    """The form names neither pausing nor resuming."""

    code = "unknown_act"


def limits_of_account() -> Form:
    """Set the limits of the whole account, all of them or none."""
    return _limits(0, lambda _: None)


def limits_of_key(key_id: int) -> Form:
    """Set the limits of one key. Raises UnknownKey for one that is not the account's own, or was revoked."""
    account_id = current_user.account_id
    return _limits(key_id, lambda session: own_key(session, account_id, key_id))


def pause_or_resume() -> Form:
    """Pause all spending as the account's owner, or end that pause. An operator's is theirs to end."""
    account_id, act, now = current_user.account_id, request.form.get("act", ""), utc_now()
    if act not in PAUSES:
        return Form(request.form, (UnknownAct("Choose whether to pause spending or to resume it."),))
    if act == "pause":
        transact(lambda session: pause_as_owner(session, account_id, now=now))
    else:
        transact(lambda session: resume_as_owner(session, account_id))
    return Form(done=PAUSES[act])


def is_question(form: Form) -> bool:
    """Whether nothing is wrong with a form but that it would pause usage at once, which it doesn't say it may."""
    return bool(form.refusals) and all(isinstance(one, WouldPause) for one in form.refusals)


def _limits(key_id: int, check: Callable[[Session], object]) -> Form:
    account_id, now = current_user.account_id, utc_now()
    form = LimitForm(request.form, key_id, parts().catalog, present_reader().locale)

    def work(session: Session) -> None:
        lock_account(session, account_id)  # before the key's row, as everywhere
        check(session)
        save_limits(session, account_id, form, now=now)

    try:
        transact(work)
    except LimitsRefused as refused:
        return Form(request.form, refused.reasons)
    return Form(done="Saved")
