"""The console's first page: how things stand, in words, worst first."""

from typing import Any, NamedTuple

from flask import url_for

from webapp.doctor.check import Check, counted
from webapp.doctor.run import cheap_checks
from webapp.web.pages.operator.frame import console
from webapp.web.pages.reader import Reader

ORDER = {"bad": 0, "warn": 1, "ok": 2}
CHIPS = {"bad": ("bad", "x", "Act now"), "warn": ("warn", "warn", "Look"), "ok": ("ok", "check", "Fine")}

LABELS = {
    "stripe": "Stripe",
    "webhook secret": "Signing secret",
    "webhooks": "Webhooks",
    "events": "Events",
    "strangers": "Events of others",
    "purchases": "Payments",
    "disputes": "Disputes",
    "reconciliation": "Compared with Stripe",
    "prices": "Prices",
    "plans": "Plans",
    "subscriptions": "Subscriptions",
    "simulated": "Simulated grants",
    "migrations": "Database",
    "worker": "Worker",
    "ledger": "Ledger",
}
# Where somebody goes to see what a light is about: words, endpoint, and which of the things there are shown.
PLACES = {
    "webhooks": ("See events", "operator.events", None),
    "events": ("See what failed", "operator.events", "failed"),
    "purchases": ("See payments", "operator.purchases", "quarantined"),
    "disputes": ("See disputes", "operator.purchases", "disputed"),
    "reconciliation": ("See comparisons", "operator.reconciliations", None),
}


class Light(NamedTuple):
    """One line: its chip, its name, what it says, and where to look."""

    chip: tuple[str, str, str]
    label: str
    sentence: str
    place: tuple[str, str] | None


def overview_page(reader: Reader) -> dict[str, Any]:
    """`operator/overview.html`."""
    return console(reader, "overview") | op_health(reader)


def op_health(reader: Reader) -> dict[str, Any]:
    """`operator/_op_health.html`: the checks that cost little, as lights."""
    checks = sorted(cheap_checks(), key=lambda check: ORDER[check.state])
    return {"reader": reader, "lights": [_light(check) for check in checks], "verdict": _verdict(checks)}


def _light(check: Check) -> Light:
    place = PLACES.get(check.name)
    address = (place[0], url_for(place[1], show=place[2])) if place else None
    return Light(CHIPS[check.state], LABELS[check.name], check.sentence, address)


def _verdict(checks: list[Check]) -> str:
    bad, warn = (sum(check.state == state for check in checks) for state in ("bad", "warn"))
    if bad:
        return counted(bad, "thing needs somebody now", "things need somebody now")
    return counted(warn, "thing to look at", "things to look at") if warn else "Everything is well"
