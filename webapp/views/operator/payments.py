"""Purchases of all accounts, and one of them."""

from flask import make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.views.operator.blueprint import bp
from webapp.web.pages.operator import payments as page
from webapp.web.pages.reader import present_reader


@bp.get("/operator/purchases")
def purchases() -> ResponseReturnValue:
    """Those that need somebody, by kind, or those that are looked for."""
    return render_template("operator/purchases.html", **page.purchases_page(present_reader(), *_asked()))


@bp.get("/partials/operator/purchases")
def op_purchases() -> ResponseReturnValue:
    """The list alone, as the field asks for it while somebody types; what was found is also said."""
    context = page.op_purchases(present_reader(), *_asked())
    drawn = render_template("operator/_op_purchases.html", **context)
    if "q" not in request.args:
        return make_response(drawn)
    answer = make_response(drawn + render_template("_said.html", words=page.found_words(context["found"])))
    answer.headers["HX-Push-Url"] = url_for(".purchases", q=context["text"] or None)
    return answer


@bp.get("/operator/purchases/<purchase_id>")
def purchase(purchase_id: str) -> ResponseReturnValue:
    """One purchase: its payment, what came back, what differs, its events."""
    return render_template("operator/purchase.html", **page.purchase_page(present_reader(), purchase_id))


def _asked() -> tuple[str, str, str]:
    return request.args.get("show", ""), request.args.get("q", ""), request.args.get("after", "")
