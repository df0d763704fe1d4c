"""The JSON API. Its routes stand in `routes`; answers are shapes of `schemas`; refusals are drawn by `web.errors`."""

from flask import Blueprint
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import IntegerConverter

from webapp.api.callers import admit, needs, service_only
from webapp.api.reference.views import bp as docs_bp
from webapp.api.routes import ROUTES, Route
from webapp.extensions import csrf

__all__ = ["bp", "docs_bp"]

bp = Blueprint("api", __name__, url_prefix="/api")
bp.before_request(admit)
csrf.exempt(bp)  # `admit` looks at the token itself, after the sign-in


class Seq(IntegerConverter):
    """The number of an entry or a hold: plain digits, and no more than a database can count."""

    regex = "[1-9][0-9]{0,17}"


def _know_numbers(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["seq"] = Seq


def _add(route: Route) -> None:
    view = service_only(route.view) if route.is_for_service else route.view
    slashes = {"merge_slashes": False} if route.keeps_slashes else {}
    bp.add_url_rule(route.path, route.name, needs(route.scope)(view), methods=[route.method], **slashes)


bp.record(_know_numbers)
for route in ROUTES:
    _add(route)
