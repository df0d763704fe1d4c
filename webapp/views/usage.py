"""The usage page."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.web.gate import signed_in_only
from webapp.web.pages import usage as page
from webapp.web.pages.reader import present_reader
from webapp.web.usage_filter import read_chosen

bp = Blueprint("usage", __name__)


@bp.get("/dashboard/usage", endpoint="usage")
@signed_in_only
def usage_page() -> ResponseReturnValue:
    """What was used in a period, by what used it; 422 with a sentence at each field that can't be read."""
    reader = present_reader()
    chosen = read_chosen(request.args, reader.today)
    context = page.usage_page(reader, chosen)
    return render_template("usage/usage.html", **context), 422 if chosen.faults else 200
