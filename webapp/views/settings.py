"""Settings: a page of sections. Each is a form and a partial of its own, so that saving one leaves the others alone.

A form is sent to the page's address (303 back to the section, or the page again with 422) or by htmx to the partial's
(the section alone). Both do the same and draw the same.
"""

from collections.abc import Callable

from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    get_flashed_messages,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.extensions import db, transact
from webapp.orm import machine_now, utc_now
from webapp.people.browsers import other_browsers, sign_out_browsers
from webapp.people.changes import Claim, change_email, change_password, set_first_password
from webapp.people.errors import PeopleRefusal, TooManyTries
from webapp.people.looks import Look, look_refusals, set_look
from webapp.people.passwords import NO_PASSWORD
from webapp.views.alert_choices import choose_alerts
from webapp.views.spend_controls import is_question, limits_of_account, pause_or_resume
from webapp.web import gate
from webapp.web.gate import signed_in_only
from webapp.web.limits import email_limit
from webapp.web.logs import log
from webapp.web.pages import settings as page
from webapp.web.pages.forms import Form
from webapp.web.pages.reader import present_reader

bp = Blueprint("settings", __name__)

# What the rest of the page must hear of a saved section.
TRIGGERS = {
    "alerts": "creditsChanged",
    "look": "creditsChanged",
    "limits": "creditsChanged",
    "spending": "creditsChanged",
    "password": "settingsSaved",
}


@bp.get("/dashboard/settings", endpoint="settings")
@signed_in_only
def settings_page() -> ResponseReturnValue:
    """Every section as it is stored; beside the one that was just saved it says so."""
    told = ((name, done) for name in SAVERS for done in get_flashed_messages(category_filter=(saved(name),)))
    forms = {name: Form(done=str(done)) for name, done in told}
    return render_template("settings/settings.html", **page.settings(present_reader(), forms))


@bp.get("/dashboard/settings/<section>")
@signed_in_only
def section(section: str) -> ResponseReturnValue:
    """A form's own address, asked for again: to its section of the page, or a missing page's 404."""
    if section not in page.SECTIONS:
        abort(404)
    return _to_section(section)


def _to_section(name: str) -> ResponseReturnValue:
    return redirect(url_for(".settings", _anchor=f"settings-{name}"), 303)


def save_look() -> Form:
    """Theme, region, style of numbers and time zone; all or nothing."""
    look = Look(**{name: request.form.get(name, "") for name in Look.__dataclass_fields__})
    refusals = look_refusals(look)
    if refusals:
        return Form(request.form, refusals)
    user_id = current_user.id
    transact(lambda storage: set_look(storage, user_id, look))
    return Form(done="Saved")


@email_limit
def save_email() -> Form:
    """Another address to sign in with."""
    change_email(_claim(), email=request.form.get("email", ""))
    return Form(done="Saved")


def save_password() -> Form:
    """Another password, or the first: this browser goes on with a new secret, every other one is signed out."""
    is_kept, password = session.permanent, request.form.get("password", "")
    if current_user.password_hash == NO_PASSWORD:
        user_id, here = current_user.id, gate.carried_secret() or ""
        secret = set_first_password(user_id, browser_secret=here, password=password, is_kept=is_kept, now=utc_now())
    else:
        secret = change_password(_claim(), password=password, is_kept=is_kept)
    gate.carry_secret(secret, is_kept=is_kept)
    return Form(done="Saved. Every other device was signed out.")


def save_browsers() -> Form:
    """Sign out everywhere else."""
    user_id, secret = current_user.id, gate.carried_secret() or ""
    others = other_browsers(db.session(), user_id, but_secret=secret, now=machine_now())
    transact(lambda storage: sign_out_browsers(storage, user_id, but_secret=secret))
    return Form(done=f"Signed out {others} other {'device' if others == 1 else 'devices'}.")


def saved(name: str) -> str:
    """The kind of a section's message to the page that is shown next."""
    return f"saved {name}"


def _claim() -> Claim:
    return Claim(
        user_id=current_user.id,
        present=request.form.get("present", ""),
        address=request.remote_addr,
        throttle_secret=str(current_app.secret_key),
        now=utc_now(),
    )


def _saved(name: str, save: Callable[[], Form]) -> Form:
    """Save, or the form with the reason why not. Who is asking is looked up anew afterwards."""
    try:
        form = save()
    except PeopleRefusal as refusal:
        form = Form(request.form, (refusal,))
    gate.look_again()
    log.info("settings", section=name, outcome=form.refusals[0].code if form.refusals else "saved")
    return form


def _page_route(name: str, save: Callable[[], Form]) -> Callable[[], ResponseReturnValue]:
    def answer() -> ResponseReturnValue:
        form = _saved(name, save)
        if form.refusals:
            context = page.settings(present_reader(), {name: form})
            return _refused(render_template("settings/settings.html", **context), form)
        flash(form.done, saved(name))
        return _to_section(name)

    return answer


def _partial_route(name: str, save: Callable[[], Form]) -> Callable[[], ResponseReturnValue]:
    def answer() -> ResponseReturnValue:
        form = _saved(name, save)
        context = page.SECTIONS[name](present_reader(), form)
        drawn = render_template(f"settings/_settings_{name}.html", **context)
        if form.refusals:
            return _refused(drawn, form)
        said = render_template("settings/_said.html", **context, section=name, done=form.done)
        response = make_response(drawn + said)
        if name in TRIGGERS:
            response.headers["HX-Trigger-After-Settle"] = TRIGGERS[name]
        return response

    return answer


def _refused(drawn: str, form: Form) -> ResponseReturnValue:
    """A refused form: 422, 409 where it only has to be confirmed, or 429 with the time to wait."""
    response = make_response(drawn, 409 if is_question(form) else 422)
    for refusal in form.refusals:
        if isinstance(refusal, TooManyTries):
            response.status_code = 429
            response.headers["Retry-After"] = str(refusal.wait_seconds)
    return response


def _section_route(name: str) -> Callable[[], ResponseReturnValue]:
    def answer() -> ResponseReturnValue:
        return render_template(f"settings/_settings_{name}.html", **page.SECTIONS[name](present_reader()))

    return answer


def _add_section(name: str, save: Callable[[], Form] | None) -> None:
    """A section's own address, and where its form is sent to, if it has one."""
    bp.add_url_rule(f"/partials/settings/{name}", name, signed_in_only(_section_route(name)))
    if save:
        sent_plain, sent_by_htmx = signed_in_only(_page_route(name, save)), signed_in_only(_partial_route(name, save))
        bp.add_url_rule(f"/dashboard/settings/{name}", f"save_{name}", sent_plain, methods=["POST"])
        bp.add_url_rule(f"/partials/settings/{name}", f"swap_{name}", sent_by_htmx, methods=["POST"])


SAVERS = {
    "limits": limits_of_account,
    "spending": pause_or_resume,
    "alerts": choose_alerts,
    "look": save_look,
    "email": save_email,
    "password": save_password,
    "browsers": save_browsers,
}

for _name in page.SECTIONS:
    _add_section(_name, SAVERS.get(_name))
