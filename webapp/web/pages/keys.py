"""The pages of API keys: the list with its form, one key, and the page that shows a secret."""

import datetime as dt
import secrets
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from webapp.extensions import db
from webapp.people.errors import PeopleRefusal
from webapp.people.keyring import MOST_NAME_CHARACTERS, USUAL_OVERLAP, KeyLine, key_of_account, keys_of_account
from webapp.web.pages.forms import AS_STORED, Form
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell
from webapp.web.pages.spend_limits import limit_fields, limits_by_key

HOUR = dt.timedelta(hours=1)

# Each scope: its word in lists, and what it allows, in a sentence beside its box.
SCOPE_WORDS = {
    "read": ("Read", "See the balance, the history and the prices."),
    "spend": ("Spend", "Use credits, put them on hold and give back what it used itself."),
    "manage": ("Manage", "Start purchases, which you pay for at Stripe."),
}
SCOPES_AT_FIRST = frozenset({"read"})
OVERLAPS = ((0, "At once"), (1, "After 1 hour"), (24, "After 24 hours"), (168, "After 7 days"))


@dataclass(frozen=True)
class KeyForm:
    """A form of these pages: as new, or refused with what was typed."""

    name: str = ""
    scopes: AbstractSet[str] = SCOPES_AT_FIRST
    refusals: tuple[PeopleRefusal, ...] = ()


NEW = KeyForm()


def keys(reader: Reader, form: KeyForm = NEW) -> dict[str, Any]:
    """`keys/keys.html`: every living key, and the form for one more."""
    return shell(reader) | {
        "keys": keys_of_account(db.session(), reader.account_id, now=reader.now),
        "key_limits": limits_by_key(reader),
        "form": form,
        "form_key": one_time_key(),
        "scope_words": SCOPE_WORDS,
        "most_characters": MOST_NAME_CHARACTERS,
    }


def key(reader: Reader, key_id: int, form: KeyForm = NEW, *, limits: Form = AS_STORED) -> dict[str, Any]:
    """`keys/key.html`: one key, what it may spend, and what can be done with it. Raises UnknownKey."""
    found = key_of_account(db.session(), reader.account_id, key_id, now=reader.now)
    return (
        shell(reader)
        | limit_fields(reader, limits, key_id=key_id)
        | {
            "limits_form": limits,
            "key": found,
            "form": form,
            "form_key": one_time_key(),
            "scope_words": SCOPE_WORDS,
            "overlaps": OVERLAPS,
            "usual_hours": USUAL_OVERLAP // HOUR,
            "most_characters": MOST_NAME_CHARACTERS,
        }
    )


def secret_page(reader: Reader, shown: KeyLine, secret: str, *, is_new: bool) -> dict[str, Any]:
    """`keys/secret.html`: the one answer that a secret stands in."""
    return shell(reader) | {"key": shown, "secret": secret, "is_new": is_new, "scope_words": SCOPE_WORDS}


def one_time_key() -> str:
    """What makes a form's first sending the only one."""
    return secrets.token_urlsafe(16)
