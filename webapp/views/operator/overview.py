"""The console's first page."""

from flask import render_template
from flask.typing import ResponseReturnValue

from webapp.views.operator.blueprint import bp
from webapp.web.pages.operator.frame import console
from webapp.web.pages.reader import present_reader


@bp.get("/operator")
def overview() -> ResponseReturnValue:
    """How things stand."""
    return render_template("operator/overview.html", **console(present_reader(), "overview"))
