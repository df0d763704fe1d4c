"""The page in front of a long export, and how far one has come."""

import datetime as dt
import re
import secrets
from typing import Any

from webapp.exports.models import Export
from webapp.web.display import number
from webapp.web.history_filter import Filter
from webapp.web.pages.reader import Reader
from webapp.web.pages.shell import shell

EXPORT_ID = re.compile(r"[A-Za-z0-9_-]{16,40}")
OFTEN_FOR = dt.timedelta(seconds=30)
OFTEN_SECONDS, SELDOM_SECONDS = 1, 3
# The download may take a moment to begin; nobody asks for ever.
MOST_TRIES = 10


def long_export(reader: Reader, chosen: Filter, format: str, *, total: int) -> dict[str, Any]:
    """The page that tells how long an export will be and offers it. Each time it is opened it offers a new one."""
    export_id = secrets.token_urlsafe(16)
    lines = f"{number(total, reader.locale)} lines"
    about = {"chosen": chosen, "format": format, "lines": lines}
    return shell(reader) | export_progress(reader, export_id, None) | about


def export_progress(reader: Reader, export_id: str, found: Export | None, *, tries: int = 0) -> dict[str, Any]:
    """`history/_export_progress.html`: how far the export has come; `ended` says how it ended.

    It asks again by itself while the export runs, or while one that was begun is still to be seen.
    """
    is_running = found is not None and found.state == "running"
    is_awaited = found is None and 0 < tries < MOST_TRIES
    is_young = found is None or reader.now < found.started_at + OFTEN_FOR
    asked_seconds = OFTEN_SECONDS if is_young else SELDOM_SECONDS
    return {
        "reader": reader,
        "export_id": export_id,
        "export": found,
        "tries": tries + 1 if found is None else 1,
        "asked_seconds": asked_seconds if is_running or is_awaited else None,
        "words": _words(reader, found) if found else "",
        "percent": f"{100 * found.looked // max(1, found.total)}%" if found else "",
        "ended": _words(reader, found) if found and not is_running else "",
    }


def _words(reader: Reader, found: Export) -> str:
    """`120,000 of 1,000,000 lines`, and how it ended. Of a search, how many it has looked through."""
    lines, looked, total = (number(count, reader.locale) for count in (found.lines, found.looked, found.total))
    of_all = f"{looked} of {total} lines" + (" looked through" if found.is_search else "")
    if found.state == "running":
        return of_all
    if found.state == "finished":
        return f"Finished: {lines} lines."
    return f"Stopped at {of_all}. The file is not complete."
