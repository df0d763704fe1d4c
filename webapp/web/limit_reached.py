"""What whoever meets a spend limit is told on a page: how it was set, where it is raised, when it starts anew."""

from typing import Any

from flask import request
from flask_login import current_user

from webapp.extensions import parts
from webapp.ledger.errors import SpendLimitReached
from webapp.web.dates import date_text
from webapp.web.keys import has_key
from webapp.web.limit_words import reached_text
from webapp.web.pages.reader import present_reader
from webapp.web.pages.spend_limits import raise_address


def limit_on_page(refusal: SpendLimitReached) -> dict[str, Any]:
    """What `errors/_error.html` draws of it: the words as the reader writes numbers, and the ways on.

    Nothing is sold: more credits would not help. Whose limit it isn't reads the words alone.
    """
    if has_key(request) or not current_user.is_authenticated or current_user.account_id != refusal.account_id:
        return {"text": reached_text(refusal, parts().catalog)}
    reader, window = present_reader(), refusal.standing.window
    until = date_text(window.ends_at, current_user.time_zone, reader.locale, reader.now)
    return {
        "text": reached_text(refusal, reader.catalog, reader.locale),
        "actions": [("Raise it", raise_address(refusal.standing))],
        "otherwise": f"or wait until {until}",
    }
