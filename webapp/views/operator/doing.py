"""Acts: a form that asks what and why, a page that shows before and after, and the button that does it.

Everything is sent to the form's own address: `step` says whether it is to be shown (`check`), changed (`edit`) or done.
"""

from collections.abc import Callable

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.errors import Refusal
from webapp.extensions import transact
from webapp.ledger.errors import LedgerRefusal
from webapp.operators.acts import Act, Asked
from webapp.operators.errors import FormUsed, OperatorRefusal
from webapp.views.operator.blueprint import bp
from webapp.web.logs import log
from webapp.web.pages.operator import doing as page
from webapp.web.pages.operator.deeds import DEEDS, Deed, LedgerDeed, fault_of
from webapp.web.pages.operator.doing import Form
from webapp.web.pages.operator.person import known
from webapp.web.pages.reader import Reader, present_reader
from webapp.web.roles import for_role

SENT_AGAIN = "This form was sent before. It was done once; this is what it did."


def _form_route(deed: LedgerDeed) -> Callable[[int], ResponseReturnValue]:
    def form(account_id: int) -> ResponseReturnValue:
        context = page.form_page(present_reader(), account_id, deed, page.new_form(deed, request.args))
        return render_template("operator/do/form.html", **context)

    return form


def _sent_route(deed: LedgerDeed) -> Callable[[int], ResponseReturnValue]:
    def sent(account_id: int) -> ResponseReturnValue:
        reader, form, step = present_reader(), sent_form(deed), request.form.get("step", "check")
        try:
            if step == "do":
                return _done(reader, account_id, deed, form)
            if step == "check" and not deed.is_plain:
                context = page.check_page(reader, account_id, deed, form)
                return render_template("operator/do/check.html", **context)
        except FormUsed:
            raise
        except (OperatorRefusal, LedgerRefusal) as refusal:
            return _refused(reader, account_id, deed, form, refusal)
        return render_template("operator/do/form.html", **page.form_page(reader, account_id, deed, form))

    return sent


def _done(reader: Reader, account_id: int, deed: LedgerDeed, form: Form) -> ResponseReturnValue:
    do = deed.read(form.typed, known(account_id))
    asked = Asked(reader.user_id, account_id, form.typed["reason"], form.key, reader.now)
    act = transact(lambda session: do(session, asked))
    log_act(act, is_again=act.is_again)
    flash(SENT_AGAIN if act.is_again else "Done.", f"act {act.id} ok")
    return redirect(url_for(".act", act_id=act.id), 303)


def _refused(reader: Reader, account_id: int, deed: LedgerDeed, form: Form, refusal: Refusal) -> ResponseReturnValue:
    faulty = Form(form.typed, form.key, (fault_of(refusal),))
    context = page.form_page(reader, account_id, deed, faulty)
    return make_response(render_template("operator/do/form.html", **context), 422)


def sent_form(deed: Deed) -> Form:
    """The form as it was sent."""
    typed = {name: request.form.get(name, "") for name in (*deed.fields, "reason")}
    return Form(typed, request.form.get("key", ""))


def log_act(act: Act, *, is_again: bool) -> None:
    """Note that an act was done, without its reason: that may name people."""
    facts = {"act": act.act, "act_id": act.id, "account_id": act.account_id, "operator_id": act.operator_id}
    log.info("operator act", outcome="again" if is_again else "done", **facts)


def _add(deed: LedgerDeed) -> None:
    """A deed's form and where it is sent: one address, for those whose role reaches for it."""
    path, guard = f"/operator/people/<int:account_id>/{deed.name.replace('_', '-')}", for_role(deed.least)
    bp.add_url_rule(path, deed.name, guard(_form_route(deed)))
    bp.add_url_rule(path, f"do_{deed.name}", guard(_sent_route(deed)), methods=["POST"])


for _deed in DEEDS.values():
    _add(_deed)
