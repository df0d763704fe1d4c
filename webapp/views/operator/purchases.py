"""The purchases of one person."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.views.operator.blueprint import bp
from webapp.web.pages.operator import purchases as page
from webapp.web.pages.reader import present_reader


@bp.get("/operator/people/<int:account_id>/purchases")
def purchases_of(account_id: int) -> ResponseReturnValue:
    """What was bought, what it cost, what came back."""
    context = page.purchases_page(present_reader(), account_id, request.args.get("after", ""))
    return render_template("operator/person/purchases.html", **context)
