"""The buttons of the control room that make things hard: webhooks held and spoiled, calls to Stripe that fail."""

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from webapp.simulator.choices import CALLS, MOST_TIMES, TROUBLES
from webapp.simulator.deliveries import Deliveries
from webapp.simulator.pages import blueprint, chosen, stripe_client
from webapp.simulator.signing import MANNERS, Manner
from webapp.simulator.waiting import Delivery

__all__ = ["blueprint"]

ALL_ACTS = ("hold", "let_go", "reverse", "out", "back")
ACTS = ("send", "hold", "duplicate", "drop")
MOST_DIGITS = 9

# What the room says after a button was pressed.
SAID = {
    "hold": "Webhooks are held.",
    "let_go": "Webhooks go out again.",
    "reverse": "The order is turned around.",
    "out": "An outage: the app is told nothing, and nothing is sent later.",
    "back": "The outage is over. What was lost is not sent again.",
    "chosen-send": "Sent. Reload to see what the app answered.",
    "chosen-hold": "Held.",
    "chosen-duplicate": "Each will be sent once more.",
    "chosen-drop": "Dropped. The app will never be told by these.",
    "nothing": "Nothing was chosen, or it was sent already.",
    "armed": "The next call will run into it.",
    "moved": "The clock was moved. What is due by now has happened.",
    "not-moved": "The clock was not moved: it is not as you saw it any more.",
    "code": "The code can be typed on the checkout page.",
    "no-code": "No code was made: it is taken, or can’t be one. Letters, digits and dashes, 1 to 100 percent.",
    "cleared": "Calls to Stripe work as they should.",
}


@blueprint.post("/deliveries")
def all_deliveries() -> Response:
    """Hold everything, let everything go, turn the order around, begin and end an outage.

    `act=hold`, `let_go`, `reverse`, `out`, `back`.
    """
    act = chosen("act", ALL_ACTS)
    client = stripe_client()
    deliveries = client.deliveries
    if act == "out":
        deliveries.begin_outage(now=client.now())
        return _back(act, "webhooks")
    acts = {"hold": deliveries.hold_all, "let_go": deliveries.let_go_all, "reverse": deliveries.reverse}
    acts.get(act, deliveries.end_outage)()
    return _back(act, "webhooks")


@blueprint.post("/deliveries/chosen")
def chosen_deliveries() -> Response:
    """Send, hold, duplicate or drop the waiting deliveries of the ids in `delivery`; `manner` says how they go."""
    act, manner = chosen("act", ACTS), chosen("manner", MANNERS)
    client = stripe_client()
    wanted = {int(text) for text in request.form.getlist("delivery") if text.isdecimal() and len(text) <= MOST_DIGITS}
    found = [delivery for delivery in client.deliveries.waiting() if delivery.id in wanted]
    if not found:
        return _back("nothing", "webhooks")
    _act(client.deliveries, act, found, manner, now=client.now())
    return _back(f"chosen-{act}", "webhooks")


@blueprint.post("/faults")
def arm_fault() -> Response:
    """Let the next `times` calls of the chosen method and path run into a fault."""
    method, _, path = chosen("call", CALLS).partition(" ")
    name = chosen("fault", tuple(trouble.name for trouble in TROUBLES))
    times = request.form.get("times", 1, type=int)
    if not 1 <= times <= MOST_TIMES or not request.form.get("times", "1").isdecimal():
        abort(400)
    (trouble,) = [one for one in TROUBLES if one.name == name]
    stripe_client().faults.arm(method, path, trouble.kind, amount=trouble.amount, times=times)
    return _back("armed", "faults")


@blueprint.post("/faults/clear")
def clear_faults() -> Response:
    """Forget every fault."""
    stripe_client().faults.clear()
    return _back("cleared", "faults")


def _act(deliveries: Deliveries, act: str, found: list[Delivery], manner: Manner, *, now: int) -> None:
    if act == "send":
        deliveries.send(*found, manner=manner, now=now)
    elif act == "hold":
        deliveries.hold(*found)
    elif act == "duplicate":
        deliveries.duplicate(*found, manner=manner)
    else:
        deliveries.drop(*found, now=now)


def _back(said: str, place: str) -> Response:
    return redirect(url_for(".control_room", said=said, _anchor=place), 303)
