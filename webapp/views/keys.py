"""API keys in the settings: pages of their own. Plain forms: 303 when it worked, 422 with what was typed.

A secret stands in the answer to the form that made it and nowhere else: that answer is a page, not a redirect. Loading
it again sends the form again, which makes nothing (see `form_key`) and leads to the list.
"""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from webapp.extensions import db, transact
from webapp.orm import utc_now
from webapp.people.errors import FormSentBefore, InvalidOverlap, PeopleRefusal, UnknownKey
from webapp.people.keyring import create_key, key_of_account, own_key, rename_key, renew_key, revoke_own_key
from webapp.people.models import ApiKey
from webapp.views.spend_controls import is_question, limits_of_key
from webapp.web.gate import signed_in_only
from webapp.web.limits import key_limit
from webapp.web.logs import log
from webapp.web.pages import keys as page
from webapp.web.pages.keys import KeyForm
from webapp.web.pages.reader import present_reader

bp = Blueprint("keys", __name__, url_prefix="/dashboard/settings/keys")

LONGEST_FORM_KEY = 64
T = TypeVar("T")


@bp.get("", endpoint="keys")
@signed_in_only
def keys_page() -> ResponseReturnValue:
    """Every living key of the account, and the form for one more."""
    return render_template("keys/keys.html", **page.keys(present_reader()))


@bp.get("/<int:key_id>", endpoint="key")
@signed_in_only
def key_page(key_id: int) -> ResponseReturnValue:
    """One key: renaming, renewing and revoking it. Another account's key answers as a missing one."""
    return render_template("keys/key.html", **page.key(present_reader(), key_id))


@bp.get("/<int:key_id>/revoke", endpoint="confirm")
@signed_in_only
def confirm_page(key_id: int) -> ResponseReturnValue:
    """Asks before a key is revoked, where no script can ask in a dialog."""
    return render_template("keys/revoke.html", **page.key(present_reader(), key_id))


@bp.get("/<int:key_id>/<any(name, limits, renew):form>", endpoint="back")
@signed_in_only
def back(key_id: int, form: str) -> ResponseReturnValue:  # noqa: ARG001  # all lead to the same page
    """A form's own address, asked for again: to the key's page."""
    return redirect(url_for(".key", key_id=key_id), 303)


@bp.post("", endpoint="create")
@signed_in_only
@key_limit
def create() -> ResponseReturnValue:
    """Make a key and show its secret, in this answer alone."""
    account_id, form_key, now = current_user.account_id, _form_key(), utc_now()
    typed = KeyForm(request.form.get("name", ""), frozenset(request.form.getlist("scopes")))

    def work(session: Session) -> tuple[int, str]:
        key, secret = create_key(
            session, account_id=account_id, name=typed.name, scopes=typed.scopes, form_key=form_key, now=now
        )
        return key.id, secret

    try:
        key_id, secret = transact(work)
    except FormSentBefore:
        return _sent_before()
    except PeopleRefusal as refusal:
        refused = KeyForm(typed.name, typed.scopes, (refusal,))
        return make_response(render_template("keys/keys.html", **page.keys(present_reader(), refused)), 422)
    return _secret_page(key_id, secret, is_new=True)


@bp.post("/<int:key_id>/renew", endpoint="renew")
@signed_in_only
@key_limit
def renew(key_id: int) -> ResponseReturnValue:
    """Give a key a new secret and show it, in this answer alone."""
    change = partial(renew_key, overlap=_overlap(), form_key=_form_key(), now=utc_now())
    try:
        secret = _changed(key_id, change)
    except FormSentBefore:
        return _sent_before()
    return _secret_page(key_id, secret, is_new=False)


@bp.post("/<int:key_id>/name", endpoint="rename")
@signed_in_only
def rename(key_id: int) -> ResponseReturnValue:
    """Call a key something else."""
    name = request.form.get("name", "")
    try:
        _changed(key_id, lambda _, key: rename_key(key, name=name))
    except UnknownKey:
        raise
    except PeopleRefusal as refusal:
        refused = KeyForm(name, refusals=(refusal,))
        return make_response(render_template("keys/key.html", **page.key(present_reader(), key_id, refused)), 422)
    flash("Saved", "key")
    return redirect(url_for(".key", key_id=key_id), 303)


@bp.post("/<int:key_id>/limits", endpoint="limit")
@signed_in_only
def limit(key_id: int) -> ResponseReturnValue:
    """Set what a key may spend. 409 where that would pause what uses it at once, and nobody has said that it may."""
    form = limits_of_key(key_id)
    if form.refusals:
        drawn = render_template("keys/key.html", **page.key(present_reader(), key_id, limits=form))
        return make_response(drawn, 409 if is_question(form) else 422)
    log.info("key", outcome="limited", key_id=key_id)
    flash(form.done, "key limits")
    return redirect(url_for(".key", key_id=key_id, _anchor="limits"), 303)


@bp.post("/<int:key_id>/revoke", endpoint="revoke")
@signed_in_only
def revoke(key_id: int) -> ResponseReturnValue:
    """Let a key open nothing from now on."""
    account_id, now = current_user.account_id, utc_now()
    name = transact(lambda session: revoke_own_key(session, account_id, key_id, now=now).name)
    log.info("key", outcome="revoked", key_id=key_id)
    flash(f"Revoked “{name}”. Nothing opens with it any more.", "keys ok")
    return redirect(url_for(".keys"), 303)


def _changed(key_id: int, change: Callable[[Session, ApiKey], T]) -> T:
    """Change the account's own key in one transaction. Raises UnknownKey."""
    account_id = current_user.account_id
    return transact(lambda session: change(session, own_key(session, account_id, key_id)))


def _secret_page(key_id: int, secret: str, *, is_new: bool) -> ResponseReturnValue:
    reader = present_reader()
    log.info("key", outcome="made" if is_new else "renewed", key_id=key_id)
    shown = key_of_account(db.session(), reader.account_id, key_id, now=reader.now)
    return render_template("keys/secret.html", **page.secret_page(reader, shown, secret, is_new=is_new))


def _sent_before() -> ResponseReturnValue:
    flash("That form was sent before. The secret was shown then, and once only: renew the key if you don't have it.",
          "keys warn")  # fmt: skip
    return redirect(url_for(".keys"), 303)


def _form_key() -> str | None:
    """The one-time key of the form, if it has one that can be stored: what people send by hand may lack it."""
    given = request.form.get("key", "")
    return given if 1 <= len(given) <= LONGEST_FORM_KEY and given.isascii() and given.isprintable() else None


def _overlap() -> dt.timedelta:
    hours = request.form.get("overlap", "")
    if hours not in {str(offered) for offered, _ in page.OVERLAPS}:
        raise InvalidOverlap("Choose from the list when the old secret ends.")
    return dt.timedelta(hours=int(hours))
