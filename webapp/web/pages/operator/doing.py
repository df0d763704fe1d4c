"""The forms of acts: asking what and why, showing what it changes, and doing it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp.operators.acts import Act, Asked
from webapp.web.display import amount, short_amount
from webapp.web.pages.operator.act_words import changes, details, summary
from webapp.web.pages.operator.deeds import Deed, Fault, LedgerDeed
from webapp.web.pages.operator.person import side
from webapp.web.pages.reader import Reader
from webapp.web.rehearsal import rehearsed

# A plain act is shown before anybody has said why.
NO_REASON_YET = "Not said yet"


@dataclass(frozen=True, slots=True)
class Form:
    """What stands in the fields, the form's one-time key, and what is wrong with it."""

    typed: Mapping[str, str]
    key: str
    faults: tuple[Fault, ...] = ()


def new_form(deed: Deed, given: Mapping[str, str]) -> Form:
    """A form that nobody has filled in, with what its address says of the fields."""
    return Form({name: given.get(name, "") for name in deed.fields}, secrets.token_urlsafe(16))


def form_page(reader: Reader, account_id: int, deed: LedgerDeed, form: Form) -> dict[str, Any]:
    """`operator/do/form.html`: the fields; of a plain act also what it changes."""
    context = side(reader, account_id, "person") | {"deed": deed, "form": form, "changes": []}
    context |= {"credits_hint": credits_hint(context["subject"])}
    if not deed.is_plain:
        return context
    asked = Asked(reader.user_id, account_id, NO_REASON_YET, secrets.token_urlsafe(16), reader.now)
    return context | told(rehearse(deed, form, context, asked), reader)


def check_page(reader: Reader, account_id: int, deed: LedgerDeed, form: Form) -> dict[str, Any]:
    """`operator/do/check.html`: what was asked for, what it changes, and the button that does it.

    Raises what the act itself would raise.
    """
    context = side(reader, account_id, "person") | {"deed": deed, "form": form}
    asked = Asked(reader.user_id, account_id, form.typed["reason"], form.key, reader.now)
    return context | told(rehearse(deed, form, context, asked), reader)


def credits_hint(reader: Reader) -> str:
    """What is typed into the field of credits, with what a hundred are where that isn't plain."""
    available = f"Available now: {short_amount(reader.balance.available, reader.catalog, reader.locale)}."
    hundred = amount(100, reader.catalog, reader.locale)
    unit = "" if hundred == f"100 {reader.catalog.unit.plural}" else f" 100 is {hundred}."
    return f"A whole number.{unit} {available}"


def told(act: Act, reader: Reader) -> dict[str, Any]:
    """An act in words, done or rehearsed."""
    return {
        "act": act,
        "changes": changes(act, reader),
        "details": details(act, reader),
        "summary": summary(act, reader),
    }


def rehearse(deed: LedgerDeed, form: Form, context: Mapping[str, Any], asked: Asked) -> Act:
    """The act as it would be written down now."""
    do = deed.read(form.typed, context["profile"])
    return rehearsed(lambda session: do(session, asked))
