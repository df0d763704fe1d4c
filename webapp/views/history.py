"""The history page, and its entries as a file."""

import secrets
from collections.abc import Collection, Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from webapp.api.entries import told_entries
from webapp.exports.records import begin_export
from webapp.extensions import db, transact
from webapp.ledger.facts import EntryFacts
from webapp.ledger.queries import count_entries
from webapp.ledger.queries import history as entries_of
from webapp.orm import utc_now
from webapp.web.export import Wanted, csv_lines, json_lines
from webapp.web.gate import signed_in_only
from webapp.web.history_filter import Filter, read_filter
from webapp.web.pages import exports
from webapp.web.pages import history as page
from webapp.web.pages.exports import EXPORT_ID
from webapp.web.pages.history_rows import search_of
from webapp.web.pages.reader import Reader, present_reader

bp = Blueprint("history", __name__)

FORMATS = {"csv": "text/csv", "json": "application/json"}
# An export of more lines is first told how long it is, and shows how far it has come.
LONG_FROM_LINES = 10_000


@bp.get("/dashboard/history", endpoint="history")
@signed_in_only
def history_page() -> ResponseReturnValue:
    """Totals and entries; 422 with a sentence at each field that can't be read."""
    chosen = read_filter(request.args)
    context = page.history_page(present_reader(), chosen)
    return render_template("history/history.html", **context), 422 if chosen.faults else 200


@bp.get("/dashboard/history/export")
@signed_in_only
def export() -> ResponseReturnValue:
    """Every entry that the filter means, as a file. A long one begins on its own page, which gives it its `run`."""
    chosen, suffix = _asked()
    if chosen.faults:
        return redirect(url_for(".history", **chosen.as_typed()), 303)
    reader = present_reader()
    total, before_seq = _size(reader, chosen)
    run = request.args.get("run", "")
    if total > LONG_FROM_LINES and not EXPORT_ID.fullmatch(run):
        return redirect(url_for(".long_export", format=suffix, **chosen.query()), 303)
    export_id = run if EXPORT_ID.fullmatch(run) else secrets.token_urlsafe(16)
    search = search_of(chosen, reader)
    window = chosen.window(reader.zone)
    wanted = Wanted(reader.account_id, export_id, utc_now(), chosen.type, search, before_seq, **window)
    response = Response(_lines(wanted, suffix, total), mimetype=FORMATS[suffix])
    day = reader.now.astimezone(ZoneInfo(reader.zone))
    response.headers["Content-Disposition"] = f'attachment; filename="history-{day:%Y-%m-%d}.{suffix}"'
    return response


@bp.get("/dashboard/history/export/long")
@signed_in_only
def long_export() -> ResponseReturnValue:
    """How many lines a long export has, the link that begins it, and how far it has come."""
    chosen, suffix = _asked()
    if chosen.faults:
        return redirect(url_for(".history", **chosen.as_typed()), 303)
    reader = present_reader()
    total, _ = _size(reader, chosen)
    context = exports.long_export(reader, chosen, suffix, total=total)
    return render_template("history/long_export.html", **context)


def _asked() -> tuple[Filter, str]:
    """The filter and the format of an export; one starts at its newest entry, so a place in the list is left out."""
    suffix = request.args.get("format", "csv")
    if suffix not in FORMATS:
        abort(404)
    return replace(read_filter(request.args), before_seq=None), suffix


def _size(reader: Reader, chosen: Filter) -> tuple[int, int]:
    """How many entries the filter means, search aside, and the number that the next entry will have."""
    window = chosen.window(reader.zone)  # first: it settles what is due
    newest = entries_of(db.session(), reader.account_id, limit=1, now=reader.now).entries
    before_seq = newest[0].seq + 1 if newest else 1
    count = count_entries(db.session(), reader.account_id, type=chosen.type, before_seq=before_seq, **window)
    return count, before_seq


def _lines(wanted: Wanted, suffix: str, total: int) -> Iterator[str] | str:
    """Begin the export and answer its lines. Who only asks for the headers begins nothing."""
    if request.method == "HEAD":
        return ""
    is_search, of_export = wanted.search is not None, (wanted.account_id, wanted.export_id)
    transact(lambda session: begin_export(session, *of_export, total=total, is_search=is_search, now=wanted.begun_at))
    if suffix == "csv":
        return stream_with_context(csv_lines(wanted))
    return stream_with_context(json_lines(wanted, _as_json))


def _as_json(session: Session, account_id: int, entries: Collection[EntryFacts]) -> list[str]:
    return [entry.model_dump_json() for entry in told_entries(session, account_id, entries)]
