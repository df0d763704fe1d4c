"""What operators did. Read only: an act is undone by another one."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.views.operator.blueprint import bp
from webapp.web.pages.operator import acts as page
from webapp.web.pages.reader import present_reader


@bp.get("/operator/acts")
def acts() -> ResponseReturnValue:
    """Everything that operators did, the newest first."""
    return render_template("operator/acts.html", **page.acts_page(present_reader(), request.args.get("after", "")))


@bp.get("/operator/acts/<act_id>")
def act(act_id: str) -> ResponseReturnValue:
    """One act: who, why, and what was before and after."""
    return render_template("operator/act.html", **page.act_page(present_reader(), act_id))


@bp.get("/operator/people/<int:account_id>/acts")
def acts_on(account_id: int) -> ResponseReturnValue:
    """What operators did to one account."""
    context = page.acts_on_page(present_reader(), account_id, request.args.get("after", ""))
    return render_template("operator/person/acts.html", **context)
