"""One subscription's page in the control room: its state, its invoices, and everything that can become of it.

What is done here is done by time, in Stripe's dashboard and by the buyer's bank: the app hears of it by webhook.
"""

from collections.abc import Callable

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.simulator import records
from webapp.simulator.choices import (
    CARD_CHOICES,
    RENEWAL_COURSES,
    SUBSCRIPTION_CHIPS,
    WHEN_CHOICES,
    acts_of,
    invoice_acts_of,
)
from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.invoice_pages import blueprint
from webapp.simulator.pages import chosen, stripe_client
from webapp.simulator.payments import SAID
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions import COURSES, WHENS, card_of, invoices_of
from webapp.simulator.subscriptions.schedules import planned_price
from webapp.simulator.words import day, rhythm_words, sum_words

__all__ = ["blueprint"]

# What each button does, by its name.
ACTS: dict[str, Callable[[SimulatedHTTPClient, str], Json]] = {
    "cancel": lambda client, one: client.cancel(one, at_period_end=False),
    "cancel_later": lambda client, one: client.cancel(one, at_period_end=True),
    "resume": lambda client, one: client.resume(one),
    "pause": lambda client, one: client.pause_collection(one),
    "resume_collection": lambda client, one: client.resume_collection(one),
    "canceled": lambda client, one: client.give_up(one, "canceled"),
    "unpaid": lambda client, one: client.give_up(one, "unpaid"),
}


@blueprint.get("/subscriptions/<subscription_id>")
def subscription(subscription_id: str) -> str:
    """One subscription, with its invoices and the buttons."""
    return _page(subscription_id)


@blueprint.post("/subscriptions/<subscription_id>/renew")
def renew(subscription_id: str) -> Response:
    """End the present period, or the trial: `course=paid`, `failed`, `asks`."""
    course = chosen("course", COURSES)
    return _done(subscription_id, lambda client: client.renew(subscription_id, course))


@blueprint.post("/subscriptions/<subscription_id>/act")
def act_on_subscription(subscription_id: str) -> Response:
    """Cancel, take back, pause, give up: the `act` of `choices.acts_of`."""
    act = chosen("act", tuple(ACTS))
    return _done(subscription_id, lambda client: ACTS[act](client, subscription_id))


@blueprint.post("/subscriptions/<subscription_id>/switch")
def switch_subscription(subscription_id: str) -> Response | tuple[str, int]:
    """Change the plan to the `price`: `when=now` or `period_end`."""
    when, price_id = chosen("when", WHENS), request.form.get("price", "")
    try:
        return _done(subscription_id, lambda client: client.switch_plan(subscription_id, price_id, when=when))
    except StripeRefusal as refusal:
        return _page(subscription_id, error=refusal.message), 400


@blueprint.post("/subscriptions/<subscription_id>/card")
def change_subscription_card(subscription_id: str) -> Response:
    """Another card for the customer: `last4` of one of Stripe's test cards."""
    last4 = chosen("last4", tuple(last4 for last4, _ in CARD_CHOICES))
    customer_id = _required(subscription_id)["customer"]
    return _done(subscription_id, lambda client: client.change_card(customer_id, last4))


def _done(subscription_id: str, do: Callable[[SimulatedHTTPClient], Json]) -> Response:
    """Do it, unless the page that asked for it shows what is not so any more."""
    is_stale = request.form.get("seen") != _seen(_required(subscription_id))
    if not is_stale:
        do(stripe_client())
    said = "nothing" if is_stale else "done"
    return redirect(url_for(".subscription", subscription_id=subscription_id, said=said), 303)


def _page(subscription_id: str, *, error: str | None = None) -> str:
    client = stripe_client()
    found = _required(subscription_id)
    with client.store.reading() as state:
        invoices = invoices_of(state, subscription_id)[::-1]
        customer = state.load("customer", found["customer"])
        card = None if "deleted" in customer else card_of(state, found)
        prices = _prices(state, found)
        switch = state.find("price", planned_price(state, found))
        name = _name(state, found["items"]["data"][0]["price"])
        switch_name = switch and _name(state, switch)
    return render_template(
        "simulator/subscription.html",
        subscription=found, item=found["items"]["data"][0], name=name, card=card, customer=customer, prices=prices,
        switch_name=switch_name, acts=acts_of(found), invoices=[(one, invoice_acts_of(one)) for one in invoices],
        seen=_seen(found), courses=RENEWAL_COURSES, whens=WHEN_CHOICES, cards=CARD_CHOICES, chips=SUBSCRIPTION_CHIPS,
        is_out=client.deliveries.is_out, error=error, said=SAID.get(request.args.get("said", "")), day=day,
        rhythm=rhythm_words, moment=records.moment, site=client.site,
    )  # fmt: skip


def _required(subscription_id: str) -> Json:
    with stripe_client().store.reading() as state:
        found = state.find("subscription", subscription_id)
    if found is None:
        abort(404)
    return found


def _seen(found: Json) -> str:
    """What a form was made for: a second click finds it changed."""
    item = found["items"]["data"][0]
    shown = ("status", "latest_invoice", "cancel_at", "default_payment_method")
    pause = found["pause_collection"] is not None
    return "-".join(str(part) for part in (item["current_period_start"], *(found[name] for name in shown), pause))


def _prices(state: State, found: Json) -> list[tuple[str, str]]:
    """Every plan it could have instead, with its price in words."""
    present = found["items"]["data"][0]["price"]["id"]
    return [
        (price["id"], f"{_name(state, price)}, {_price_words(price)}")
        for price in records.recurring_prices(state, found["currency"])
        if price["id"] != present
    ]


def _price_words(price: Json) -> str:
    return f"{sum_words(price['unit_amount'], price['currency'])} {rhythm_words(price['recurring'])}"


def _name(state: State, price: Json) -> str:
    return str(state.load("product", price["product"])["name"])
