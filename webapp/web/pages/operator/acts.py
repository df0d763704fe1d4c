"""What operators did: the list, of all accounts or of one, and one act with what was before and after."""

import re
from typing import Any

from flask import abort

from webapp.extensions import db
from webapp.operators.queries import act_called, acts
from webapp.operators.refunds import order_of
from webapp.web.pages.operator.act_words import REFUNDS, act_words, changes, counter_act, details
from webapp.web.pages.operator.frame import console
from webapp.web.pages.operator.person import side
from webapp.web.pages.reader import Reader

ACT_ID = re.compile(r"[0-9a-f]{16}")


def acts_page(reader: Reader, after: str) -> dict[str, Any]:
    """`operator/acts.html`: everything that operators did, the newest first."""
    place = _place(after)
    return console(reader, "acts") | _listed(None, place)


def acts_on_page(reader: Reader, account_id: int, after: str) -> dict[str, Any]:
    """`operator/person/acts.html`: what they did to one account."""
    return side(reader, account_id, "acts") | _listed(account_id, _place(after))


def act_page(reader: Reader, act_id: str) -> dict[str, Any]:
    """`operator/act.html`: one act. A missing one is a missing page."""
    found = act_called(db.session(), act_id) if ACT_ID.fullmatch(act_id) else None
    if found is None:
        abort(404)
    act = found.act
    order = order_of(db.session(), act) if act.act in REFUNDS else None
    told = {"line": found, "changes": changes(act, reader), "details": details(act, reader), "order": order}
    return console(reader, "acts") | told | act_words() | {"counter": counter_act(act)}


def _listed(account_id: int | None, place: str | None) -> dict[str, Any]:
    found = acts(db.session(), account_id, after=place)
    return {"found": found, "is_continued": place is not None} | act_words()


def _place(after: str) -> str | None:
    return after if ACT_ID.fullmatch(after) else None
