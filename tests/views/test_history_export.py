"""The history as a file: what is in it, how long ones are offered, and how far one has come."""

import csv
import datetime as dt
import io
import json
import tracemalloc

import pytest

from tests.api.books import grant, spend, spends
from tests.support.cheap import collecting_as_on_a_server
from tests.support.ledger_rows import fill_ledger
from webapp.exports.models import Export
from webapp.exports.records import MOST_AT_ONCE, SILENT_FOR, begin_export, export_of, note_export, prune_exports
from webapp.extensions import db, transact
from webapp.ledger.queries import history as entries_of
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.views import history as view
from webapp.web import export
from webapp.web.export import BegunAnew, Wanted, csv_lines, inert, json_lines

EXPORT = "/dashboard/history/export"
RUN = "0123456789abcdef"


@pytest.fixture
def busy(shopper):
    """Some use, and a purchase."""
    spend(shopper.user.account_id, 3, meter="call_minute", quantity=1, description="A call")
    spends(shopper.user.account_id, [1] * 10)
    shopper.granted("small")
    return shopper


def file_of(shopper, query="", *, format="csv"):
    answer = shopper.pages.client.get(f"{EXPORT}?format={format}&{query}")
    assert answer.status_code == 200, answer.text
    return answer


def table(answer):
    text = answer.get_data().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def exports(shopper):
    with db.session() as session:
        return session.query(Export).filter_by(account_id=shopper.user.account_id).all()


def test_a_csv_file_has_every_entry_in_utc_and_plain_numbers(busy):
    def become(session):
        session.get_one(User, busy.user.id).locale = "de_DE"

    transact(become)
    answer = file_of(busy)
    assert answer.data.startswith(b"\xef\xbb\xbfentry,written_at,occurred_at,kind,credits,balance_after,description")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Cache-Control"] == "private, no-store"
    day = utc_now()
    assert answer.headers["Content-Disposition"] == f'attachment; filename="history-{day:%Y-%m-%d}.csv"'
    rows = table(answer)
    entries = entries_of(db.session(), busy.user.account_id, limit=100, now=utc_now()).entries
    for row, entry in zip(rows, entries, strict=True):
        told = [row[name] for name in ("entry", "kind", "credits", "balance_after", "description", "meter")]
        facts = (entry.seq, entry.kind, entry.credits, entry.balance_after, entry.description, entry.meter)
        assert told == [str(fact) for fact in facts]
        assert dt.datetime.fromisoformat(row["written_at"]) == entry.created_at.replace(microsecond=0)
        assert row["written_at"].endswith("Z")
    assert (rows[0]["credits"], rows[0]["reference"]) == ("500", busy.newest().reference)
    assert rows[-2]["lots"] == "3 bonus of entry 1"


def test_a_json_file_is_the_apis_entries(busy):
    answer = file_of(busy, format="json")
    assert answer.mimetype == "application/json"
    pages = busy.pages.client.get("/api/credits/history?limit=100").json
    assert json.loads(answer.data) == pages["entries"]
    assert answer.headers["Content-Disposition"].endswith('.json"')


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_file_of_nothing_is_sound(stranger, format):
    answer = file_of(stranger, format=format)
    assert (table(answer) if format == "csv" else json.loads(answer.data)) == []


FILTERS = [
    *(("type=purchases", 1), ("type=usage", 11), ("q=call", 1), ("type=refunds", 0), ("to=2020-01-01", 0)),
    ("after=3", 13),  # a file begins at the newest entry
]


def test_a_file_has_what_its_filter_means(busy):
    for query, number in FILTERS:
        assert len(table(file_of(busy, query))) == number, query
        assert len(json.loads(file_of(busy, query, format="json").data)) == number, query


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_cell_that_a_spreadsheet_would_work_out_is_inert(start):
    assert inert(f"{start}1+1") == f"'{start}1+1"
    assert inert(f"a{start}") == f"a{start}"


def test_formulas_in_descriptions_are_inert_and_numbers_stay_numbers(shopper):
    spend(shopper.user.account_id, 2, description='=HYPERLINK("http://evil.example","x"),\'"ü')
    row = table(file_of(shopper))[0]
    assert row["description"] == '\'=HYPERLINK("http://evil.example","x"),\'"ü'
    assert row["credits"] == "-2"


def test_what_cant_be_read_leads_to_the_page_that_says_so(shopper):
    for path in (EXPORT, f"{EXPORT}/long"):
        answer = shopper.pages.client.get(f"{path}?from=x&q=a")
        assert (answer.status_code, answer.location) == (303, "/dashboard/history?q=a&from=x")
        assert shopper.pages.client.get(f"{path}?format=xlsx").status_code == 404


def test_a_long_one_is_told_first_and_then_downloaded(busy, monkeypatch):
    monkeypatch.setattr(view, "LONG_FROM_LINES", 12)
    answer = busy.pages.client.get(f"{EXPORT}?format=csv&q=")
    assert (answer.status_code, answer.location) == (303, f"{EXPORT}/long?format=csv")
    assert exports(busy) == []
    page = busy.pages.open(answer.location)
    assert page.heading == "Download your history"
    assert "This file has 13 lines." in page.text
    assert len(table(busy.pages.client.get(page.with_id("download").attributes["href"]))) == 13
    (noted,) = exports(busy)
    assert (noted.state, noted.lines, noted.looked, noted.total) == ("finished", 13, 13, 13)
    assert noted.id in page.with_id("download").attributes["href"]


def test_the_headers_alone_begin_nothing(busy):
    answer = busy.pages.client.head(f"{EXPORT}?format=csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert exports(busy) == []


def running(shopper, export_id=RUN, *, looked=0, is_search=False, state="running", now=None):
    account_id, now = shopper.user.account_id, now or utc_now()

    def work(session):
        begin_export(session, account_id, export_id, total=1_000_000, is_search=is_search, now=now)
        note_export(session, account_id, export_id, begun_at=now, looked=looked, lines=looked, state=state, now=now)

    transact(work)
    return now


def test_no_more_than_two_run_at_once_for_an_account(shopper, stranger):
    for number in range(MOST_AT_ONCE):
        running(shopper, f"{RUN}{number}")
    page = shopper.pages.open(EXPORT, status=429)
    assert page.heading == "Two exports are running already"
    assert "Wait until one of them has ended, then try again." in page.text
    file_of(stranger)
    running(shopper, f"{RUN}0", state="finished")
    file_of(shopper)


def test_one_that_fell_silent_counts_no_more(shopper):
    for number in range(MOST_AT_ONCE):
        running(shopper, f"{RUN}{number}", now=utc_now() - SILENT_FOR)
    file_of(shopper)


def progress(shopper, query=""):
    return shopper.pages.partial(f"/partials/export-progress/{RUN}{query}")


def test_progress_is_asked_for_when_the_download_begins_and_ends_by_itself(shopper):
    assert progress(shopper).with_id("export-progress").attributes["hx-trigger"] == "click from:#export-start delay:1s"
    awaited = progress(shopper, "?tries=1").with_id("export-progress")
    assert (awaited.attributes["hx-trigger"], awaited.attributes["hx-get"][-7:]) == ("every 1s", "tries=2")
    assert "click" in progress(shopper, "?tries=10").with_id("export-progress").attributes["hx-trigger"]
    running(shopper, looked=120_000)
    page = progress(shopper, "?tries=1")
    assert page.with_id("export-progress").attributes["hx-trigger"] == "every 1s"
    (bar,) = [node for node in page.root if node.attributes.get("role") == "progressbar"]
    assert bar.attributes["aria-valuetext"] == "120,000 of 1,000,000 lines"
    assert (bar.attributes["aria-valuenow"], bar.attributes["aria-valuemax"]) == ("120000", "1000000")
    assert bar.all("rect")[0].attributes["width"] == "12%"
    assert not page.has_id("live")


@pytest.mark.parametrize(
    ("facts", "trigger", "words"),
    [
        ({"now_ago": 31, "looked": 5}, "every 3s", "5 of 1,000,000 lines"),
        ({"looked": 1_000_000, "state": "finished"}, "click", "Finished: 1,000,000 lines."),
        ({"looked": 7, "state": "stopped"}, "click", "Stopped at 7 of 1,000,000 lines. The file is not complete."),
        ({"looked": 7, "now_ago": 121}, "click", "Stopped at 7 of 1,000,000 lines. The file is not complete."),
        ({"looked": 7, "is_search": True}, "every 1s", "7 of 1,000,000 lines looked through"),
    ],
)
def test_progress_says_how_far_it_came(shopper, facts, trigger, words):
    now = utc_now() - dt.timedelta(seconds=facts.pop("now_ago", 0))
    running(shopper, **facts, now=now)
    page = progress(shopper)
    assert page.with_id("export-progress").text == words
    assert page.with_id("export-progress").attributes["hx-trigger"].startswith(trigger)
    assert page.has_id("live") == (trigger == "click")


def test_progress_is_the_owners_only(shopper, stranger):
    running(shopper, looked=5)
    assert progress(stranger).with_id("export-progress").text == ""
    assert shopper.pages.client.get("/partials/export-progress/short").status_code == 404


def test_the_progress_stands_verbatim_in_its_page(shopper):
    page = shopper.pages.open(f"{EXPORT}/long")
    address = page.with_id("export-progress").attributes["hx-get"].partition("?")[0]
    assert shopper.pages.partial(address).html.strip() in page.html


def wanted_of(account_id, before_seq, **more):
    facts = {"begun_at": utc_now(), "type": "transactions", "search": None, "since": None, "until": None} | more
    return Wanted(account_id, RUN, before_seq=before_seq, **facts)


def test_a_file_notes_how_far_it_came_and_that_its_reader_went_away(busy, monkeypatch):
    monkeypatch.setattr(export, "LINES_AT_ONCE", 2)
    monkeypatch.setattr(export, "NOTED_EVERY_LINES", 4)
    lines = csv_lines(wanted_of(busy.user.account_id, 14, begun_at=running(busy)))
    noted = []
    for _ in range(6):
        next(lines)
        noted.append(exports(busy)[0].looked)
    assert noted == [0, 0, 0, 4, 4, 8]
    lines.close()
    (left,) = exports(busy)
    assert (left.state, left.looked, left.lines) == ("stopped", 8, 8)


def test_one_that_is_asked_for_again_breaks_off_and_leaves_the_row_to_the_new_one(busy, monkeypatch):
    """Else one address, opened many times, would be as many files at once."""
    monkeypatch.setattr(export, "LINES_AT_ONCE", 2)
    monkeypatch.setattr(export, "NOTED_EVERY_LINES", 4)
    first = json_lines(
        wanted_of(busy.user.account_id, 14, begun_at=running(busy)),
        lambda _session, _account_id, entries: [str(entry.seq) for entry in entries],
    )
    next(first)
    second = json_lines(
        wanted_of(busy.user.account_id, 14, begun_at=running(busy)),
        lambda _session, _account_id, entries: [str(entry.seq) for entry in entries],
    )
    with pytest.raises(BegunAnew):
        list(first)
    assert [(found.state, found.looked) for found in exports(busy)] == [("running", 0)]
    assert json.loads("".join(second)) == list(range(13, 0, -1))
    assert [(found.state, found.looked) for found in exports(busy)] == [("finished", 13)]


def test_what_is_written_meanwhile_does_not_come_into_the_file(busy, monkeypatch):
    monkeypatch.setattr(export, "LINES_AT_ONCE", 5)
    lines = json_lines(
        wanted_of(busy.user.account_id, 14),
        lambda _session, _account_id, entries: [str(entry.seq) for entry in entries],
    )
    text = next(lines)
    grant(busy.user.account_id, 5)
    assert json.loads(text + "".join(lines)) == list(range(13, 0, -1))


def test_a_reader_who_goes_away_is_noted_by_the_server(busy, monkeypatch):
    monkeypatch.setattr(export, "LINES_AT_ONCE", 2)
    answer = busy.pages.client.get(EXPORT, buffered=False)
    chunks = answer.iter_encoded()
    next(chunks)
    next(chunks)
    answer.close()
    assert [found.state for found in exports(busy)] == ["stopped"]


def test_old_rows_are_swept(shopper):
    running(shopper, f"{RUN}1", now=utc_now() - dt.timedelta(hours=25))
    running(shopper, f"{RUN}2")
    assert transact(lambda session: prune_exports(session, now=utc_now())) == 1
    assert export_of(db.session(), shopper.user.account_id, f"{RUN}1", now=utc_now()) is None
    assert export_of(db.session(), shopper.user.account_id, f"{RUN}2", now=utc_now()) is not None


def test_memory_does_not_grow_with_the_lines(app, user):
    """The most that is held during 16,000 more lines is what was held during 4,000, but for noise."""
    (account_id,) = fill_ledger(db.engine, accounts=1, entries_each=20_000)
    db.session.remove()
    wanted = wanted_of(account_id, 20_001)
    begun = {"total": 20_000, "is_search": False, "now": wanted.begun_at}
    transact(lambda session: begin_export(session, account_id, RUN, **begun))
    lines, passed, peaks = csv_lines(wanted), 0, {}
    tracemalloc.start()
    with collecting_as_on_a_server():
        for text in lines:
            passed += text.count("\r\n")
            if passed in {4_001, 20_001}:
                peaks[passed] = tracemalloc.get_traced_memory()[1]
                tracemalloc.reset_peak()
    tracemalloc.stop()
    assert passed == 20_001
    assert peaks[20_001] < 1.3 * peaks[4_001], peaks
