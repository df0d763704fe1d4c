"""The frame of the console: its own navigation, inside the shell of every page."""

from typing import Any, NamedTuple

from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell
from webapp.web.roles import has_role


class Place(NamedTuple):
    """One entry of the console's navigation."""

    name: str
    label: str
    endpoint: str


NAVIGATION = (
    Place("overview", "Overview", "operator.overview"),
    Place("people", "People", "operator.people"),
    Place("purchases", "Purchases", "operator.purchases"),
    Place("events", "Events", "operator.events"),
    Place("requests", "Refund requests", "operator.requests"),
    Place("acts", "Acts", "operator.acts"),
)


def console(reader: Reader, place: str) -> dict[str, Any]:
    """What `operator/console.html` needs; `place` is where in the navigation the page is."""
    return shell(reader) | {
        "places": NAVIGATION,
        "place": place,
        "may_act": has_role(reader.role, "billing"),
        "may_set_roles": has_role(reader.role, "admin"),
    }
