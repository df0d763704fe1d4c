"""The shell around every page: the balance badge, the alerts, and how an error page is framed."""

from typing import Any

from flask import url_for
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from webapp.alerts.payments import last_failure
from webapp.catalog import Catalog
from webapp.errors import Refusal
from webapp.extensions import parts
from webapp.web.dates import date_text
from webapp.web.display import amount
from webapp.web.logs import log
from webapp.web.pages.alerts import Alert, dispute_alert, plan_alert, quarantine_alert, refund_alert
from webapp.web.pages.crossing_words import crossing_alerts
from webapp.web.pages.reader import Reader, present_reader

ALERTS_SHOWN = 2
LOW_SHARE = 5  # a balance is low below a fifth of the smallest pack


def shell(reader: Reader) -> dict[str, Any]:
    """What `base.html` needs."""
    return balance_badge(reader) | alerts(reader)


def balance_badge(reader: Reader) -> dict[str, Any]:
    """`_balance_badge.html`: the balance, and whether the word "low" stands beside it."""
    return {"reader": reader, "is_low": reader.shown_credits < low_line(reader.catalog)}


def alerts(reader: Reader) -> dict[str, Any]:
    """`_alerts.html`: at most two, the worst first."""
    crossed = crossing_alerts(reader)
    found = (
        _pause_alert(reader),
        dispute_alert(reader),
        plan_alert(reader),
        _debt_alert(reader),
        *(alert for alert in crossed if alert.kind == "bad"),
        _failure_alert(reader),
        quarantine_alert(reader),
        *(alert for alert in crossed if alert.kind == "warn"),
        refund_alert(reader),
        *(alert for alert in crossed if alert.kind not in {"bad", "warn"}),
    )
    return {"reader": reader, "alerts": [alert for alert in found if alert][:ALERTS_SHOWN]}


def without_alert(context: dict[str, Any], title: str) -> dict[str, Any]:
    """The page without the alert that would say the same above it: nobody is told twice of one failed payment."""
    return context | {"alerts": [alert for alert in context["alerts"] if alert.title != title]}


def low_line(catalog: Catalog) -> int:
    """The credits below which a balance is called low: a fifth of the smallest pack on sale, 0 without packs."""
    return min((pack.credits for pack in catalog.packs if pack.is_active), default=0) // LOW_SHARE


def error_frame(status: int) -> dict[str, Any]:
    """What `errors/error.html` is drawn in: the shell for the signed-in, else the bare page.

    The bare page needs no database, so it is also what a broken server (500) and a lost database get.
    """
    if status != 500:
        try:
            if current_user.is_authenticated:
                return {"layout": "base.html", **shell(present_reader())}
        except (SQLAlchemyError, Refusal) as error:
            log.warning("error page without its shell", error=type(error).__name__)
    return {"layout": "bare.html"}


def _pause_alert(reader: Reader) -> Alert | None:
    """Nothing can be spent for now, by an operator's will or the owner's own: nobody must have to guess why."""
    if reader.spending_paused_at is None:
        return _own_pause_alert(reader)
    help_url = parts().settings.help_url
    text = "We paused it for now. Your credits stay as they are. Ask us if you don't know why."
    return Alert("alert-paused", "warn", "lock", "Spending is paused", text, (("Help", help_url),) if help_url else ())


def _own_pause_alert(reader: Reader) -> Alert | None:
    paused_at = reader.balance.owner_paused_at
    if paused_at is None:
        return None
    since = date_text(paused_at, reader.zone, reader.locale, reader.now)
    resume = ("Resume spending", url_for("settings.settings", _anchor="settings-spending"))
    title = f"You paused spending on {since}"
    return Alert("alert-paused", "warn", "lock", title, "Nothing can be used until you resume.", (resume,))


def _debt_alert(reader: Reader) -> Alert | None:
    if not reader.balance.debt:
        return None
    owed = amount(-reader.balance.debt, reader.catalog, reader.locale)
    return Alert("alert-debt", "bad", "warn", owed, "Your next credits cover it first.", (_buy(),))


def _failure_alert(reader: Reader) -> Alert | None:
    """A bank that needed longer and then said no: the buyer is not in front of any page when that happens."""
    last = last_failure(reader.purchases, now=reader.now)
    if last is None:
        return None
    text = f"{last.pack_name} pack: you have not been charged and no credits were added."
    again = ("Try again", f"{url_for('credits.credits')}#pack-{last.pack_slug}")
    return Alert("alert-failed", "bad", "x", "The payment didn't go through", text, (again,))


def _buy() -> tuple[str, str]:
    return "Buy credits", url_for("credits.credits")
