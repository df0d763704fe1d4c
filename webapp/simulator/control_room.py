"""The control room: what the simulated Stripe knows and did, and the buttons that make things happen."""

import json

from flask import abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from webapp.simulator import records
from webapp.simulator.choices import (
    CALLS,
    MOST_TIMES,
    SUBSCRIPTION_CHIPS,
    TROUBLES,
    call_words,
    fault_words,
    manner_choices,
)
from webapp.simulator.codes import DURATIONS, active_codes
from webapp.simulator.controls import SAID
from webapp.simulator.moving import clock_card
from webapp.simulator.pages import blueprint, chosen, stripe_client
from webapp.simulator.settling import expire_due, expire_session
from webapp.simulator.signing import MANNERS
from webapp.simulator.words import day

__all__ = ["blueprint"]


@blueprint.get("/")
def control_room() -> str:
    """What waits and what will fail, payments, subscriptions, events with each delivery attempt, objects."""
    client = stripe_client()
    expire_due(client.store, now=client.now())
    with client.store.reading() as state:
        return render_template(
            "simulator/control_room.html",
            sessions=records.sessions(state),
            subscriptions=records.subscriptions(state),
            chips=SUBSCRIPTION_CHIPS,
            day=day,
            events=records.events(state),
            objects=records.objects(state),
            clock=clock_card(client, state),
            codes=active_codes(state),
            durations=DURATIONS,
            webhooks=client.deliveries,
            waiting=records.waiting(state),
            manners=manner_choices(client.deliveries.secrets),
            faults=[(call_words(f"{one.method} {one.path}"), fault_words(one), one) for one in client.faults.armed()],
            calls=[(call, call_words(call)) for call in CALLS],
            troubles=TROUBLES,
            most_times=MOST_TIMES,
            said=SAID.get(request.args.get("said", "")),
            moment=records.moment,
            site=client.site,
        )


@blueprint.get("/objects/<object_id>")
def stored_object(object_id: str) -> str:
    """One object as the API shows it."""
    with stripe_client().store.reading() as state:
        found = records.any_object(state, object_id)
    if found is None:
        abort(404)
    text = json.dumps(found, indent=2)
    return render_template("simulator/object.html", item=found, text=text, site=stripe_client().site)


@blueprint.get("/events/<event_id>")
def event(event_id: str) -> str:
    """One event: its body, byte for byte, every attempt to deliver it, and the ways to send it again."""
    client = stripe_client()
    with client.store.reading() as state:
        lines = records.events(state, event_id)
        body = records.event_body(state, event_id)
    if not lines:
        abort(404)
    manners = manner_choices(client.deliveries.secrets)
    return render_template("simulator/event.html", event=lines[0], text=body, manners=manners, site=client.site)


@blueprint.post("/events/<event_id>/resend")
def resend(event_id: str) -> Response:
    """Send an event once more, in the chosen `manner`."""
    client = stripe_client()
    manner = chosen("manner", MANNERS)
    try:
        client.deliveries.resend(event_id, manner=manner, now=client.now())
    except LookupError:
        abort(404)
    return redirect(url_for(".event", event_id=event_id), 303)


@blueprint.post("/sessions/<session_id>/expire")
def expire(session_id: str) -> Response:
    """Let an open session expire now. Nothing happens to any other."""
    client = stripe_client()
    with client.store.writing() as state:
        session = state.find("checkout.session", session_id)
        if session is None:
            abort(404)
        if session["status"] == "open":
            expire_session(state, session, now=client.now())
    return redirect(url_for(".control_room"), 303)
