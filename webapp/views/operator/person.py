"""One person: the account, its ledger, its purchases, its keys and sign-ins, and what operators did to it."""

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue

from webapp.views.operator.blueprint import bp
from webapp.web.history_filter import Filter, read_filter
from webapp.web.pages.history import found_words
from webapp.web.pages.operator import person as page
from webapp.web.pages.operator.subject import subject_of
from webapp.web.pages.reader import present_reader


@bp.get("/operator/people/<int:account_id>")
def person(account_id: int) -> ResponseReturnValue:
    """Who it is, what they have, what happened lately."""
    return render_template("operator/person/person.html", **page.person_page(present_reader(), account_id))


@bp.get("/partials/operator/people/<int:account_id>/balance-card")
def op_balance_card(account_id: int) -> ResponseReturnValue:
    """The balance card of somebody else."""
    subject = subject_of(present_reader(), page.known(account_id))
    return render_template("dashboard/_balance_card.html", **page.op_balance_card(subject))


@bp.get("/operator/people/<int:account_id>/ledger")
def ledger(account_id: int) -> ResponseReturnValue:
    """Every entry of the account, the newest first; 422 for an address that can't be read."""
    chosen = _chosen()
    context = page.ledger_page(present_reader(), account_id, chosen)
    return render_template("operator/person/ledger.html", **context), 422 if chosen.faults else 200


@bp.get("/partials/operator/people/<int:account_id>/entries")
def op_entries(account_id: int) -> ResponseReturnValue:
    """One page of entries, for "Show older"; how many came is also said."""
    chosen = _chosen()
    context = page.op_entries(subject_of(present_reader(), page.known(account_id)), chosen)
    drawn = render_template("operator/person/_op_entries.html", **context)
    found = context["listed"]
    if found is None:
        return make_response(drawn, 422)
    return make_response(drawn + render_template("_said.html", words=found_words(found, chosen, "Nothing")))


@bp.get("/operator/people/<int:account_id>/access")
def access(account_id: int) -> ResponseReturnValue:
    """API keys, and where people are signed in."""
    return render_template("operator/person/access.html", **page.access_page(present_reader(), account_id))


def _chosen() -> Filter:
    return page.only_kind_and_place(read_filter(request.args))
