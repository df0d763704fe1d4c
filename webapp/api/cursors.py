"""Where a page of history ended, as text a client hands back unread."""

import base64
import re

from webapp.web.refusals import InvalidFields

PLAIN = re.compile(r"h1:([1-9][0-9]{0,17})")


def cursor_of(before_seq: int | None) -> str | None:
    """The text for "older than this entry"; None when there is nothing older."""
    if before_seq is None:
        return None
    return base64.urlsafe_b64encode(f"h1:{before_seq}".encode()).decode().rstrip("=")


def before_seq_of(cursor: str | None) -> int | None:
    """The entry a cursor stands for, exactly as `cursor_of` wrote it; raises InvalidFields for any other text."""
    if cursor is None:
        return None
    found = PLAIN.fullmatch(_plain(cursor))
    if not found or cursor_of(int(found[1])) != cursor:
        message = "must be a next_cursor from an earlier page, unchanged"
        raise InvalidFields(f"cursor: {message}.", fields=[{"field": "cursor", "message": message}])
    return int(found[1])


def _plain(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        return ""
