"""People: the list with its search."""

from flask import make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.views.operator.blueprint import bp
from webapp.web.pages.operator import people as page
from webapp.web.pages.reader import present_reader


@bp.get("/operator/people")
def people() -> ResponseReturnValue:
    """Everybody, the newest first, or who is looked for."""
    context = page.people_page(present_reader(), request.args.get("q", ""), request.args.get("after", ""))
    return render_template("operator/people.html", **context)


@bp.get("/partials/operator/people")
def op_people() -> ResponseReturnValue:
    """The list alone, as the field asks for it while somebody types; what was found is also said."""
    context = page.op_people(present_reader(), request.args.get("q", ""), request.args.get("after", ""))
    drawn = render_template("operator/_op_people.html", **context)
    if "q" not in request.args:
        return make_response(drawn)
    answer = make_response(drawn + render_template("_said.html", words=page.found_words(context["found"])))
    if not context["is_continued"]:
        answer.headers["HX-Push-Url"] = url_for(".people", q=context["text"] or None)
    return answer
