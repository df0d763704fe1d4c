"""One customer's visit to the portal: who it is, what may be done, and where they go when something was done.

A form carries what its page was made from, so one that is sent twice does its work once.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webapp.simulator.client import SimulatedHTTPClient
from webapp.simulator.events import Happening
from webapp.simulator.pages import stripe_client
from webapp.simulator.portal.plans import is_living
from webapp.simulator.portal.sessions import FLOWS, is_over
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions import planned_switch
from webapp.simulator.words import day

P = ParamSpec("P")

# What the portal says after a button was pressed.
SAID = {
    "switched": "Your plan was changed.",
    "planned": "Your plan will change with the next period.",
    "kept": "Your plan stays as it is.",
    "ends": "Your plan will end with its period.",
    "ended": "Your plan has ended.",
    "resumed": "Your plan goes on.",
    "card": "Your payment method was changed.",
    "nothing": "Nothing was done: it is not as you saw it any more.",
}


@dataclass(frozen=True)
class Visit:
    """What was read of a session when its page was asked for. `done` is what the deep link was for and was done."""

    client: SimulatedHTTPClient
    session: Json
    configuration: Json
    customer: Json
    done: str | None

    @property
    def id(self) -> str:
        """The session's id."""
        return str(self.session["id"])

    @property
    def flow(self) -> Json | None:
        """The part that a deep link opens, until it is done."""
        flow: Json | None = self.session["flow"]
        return None if self.done else flow

    def require(self, feature: str) -> None:
        """404 for a part that the configuration doesn't have."""
        if not self.allows(feature):
            abort(404)

    def allows(self, feature: str) -> bool:
        """Whether the configuration has this feature."""
        return bool(self.configuration["features"][feature]["enabled"])

    def subscription(self, subscription_id: str) -> Json:
        """A subscription of this customer; 404 for any other."""
        with self.client.store.reading() as state:
            found = state.find("subscription", subscription_id)
        if found is None or found["customer"] != self.customer["id"]:
            abort(404)
        return found

    def page(self, name: str, **context: object) -> str:
        """One page of the portal."""
        return render_template(
            f"simulator/portal/{name}.html", visit=self, site=self.client.site, day=day,
            said=SAID.get(request.args.get("said", "")), **context,
        )  # fmt: skip


def in_portal(view: Callable[Concatenate[Visit, P], ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
    """Give a view the visit of the session in the address; after an hour the portal says that it is closed."""

    @wraps(view)
    def visited(session_id: str, *args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        visit = _visit(session_id)
        if is_over(visit.session, now=visit.client.now()) or "deleted" in visit.customer:
            return visit.page("over")
        return view(visit, *args, **kwargs)

    return visited


def seen_of(state: State, item: Json) -> str:
    """What a form about a subscription or a customer is made from."""
    known: list[object] = [item]
    if item["object"] == "subscription":
        known.append(planned_switch(Happening(state, 0), item["id"]))
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def is_stale(state: State, item: Json) -> bool:
    """Whether the form was made from something else than what is there now, or there is nothing left to do."""
    is_over_now = item["object"] == "subscription" and not is_living(item)
    return is_over_now or request.form.get("seen") != seen_of(state, item)


def part_of_flow(visit: Visit, flow: Json) -> str:
    """Where a deep link leads."""
    kind = flow["type"]
    if kind == "payment_method_update":
        return url_for("simulator.portal_card", session_id=visit.id)
    subscription_id = flow[kind]["subscription"]
    if kind == "subscription_cancel":
        return url_for("simulator.portal_cancel", session_id=visit.id, subscription_id=subscription_id)
    items = flow[kind].get("items") or [{}]
    return url_for(
        "simulator.portal_switch", session_id=visit.id, subscription_id=subscription_id, price=items[0].get("price")
    )


def finish(visit: Visit, feature: str, said: str) -> Response:
    """Where the customer goes when something was done: where the deep link said if it was for this, else in front."""
    flow = visit.flow
    front = url_for("simulator.portal", session_id=visit.id, said=said)
    if flow is None or FLOWS[flow["type"]] != feature or said == "nothing":
        return redirect(front, 303)
    with visit.client.store.writing() as state:
        state.hide(visit.id, done=said)
    after = flow["after_completion"]
    return redirect(after["redirect"]["return_url"] if after["type"] == "redirect" else front, 303)


def _visit(session_id: str) -> Visit:
    client = stripe_client()
    client.courier.catch_up()
    with client.store.reading() as state:
        session = state.find("billing_portal.session", session_id)
        if session is None:
            abort(404)
        configuration = state.load("billing_portal.configuration", session["configuration"])
        customer = state.load("customer", session["customer"])
        return Visit(client, session, configuration, customer, state.hidden(session_id).get("done"))
