"""Sign in, register, sign out. Plain forms: 422 with what was typed (never the password), 303 when it worked."""

from collections.abc import Callable

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session

from webapp.extensions import db, limiter, parts, transact
from webapp.orm import utc_now
from webapp.people.browsers import sign_in_browser, sign_out_browser
from webapp.people.emails import clean_email
from webapp.people.errors import LinkEnded, PeopleRefusal, TooManyTries
from webapp.people.links import is_link, use_login_link
from webapp.people.looks import zone_names
from webapp.people.models import User
from webapp.people.passwords import LEAST_CHARACTERS, RULE, checked_password
from webapp.people.signin import sign_in
from webapp.people.throttle import address_block
from webapp.people.users import clean_name
from webapp.people.users import register as register_user
from webapp.web import gate
from webapp.web.display import credits_number, credits_word
from webapp.web.joining import give_first_month
from webapp.web.limits import link_limit
from webapp.web.logs import log
from webapp.web.return_path import page_name, page_path

bp = Blueprint("auth", __name__)
init_app = gate.init_app

# Each new account may get welcome credits, and each refusal hints at who has one.
REGISTRATIONS = "20 per hour"


@bp.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The sign-in page, and its form."""
    if gate.is_signed_in():
        return redirect(_onward(), 303)
    if request.method != "POST":
        return _sign_in_page()
    is_kept = "remember" in request.form
    try:
        secret = sign_in(
            email=request.form.get("email", ""),
            password=request.form.get("password", ""),
            is_kept=is_kept,
            address=request.remote_addr,
            throttle_secret=str(current_app.secret_key),
            now=utc_now(),
        )
    except PeopleRefusal as refusal:
        log.info("sign-in", outcome=refusal.code)
        return _sign_in_page(refusal)
    log.info("sign-in", outcome="signed_in")
    gate.carry_secret(secret, is_kept=is_kept)
    return redirect(_onward(), 303)


@bp.route("/register", methods=["GET", "POST"])
@limiter.limit(REGISTRATIONS, methods=["POST"], key_func=lambda: address_block(request.remote_addr))
def register() -> ResponseReturnValue:
    """The page to create an account, and its form. Who registers is signed in."""
    if gate.is_signed_in():
        return redirect(_onward(), 303)
    if request.method != "POST":
        return _register_page()
    refusals = _refusals_of_form()
    if refusals:
        return _register_page(*refusals)
    try:
        secret = _register()
    except PeopleRefusal as refusal:
        log.info("registration", outcome=refusal.code)
        return _register_page(refusal)
    log.info("registration", outcome="registered")
    gate.carry_secret(secret, is_kept=False)
    return redirect(_onward(), 303)


@bp.route("/logout", methods=["GET", "POST"])
def logout() -> ResponseReturnValue:
    """Sign out here; other browsers stay signed in. GET changes nothing: it shows the button."""
    if request.method != "POST":
        if not gate.is_signed_in():
            return redirect(url_for("auth.login"), 303)
        return render_template("auth/logout.html", email=current_user.email)
    secret = gate.carried_secret()
    if secret:
        transact(lambda storage: sign_out_browser(storage, secret))
    session.clear()
    return redirect(url_for("auth.login"), 303)


@bp.get("/sign-in/<secret>")
@link_limit
def follow_link(secret: str) -> ResponseReturnValue:
    """A login link: signs its user in, once, and goes on to `next`. Whoever was signed in here is signed out first.

    Only a person's own GET uses it up: browsers that fetch ahead and programs that look ahead must not.
    """
    if request.method == "HEAD" or "Sec-Purpose" in request.headers:
        return make_response("", 503)
    try:
        entered = _follow(secret)
    except LinkEnded as refusal:
        log.info("sign-in", outcome=refusal.code)
        if gate.is_signed_in():
            raise LinkEnded(is_signed_in=True) from None
        return _sign_in_page(refusal)
    log.info("sign-in", outcome="signed_in_by_link")
    gate.carry_secret(entered, is_kept=False)
    return redirect(_onward(), 303)


def _follow(secret: str) -> str:
    if not is_link(db.session(), secret):
        raise LinkEnded
    before, now = gate.carried_secret(), utc_now()

    def work(storage: Session) -> str:
        entered = use_login_link(storage, secret, now=now)
        if before:
            sign_out_browser(storage, before)
        return entered

    return transact(work)


@bp.after_request
def _without_referrer(answer: Response) -> Response:
    """Let no page that a login link answers with tell its address onward: there is a secret in it."""
    if request.endpoint == "auth.follow_link":
        answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _register() -> str:
    form, now = request.form, utc_now()
    welcome_credits, zone = parts().catalog.welcome_credits, _zone_of_device()

    def work(storage: Session) -> User:
        user = register_user(
            storage,
            email=form.get("email", ""),
            password=form.get("password", ""),
            name=form.get("name", ""),
            time_zone=zone,
            welcome_credits=welcome_credits,
            now=now,
        )
        give_first_month(storage, user.account_id, now=now)
        return user

    user = transact(work)
    return transact(lambda storage: sign_in_browser(storage, user.id, is_kept=False, now=now))


def _zone_of_device() -> str:
    """The zone that the browser's script named, if there is such a zone: nobody typed it, so nothing is refused."""
    named = request.form.get("time_zone", "")
    return named if named in zone_names() else "UTC"


def _refusals_of_form() -> tuple[PeopleRefusal, ...]:
    """Every fault of the form at once, so that nobody has to send it three times."""
    form, email = request.form, request.form.get("email", "")
    checks: tuple[Callable[[], str], ...] = (
        lambda: clean_email(email),
        lambda: clean_name(form.get("name", "")),
        lambda: checked_password(form.get("password", ""), email=email),
    )
    refusals = []
    for check in checks:
        try:
            check()
        except PeopleRefusal as refusal:
            refusals.append(refusal)
    return tuple(refusals)


def _sign_in_page(*refusals: PeopleRefusal) -> Response:
    answer = make_response(_page("auth/login.html", refusals), 422 if refusals else 200)
    for refusal in refusals:
        if isinstance(refusal, LinkEnded):
            answer.status_code = 410
        if isinstance(refusal, TooManyTries):
            answer.status_code = 429
            answer.headers["Retry-After"] = str(refusal.wait_seconds)
    return answer


def _register_page(*refusals: PeopleRefusal) -> ResponseReturnValue:
    page = _page("auth/register.html", refusals, rule=RULE, least_characters=LEAST_CHARACTERS)
    return make_response(page, 422 if refusals else 200)


def _page(template: str, refusals: tuple[PeopleRefusal, ...], **context: object) -> str:
    """Draw a form: as new, or with what was typed and why it was refused."""
    onward = page_path(request.values.get("next"))
    return render_template(
        template,
        refusals=refusals,
        typed=request.form,
        next=onward,
        next_name=page_name(onward) if onward else None,
        welcome=_welcome_words(),
        **context,
    )


def _welcome_words() -> str | None:
    """“20 free credits”, if the catalogue gives any to a new account."""
    welcome_credits, unit = parts().catalog.welcome_credits, parts().catalog.unit
    words = f"{credits_number(welcome_credits, unit)} free {credits_word(welcome_credits, unit)}"
    return words.strip() if welcome_credits else None


def _onward() -> str:
    return page_path(request.values.get("next")) or url_for("dashboard.dashboard")
