"""Stripe's events: the list, one of them, and taking one in again."""

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.billing.errors import BillingRefusal
from webapp.views.operator.blueprint import bp
from webapp.web.logs import log
from webapp.web.pages.operator import events as page
from webapp.web.pages.reader import present_reader
from webapp.web.reconcile.replay import replay as take_again
from webapp.web.reconcile.words import stripe_sentence
from webapp.web.roles import for_role

DONE_BEFORE = "This event was handled before, so nothing was done."


@bp.get("/operator/events")
def events() -> ResponseReturnValue:
    """What came from Stripe, the newest first, by what became of it."""
    return render_template("operator/events.html", **page.events_page(present_reader(), *_asked()))


@bp.get("/partials/operator/events")
def op_events() -> ResponseReturnValue:
    """The list alone, as the field asks for it while somebody types; what was found is also said."""
    context = page.op_events(present_reader(), *_asked())
    drawn = render_template("operator/_op_events.html", **context)
    if "q" not in request.args:
        return make_response(drawn)
    answer = make_response(drawn + render_template("_said.html", words=page.found_words(context["found"])))
    answer.headers["HX-Push-Url"] = url_for(".events", q=context["text"] or None)
    return answer


@bp.get("/operator/events/<event_id>")
def event(event_id: str) -> ResponseReturnValue:
    """One event, its body folded."""
    return render_template("operator/event.html", **page.event_page(present_reader(), event_id))


@bp.post("/operator/events/<event_id>/replay")
@for_role("billing")
def replay(event_id: str) -> ResponseReturnValue:
    """Take an event in again: it goes the way of every event, and one that was handled changes nothing."""
    reader = present_reader()
    page.event_page(reader, event_id)  # a missing one is a missing page
    try:
        outcome = take_again(event_id)
    except BillingRefusal as refusal:
        flash(f"It failed again: {stripe_sentence(refusal)}", f"event bad {event_id}")
        said = "failed"
    else:
        words = f"Taken in again: {outcome.state} ({outcome.reason.replace('_', ' ')})."
        flash(DONE_BEFORE if outcome.reason == "told_before" else words, f"event ok {event_id}")
        said = outcome.state
    log.info("event replayed", stripe_event=event_id, operator_id=reader.user_id, state=said)
    return redirect(url_for(".event", event_id=event_id), 303)


def _asked() -> tuple[str, str, str]:
    return request.args.get("show", ""), request.args.get("q", ""), request.args.get("after", "")
