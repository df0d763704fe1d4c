"""The parts of pages that refresh by themselves. One template and one context function with the page around each."""

from flask import Blueprint, abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.exports.records import export_of
from webapp.extensions import db, limiter
from webapp.orm import utc_now
from webapp.views.checkout_return import asked_poll
from webapp.web.checkout import settle_and_tell
from webapp.web.gate import signed_in_only
from webapp.web.history_filter import read_filter
from webapp.web.limits import asker, plan_limit
from webapp.web.pages import allowance, billing, checkout, dashboard, exports, forecast, history, shell, usage
from webapp.web.pages import balance_card as card
from webapp.web.pages import controls_card as controls
from webapp.web.pages import credits as sale
from webapp.web.pages.exports import EXPORT_ID
from webapp.web.pages.notices import notice_of_return
from webapp.web.pages.plan_notices import begun_words
from webapp.web.pages.plan_watch import Watch, fingerprint, settle_watch
from webapp.web.pages.reader import Reader, present_reader
from webapp.web.usage_filter import dashboard_days, read_chosen

bp = Blueprint("partials", __name__, url_prefix="/partials")

CREDITS_CHANGED = "creditsChanged"


@bp.get("/balance-badge")
@signed_in_only
def balance_badge() -> ResponseReturnValue:
    """The balance in the bar."""
    return render_template("_balance_badge.html", **shell.balance_badge(present_reader()))


@bp.get("/alerts")
@signed_in_only
def alerts() -> ResponseReturnValue:
    """The banners on top."""
    return render_template("_alerts.html", **shell.alerts(present_reader()))


@bp.get("/balance-card")
@signed_in_only
def balance_card() -> ResponseReturnValue:
    """The balance card, as it stands on the dashboard or (`on=credits`) on the credits page."""
    context = card.balance_card(present_reader(), is_compact=request.args.get("on") == "credits")
    return render_template("dashboard/_balance_card.html", **context)


@bp.get("/usage-panel")
@signed_in_only
def usage_panel() -> ResponseReturnValue:
    """The usage of the last `days` on the dashboard; with what a link asked for comes the card of where it went."""
    reader = present_reader()
    context = usage.usage_panel(reader, dashboard_days(request.args.get("days")))
    drawn = render_template("dashboard/_usage_panel.html", **context)
    if "refresh" in request.args:
        return make_response(drawn)
    drawn += render_template("dashboard/_breakdown_card.html", **context, is_along=True)
    address = url_for("dashboard.dashboard", days=context["usage_days"])
    return _chosen(drawn, usage.used_words(reader, context["usage"]), address)


@bp.get("/breakdown-card")
@signed_in_only
def breakdown_card() -> ResponseReturnValue:
    """What used the credits of the last `days`, on the dashboard."""
    context = usage.usage_panel(present_reader(), dashboard_days(request.args.get("days")))
    return render_template("dashboard/_breakdown_card.html", **context)


@bp.get("/usage-report")
@signed_in_only
def usage_report() -> ResponseReturnValue:
    """The figures of the usage page; 422 with a sentence at each field when the days can't be read."""
    reader = present_reader()
    chosen = read_chosen(request.args, reader.today)
    context = usage.usage_report(reader, chosen)
    drawn = render_template("usage/_usage_report.html", **context)
    if chosen.faults:
        return make_response(drawn, 422)
    if "refresh" in request.args:
        return make_response(drawn)
    return _chosen(drawn, usage.used_words(reader, context["usage"]), url_for("usage.usage", **chosen.query()))


@bp.get("/allowance-card")
@signed_in_only
def allowance_card() -> ResponseReturnValue:
    """The allowance with its forecast."""
    return render_template("dashboard/_allowance_card.html", **allowance.allowance_card(present_reader()))


@bp.get("/forecast-card")
@signed_in_only
def forecast_card() -> ResponseReturnValue:
    """How long the credits last."""
    return render_template("usage/_forecast_card.html", **forecast.forecast_card(present_reader()))


@bp.get("/controls-card")
@signed_in_only
def controls_card() -> ResponseReturnValue:
    """What holds spending back, as it stands on the dashboard."""
    return render_template("dashboard/_controls_card.html", **controls.controls_card(present_reader()))


@bp.get("/plus-pack")
@signed_in_only
def plus_pack() -> ResponseReturnValue:
    """The packs that come with a plan, as they stand on the dashboard."""
    return render_template("dashboard/_plus_pack.html", **dashboard.plus_pack(present_reader()))


@bp.get("/recent-activity")
@signed_in_only
def recent_activity() -> ResponseReturnValue:
    """The newest lines of the history."""
    return render_template("dashboard/_recent_activity.html", **dashboard.recent_activity(present_reader()))


@bp.get("/notice")
@signed_in_only
@limiter.limit("20 per minute", key_func=asker)
def notice() -> ResponseReturnValue:
    """What the credits page says of a checkout that was left; the rest of the page may be older than that."""
    told = notice_of_return(present_reader(), request.args)
    drawn = render_template("credits/_notice.html", notice=told)
    if told is None:
        return make_response(drawn)
    answer = make_response(drawn + render_template("_said.html", words=f"{told.title}. {told.text}"))
    answer.headers["HX-Trigger"] = CREDITS_CHANGED
    return answer


@bp.get("/pack-grid")
@signed_in_only
def pack_grid() -> ResponseReturnValue:
    """What can be bought now."""
    return render_template("credits/_pack_grid.html", **sale.pack_grid(present_reader()))


@bp.get("/pack-estimate")
@signed_in_only
def pack_estimate() -> ResponseReturnValue:
    """How many credits a month takes; 422 with what to type when that can't be read."""
    context = sale.pack_estimate(present_reader(), typed=request.args.get("minutes"))
    return render_template("credits/_pack_estimate.html", **context), 422 if context["refusal"] else 200


@bp.get("/purchases")
@signed_in_only
def purchases() -> ResponseReturnValue:
    """The newest purchases. When fewer are under way than were `watched`, the rest of the page hears of it."""
    context = sale.purchases(present_reader())
    answer = make_response(render_template("credits/_purchases.html", **context))
    if request.args.get("watched", default=0, type=int) > context["watched"]:
        # After the swap: before it, the old list would hear of it too and ask again as the one who watched.
        answer.headers["HX-Trigger-After-Settle"] = CREDITS_CHANGED
    return answer


@bp.get("/checkout-status/<purchase_id>")
@signed_in_only
@limiter.limit("20 per minute", key_func=lambda: f"{asker()} {request.path}")
def checkout_status(purchase_id: str) -> ResponseReturnValue:
    """What became of a payment. The last answer tells the other parts of the page that credits have changed."""
    reader = present_reader()
    purchase, is_answered = settle_and_tell(reader.account_id, purchase_id, now=utc_now())
    context = checkout.checkout_status(reader, purchase, poll=asked_poll(), is_answered=is_answered)
    drawn = render_template("checkout_return/_checkout_status.html", **context)
    if context["delay_seconds"]:
        return make_response(drawn)
    answer = make_response(drawn + render_template("checkout_return/_said.html", **context))
    answer.headers["HX-Trigger"] = CREDITS_CHANGED
    return answer


@bp.get("/plan-card")
@signed_in_only
@plan_limit
def plan_card() -> ResponseReturnValue:
    """The reader's plan; asked for again for a while by somebody who comes from Stripe.

    When it isn't what they have `seen` the rest of the page hears of it.
    """
    reader = present_reader()
    watch = settle_watch(reader, request.args)
    drawn = render_template("billing/_plan_card.html", **billing.plan_card(reader, watch))
    if not watch.seen or watch.seen == fingerprint(reader):
        return make_response(drawn)
    answer = make_response(drawn + render_template("_said.html", words=_plan_said(reader, watch)))
    answer.headers["HX-Trigger-After-Settle"] = CREDITS_CHANGED
    return answer


@bp.get("/plans")
@signed_in_only
def plans() -> ResponseReturnValue:
    """The plans to choose from."""
    return render_template("billing/_plans.html", **billing.plans(present_reader()))


@bp.get("/invoices")
@signed_in_only
def invoices() -> ResponseReturnValue:
    """The invoices of subscriptions."""
    return render_template("billing/_invoices.html", **billing.invoices(present_reader()))


@bp.get("/history-summary")
@signed_in_only
def history_summary() -> ResponseReturnValue:
    """The totals of the history, and what is on its way."""
    return render_template("history/_history_summary.html", **history.history_summary(present_reader()))


@bp.get("/history-rows")
@signed_in_only
def history_rows() -> ResponseReturnValue:
    """A page of the history; what was asked for by the fields or by "Show older" is also said.

    A filter that can't be read leaves the list alone: 422 with a sentence at each field.
    """
    chosen = read_filter(request.args)
    context = history.history_rows(present_reader(), chosen)
    if chosen.faults:
        words = chosen.faults.get("after") or chosen.faults.get("type") or ""
        answer = make_response(render_template("history/_said.html", **context, words=words), 422)
        answer.headers["HX-Reswap"] = "none"
        return answer
    drawn = render_template("history/_history_rows.html", **context)
    if request.args.keys() & {"q", "from", "to", "after"}:
        words = history.found_words(context["listed"], chosen, context["nothing"])
        drawn += render_template("history/_said.html", **context, words=words)
    answer = make_response(drawn)
    if chosen.before_seq is None:
        answer.headers["HX-Push-Url"] = url_for("history.history", **chosen.query())
    return answer


@bp.get("/export-progress/<export_id>")
@signed_in_only
def export_progress(export_id: str) -> ResponseReturnValue:
    """How far an export has come. Asked for again by itself while it runs; its end is said."""
    if not EXPORT_ID.fullmatch(export_id):
        abort(404)
    reader = present_reader()
    found = export_of(db.session(), reader.account_id, export_id, now=reader.now)
    context = exports.export_progress(reader, export_id, found, tries=request.args.get("tries", default=0, type=int))
    drawn = render_template("history/_export_progress.html", **context)
    if context["ended"]:
        drawn += render_template("_said.html", words=context["ended"])
    return make_response(drawn)


def _chosen(drawn: str, words: str, address: str) -> ResponseReturnValue:
    """What somebody chose, which is said, and becomes the page's address. What refreshes by itself does neither."""
    answer = make_response(drawn + render_template("_said.html", words=words))
    answer.headers["HX-Push-Url"] = address
    return answer


def _plan_said(reader: Reader, watch: Watch) -> str:
    """What is spoken when the card has changed by itself."""
    begun = begun_words(reader, watch.checkout) if watch.checkout and not watch.is_confirming else None
    return f"{begun[0]}. {begun[1]}" if begun else "Your plan has changed."
