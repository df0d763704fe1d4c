"""The customer portal as the customer sees it: plans, card, invoices, and the way back to the app. Forms only."""

from dataclasses import dataclass

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.simulator import methods
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import Happening
from webapp.simulator.lists import read_objects
from webapp.simulator.pages import chosen
from webapp.simulator.portal.plans import (
    Plan,
    is_living,
    other_plans,
    plan_of_price,
    planned_plan,
    preview,
    switch,
)
from webapp.simulator.portal.visits import SAID, Visit, finish, in_portal, is_stale, part_of_flow, seen_of
from webapp.simulator.store import Json, State
from webapp.simulator.subscription_pages import blueprint
from webapp.simulator.subscriptions import cancel, card_of, change_card, planned_switch, resume, subscriptions_of
from webapp.simulator.subscriptions.objects import period_of

__all__ = ["blueprint"]

CARDS = (
    (methods.SUCCEEDS, "Pays", "Card 4242 4242 4242 4242"),
    (methods.FAILS_LATER, "Can be added, then fails", "Card 4000 0000 0000 0341: the next payment is declined"),
    (methods.ASKS_EACH_TIME, "The bank asks each time", "Card 4000 0027 6000 3184: a renewal waits for its holder"),
    (methods.DECLINED, "Is declined", "Card 4000 0000 0000 0002: can’t be added"),
)
LAST4S = tuple(last4 for last4, *_ in CARDS)
ENDS = ("at_period_end", "immediately")
END_WORDS = {
    "at_period_end": ("With its period", "What was paid for can be used until then"),
    "immediately": ("Now", "What was paid is not given back"),
}
SHOWN_INVOICES = 12


@dataclass(frozen=True)
class Card:
    """One subscription as the front page shows it."""

    subscription: Json
    plan: Plan
    planned: Plan | None
    ends_at: int
    seen: str
    has_others: bool


@blueprint.get("/p/session/<session_id>")
@in_portal
def portal(visit: Visit) -> ResponseReturnValue:
    """The front page; a deep link goes on to its part, and says that it was done when it was."""
    if visit.flow:
        return redirect(part_of_flow(visit, visit.flow), 303)
    flow = visit.session["flow"]
    if flow and flow["after_completion"]["type"] != "portal_homepage":
        return visit.page("done", after=flow["after_completion"], done_words=SAID.get(str(visit.done)))
    with visit.client.store.reading() as state:
        living = [one for one in subscriptions_of(state, visit.customer["id"]) if is_living(one)]
        return visit.page(
            "front",
            cards=[_card(state, visit, one) for one in living],
            method=_method(state, visit.customer, living),
            invoices=_invoices(state, visit.customer["id"]),
        )


@blueprint.get("/p/session/<session_id>/switch/<subscription_id>")
@in_portal
def portal_switch(visit: Visit, subscription_id: str) -> ResponseReturnValue:
    """The plans to choose from; with `price` what that one comes to, and the button."""
    visit.require("subscription_update")
    subscription = visit.subscription(subscription_id)
    if not is_living(subscription):
        return redirect(url_for(".portal", session_id=visit.id, said="nothing"), 303)
    with visit.client.store.reading() as state:
        present = plan_of_price(state, subscription["items"]["data"][0]["price"])
        plans = other_plans(state, visit.configuration, subscription)
        seen = seen_of(state, subscription)
    price_id = request.args.get("price")
    if price_id not in {plan.price_id for plan in plans}:
        return visit.page("switch", subscription=subscription, present=present, plans=plans)
    now = visit.client.now()
    change = preview(visit.client.store, visit.configuration, subscription, str(price_id), now=now)
    return visit.page("confirm", subscription=subscription, present=present, change=change, seen=seen)


@blueprint.post("/p/session/<session_id>/switch/<subscription_id>")
@in_portal
def switch_in_portal(visit: Visit, subscription_id: str) -> ResponseReturnValue:
    """Change to the plan of `price`; the present one takes back a change that was planned."""
    visit.require("subscription_update")
    present = visit.subscription(subscription_id)
    has_now, price_id = present["items"]["data"][0]["price"]["id"], request.form.get("price", "")
    with visit.client.store.writing() as state:
        subscription = state.load("subscription", subscription_id)
        allowed = {has_now, *(plan.price_id for plan in other_plans(state, visit.configuration, subscription))}
        if price_id not in allowed:
            abort(400)
        if is_stale(state, subscription):
            return finish(visit, "subscription_update", "nothing")
        happening = Happening(state, visit.client.now())
        switch(happening, visit.configuration, subscription_id, price_id)
        is_planned = planned_switch(happening, subscription_id) is not None
    said = "planned" if is_planned else "kept" if price_id == has_now else "switched"
    return finish(visit, "subscription_update", said)


@blueprint.get("/p/session/<session_id>/cancel/<subscription_id>")
@in_portal
def portal_cancel(visit: Visit, subscription_id: str) -> ResponseReturnValue:
    """When the plan shall end; first what the configuration has."""
    visit.require("subscription_cancel")
    subscription = visit.subscription(subscription_id)
    if not is_living(subscription):
        return redirect(url_for(".portal", session_id=visit.id, said="nothing"), 303)
    mode = visit.configuration["features"]["subscription_cancel"]["mode"]
    ends = sorted(ENDS, key=lambda end: end != mode)
    with visit.client.store.reading() as state:
        return visit.page(
            "cancel",
            subscription=subscription,
            plan=plan_of_price(state, subscription["items"]["data"][0]["price"]),
            ends_at=period_of(subscription)[1],
            ends=[(end, *END_WORDS[end]) for end in ends],
            seen=seen_of(state, subscription),
        )


@blueprint.post("/p/session/<session_id>/cancel/<subscription_id>")
@in_portal
def cancel_in_portal(visit: Visit, subscription_id: str) -> ResponseReturnValue:
    """End the plan: `end=at_period_end` or `immediately`."""
    visit.require("subscription_cancel")
    end = chosen("end", ENDS)
    visit.subscription(subscription_id)
    with visit.client.store.writing() as state:
        if is_stale(state, state.load("subscription", subscription_id)):
            return finish(visit, "subscription_cancel", "nothing")
        cancel(Happening(state, visit.client.now()), subscription_id, at_period_end=end == "at_period_end")
    return finish(visit, "subscription_cancel", "ends" if end == "at_period_end" else "ended")


@blueprint.post("/p/session/<session_id>/resume/<subscription_id>")
@in_portal
def resume_in_portal(visit: Visit, subscription_id: str) -> ResponseReturnValue:
    """Take back a planned end."""
    visit.require("subscription_cancel")
    visit.subscription(subscription_id)
    with visit.client.store.writing() as state:
        subscription = state.load("subscription", subscription_id)
        if is_stale(state, subscription) or not subscription["cancel_at_period_end"]:
            return finish(visit, "subscription_cancel", "nothing")
        resume(Happening(state, visit.client.now()), subscription_id)
    return redirect(url_for(".portal", session_id=visit.id, said="resumed"), 303)


@blueprint.get("/p/session/<session_id>/card")
@in_portal
def portal_card(visit: Visit) -> ResponseReturnValue:
    """Another card, among the test cards."""
    visit.require("payment_method_update")
    return _card_page(visit)


@blueprint.post("/p/session/<session_id>/card")
@in_portal
def change_card_in_portal(visit: Visit) -> ResponseReturnValue:
    """Change the card of the customer and of every plan."""
    visit.require("payment_method_update")
    last4 = chosen("last4", LAST4S)
    try:
        with visit.client.store.writing() as state:
            if is_stale(state, state.load("customer", visit.customer["id"])):
                return finish(visit, "payment_method_update", "nothing")
            change_card(Happening(state, visit.client.now()), visit.customer["id"], last4)
    except StripeRefusal as refusal:
        return _card_page(visit, error=refusal.message), 400
    return finish(visit, "payment_method_update", "card")


def _card_page(visit: Visit, *, error: str | None = None) -> str:
    with visit.client.store.reading() as state:
        return visit.page("card", cards=CARDS, seen=seen_of(state, visit.customer), error=error)


def _card(state: State, visit: Visit, subscription: Json) -> Card:
    return Card(
        subscription=subscription,
        plan=plan_of_price(state, subscription["items"]["data"][0]["price"]),
        planned=planned_plan(Happening(state, 0), subscription),
        ends_at=period_of(subscription)[1],
        seen=seen_of(state, subscription),
        has_others=bool(other_plans(state, visit.configuration, subscription)),
    )


def _method(state: State, customer: Json, living: list[Json]) -> Json | None:
    """The card that pays: that of the first plan, else the customer's own."""
    if living:
        return card_of(state, living[0])
    return state.find("payment_method", customer["invoice_settings"]["default_payment_method"])


def _invoices(state: State, customer_id: str) -> list[Json]:
    tail = f"type = 'invoice' AND json_extract(json, '$.customer') = ? ORDER BY seq DESC LIMIT {SHOWN_INVOICES}"
    return [invoice for _, invoice in read_objects(state, tail, customer_id) if invoice["status"] != "draft"]
