"""The settings' section of alerts: what the account wants to be told of."""

from typing import Any

from webapp.web.display import percent, short_amount
from webapp.web.pages.forms import AS_STORED, Form
from webapp.web.pages.reader import Reader

PERCENTS = (50, 80, 100)
TICKED = (*(f"allowance_{share}" for share in PERCENTS), "expiring", "limits")


def alerts(reader: Reader, form: Form = AS_STORED) -> dict[str, Any]:
    """`settings/_settings_alerts.html`: as stored, or as it was sent with what is wrong about the amount."""
    choices = reader.known_alerts.choices
    stored = {name for name in TICKED if getattr(choices, name)}
    line = short_amount(choices.low_credits, reader.catalog, reader.locale) if choices.low_credits else ""
    return {
        "reader": reader,
        "alerts_form": form,
        "percents": [(f"allowance_{share}", percent(share, reader.locale)) for share in PERCENTS],
        "ticked": {name for name in TICKED if name in form.typed} if form.refusals else stored,
        "low": form.typed.get("low", "") if form.refusals else line,
        "low_refusal": next(iter(form.refusals), None),
    }
