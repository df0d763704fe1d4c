"""The pages of the simulated Stripe: the hosted checkout, as the buyer sees it. Under `/_stripe/`, loopback only.

The control room is beside it. Everything a page shows is read from the store; buttons post and are answered 303.
"""

import ipaddress
from typing import TypeVar, cast

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.simulator.aftermath import AFTERS
from webapp.simulator.choices import AFTERWARDS, RETURNS, WEBHOOK_CHOICES, WEBHOOKS, choices_of
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.discounts import code_of
from webapp.simulator.events import Sending
from webapp.simulator.intents import intent_of
from webapp.simulator.paying import outcomes_of
from webapp.simulator.sessions import lines_of
from webapp.simulator.settling import expire_due
from webapp.simulator.store import Json, State
from webapp.simulator.terms import terms_of
from webapp.web.display import money

T = TypeVar("T", bound=str)

blueprint = Blueprint("simulator", __name__, url_prefix="/_stripe", static_folder="static")

CONFIRMED_SECONDS = 10  # Stripe's page waits no longer: https://docs.stripe.com/checkout/fulfillment


@blueprint.before_request
def refuse_other_machines() -> None:
    """403 for every peer but this machine, also through a proxy on it."""
    original = request.environ.get("werkzeug.proxy_fix.orig", {})
    peers = {request.environ.get("REMOTE_ADDR", ""), original.get("REMOTE_ADDR", request.remote_addr or "")}
    if not all(_is_loopback(peer) for peer in peers):
        abort(403)


@blueprint.get("/c/pay/<session_id>")
def checkout(session_id: str) -> str:
    """The hosted page of an open session; of any other it says why it can't be paid."""
    return checkout_page(session_id)


def checkout_page(session_id: str, *, code_error: str | None = None) -> str:
    """Draw the hosted page; `code_error` says why the code that was typed can't be used."""
    session, lines, error = _read(session_id)
    client = stripe_client()
    if session["status"] != "open":
        return render_template("simulator/ended.html", session=session, site=client.site)
    with client.store.reading() as state:
        terms = terms_of(state, session, now=client.now())
        code = code_of(state, session)
    return render_template(
        "simulator/checkout.html", session=session, lines=lines, terms=terms, error=error, site=client.site,
        code=code, code_error=code_error,
        choices=choices_of(session), webhooks=WEBHOOKS, returns=RETURNS, afterwards=AFTERWARDS,
    )  # fmt: skip


@blueprint.post("/c/pay/<session_id>")
def pay(session_id: str) -> Response:
    """Pay with the chosen outcome. A second click on a paid session goes where the first one went."""
    session, *_ = _read(session_id)
    outcome = chosen("outcome", outcomes_of(session))
    webhook = chosen("webhook", WEBHOOK_CHOICES)
    sending = Sending(webhook=webhook, is_twice=request.form.get("duplicate") == "1")
    after = chosen("after", AFTERS)
    return _after_paying(stripe_client().pay(session["id"], outcome, sending=sending, after=after))


@blueprint.get("/c/pay/<session_id>/3ds")
def authentication(session_id: str) -> str | Response:
    """The bank's page of a payment that requires action."""
    session, *_ = _read(session_id)
    if _intent_status(session) != "requires_action":
        return redirect(url_for(".checkout", session_id=session_id), 303)
    closes = request.args.get("return") == "none"
    return render_template("simulator/authentication.html", session=session, closes=closes, site=stripe_client().site)


@blueprint.post("/c/pay/<session_id>/3ds")
def authenticate(session_id: str) -> Response:
    """Answer the bank: `answer=authenticate` or `fail`."""
    session, *_ = _read(session_id)
    answer = chosen("answer", ("authenticate", "fail"))
    return _after_paying(stripe_client().authenticate(session["id"], is_successful=answer == "authenticate"))


@blueprint.get("/c/pay/<session_id>/confirming")
def confirming(session_id: str) -> str | Response | tuple[str, dict[str, str]]:
    """What the buyer sees until the app has answered the webhook, ten seconds at most. Looks again by itself.

    https://docs.stripe.com/checkout/fulfillment
    """
    session, *_ = _read(session_id)
    if session["status"] != "complete":
        return redirect(url_for(".checkout", session_id=session_id), 303)
    back = _success_url(session)
    if _is_told(session_id):
        return redirect(back, 303)
    page = render_template("simulator/confirming.html", session=session, back=back, site=stripe_client().site)
    return page, {"Refresh": "1"}


@blueprint.get("/c/pay/<session_id>/closed")
def closed(session_id: str) -> str:
    """What stands for a closed tab."""
    session, *_ = _read(session_id)
    return render_template("simulator/closed.html", session=session, site=stripe_client().site)


@blueprint.get("/receipts/<charge_id>")
def receipt(charge_id: str) -> str:
    """The receipt of a charge that succeeded."""
    with stripe_client().store.reading() as state:
        charge = state.find("charge", charge_id)
    if charge is None or charge["status"] != "succeeded":
        abort(404)
    return render_template("simulator/receipt.html", charge=charge, site=stripe_client().site)


@blueprint.app_template_filter("sim_money")
def sim_money(amount_minor: int, currency: str) -> str:
    """Money as the app shows it, in the page's language."""
    return money(amount_minor, currency, "en_US")


def stripe_client() -> SimulatedHTTPClient:
    """The simulated Stripe of this application."""
    return cast("SimulatedHTTPClient", current_app.extensions["simulator"])


def chosen(name: str, choices: tuple[T, ...]) -> T:
    """The choice that the form made, the first one when it made none; 400 for anything else."""
    given = request.form.get(name, choices[0])
    if given not in choices:
        abort(400)
    return choices[choices.index(given)]


def _read(session_id: str) -> tuple[Json, list[Json], str | None]:
    client = stripe_client()
    expire_due(client.store, now=client.now())
    with client.store.reading() as state:
        session = state.find("checkout.session", session_id)
        if session is None:
            abort(404)
        intent = intent_of(state, session) or {}
        return session, _lines(state, session_id), (intent.get("last_payment_error") or {}).get("message")


def _lines(state: State, session_id: str) -> list[Json]:
    """Line items, each with what its product says of itself (`1,000 credits`)."""
    lines = lines_of(state, session_id)
    products = [state.load("product", line["price"]["product"]) for line in lines]
    return [
        {**line, "detail": product["description"] or line["description"]}
        for line, product in zip(lines, products, strict=True)
    ]


def _intent_status(session: Json) -> str | None:
    with stripe_client().store.reading() as state:
        intent = intent_of(state, session)
    return intent["status"] if intent else None


def _after_paying(session: Json) -> Response:
    closes = request.form.get("return") == "none"
    if session["status"] == "complete":
        if closes:
            return redirect(url_for(".closed", session_id=session["id"]), 303)
        if _is_page_waiting(session):
            return redirect(url_for(".confirming", session_id=session["id"]), 303)
        return redirect(_success_url(session), 303)
    if _intent_status(session) == "requires_action":
        page = url_for(".authentication", session_id=session["id"])
        return redirect(f"{page}?return=none" if closes else page, 303)
    return redirect(url_for(".checkout", session_id=session["id"]), 303)


def _success_url(session: Json) -> str:
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _is_page_waiting(session: Json) -> bool:
    with stripe_client().store.reading() as state:
        return bool(state.hidden(session["id"])["sending"]["webhook"] == "before")


def _is_told(session_id: str) -> bool:
    """Whether the app has answered that the buyer is through, has had its time to, or will not be told."""
    sql = (
        "SELECT created, EXISTS (SELECT 1 FROM sim_delivery WHERE event_id = sim_event.id AND ended_at IS NULL) "
        "AND NOT is_delivered AS is_waiting "
        "FROM sim_event WHERE object_id = ? AND type = 'checkout.session.completed'"
    )
    with stripe_client().store.reading() as state:
        told = list(state.rows(sql, session_id))
    now = stripe_client().now()
    return not any(row["is_waiting"] and row["created"] + CONFIRMED_SECONDS > now for row in told)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
