"""The console's first page."""

from flask import render_template
from flask.typing import ResponseReturnValue

from webapp.views.operator.blueprint import bp
from webapp.web.pages.operator import health as page
from webapp.web.pages.reader import present_reader


@bp.get("/operator")
def overview() -> ResponseReturnValue:
    """How things stand."""
    return render_template("operator/overview.html", **page.overview_page(present_reader()))


@bp.get("/partials/operator/health")
def op_health() -> ResponseReturnValue:
    """The lights alone, as the page asks for them every half minute while somebody looks at it."""
    return render_template("operator/_op_health.html", **page.op_health(present_reader()))
