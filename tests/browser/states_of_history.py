"""States of the history page, and of the page in front of a long file."""

import datetime as dt
import re

from playwright.sync_api import Page, expect

from tests.api.books import grant, spend
from tests.browser.stage import Buyer, View, long_email
from tests.browser.states import shows
from tests.support.ledger_rows import fill_ledger
from webapp.exports.records import begin_export, note_export
from webapp.extensions import db, transact
from webapp.ledger.operations import capture, hold, release, reverse, void
from webapp.orm import utc_now
from webapp.people.models import User

HISTORY = "/dashboard/history"
DAY = dt.timedelta(days=1)
MANY = 12_000


def busy(stage) -> Buyer:
    """Somebody to whom everything has happened, over three days and more than a page."""
    buyer = stage.buyer()
    account_id, now = buyer.user.account_id, utc_now()
    grant(account_id, 500, "allowance", description="November allowance", expires_at=now + 9 * DAY, now=now - 3 * DAY)
    grant(account_id, 40, "gift", expires_at=now - DAY, now=now - 3 * DAY)
    for minutes in range(24):
        then = now - 2 * DAY + dt.timedelta(minutes=minutes)
        spend(account_id, 3 * (1 + minutes % 5), meter="call_minute", quantity=1 + minutes % 5, now=then)
    told_late = {"occurred_at": now - 4 * DAY, "now": now - DAY + dt.timedelta(minutes=1)}
    used = spend(account_id, 36, description="Weekly report", meter="call_minute", quantity=12, **told_late)
    work(account_id, used.entry.seq, now)
    buyer.granted("small")
    return buyer


def work(account_id, used_seq, now):
    """Holds in every state, and what was returned and corrected."""
    lasts = {"lasts_seconds": 3600, "now": now}

    def done(session):
        first = hold(session, account_id, credits=30, key="h1", description="Outbound call", **lasts)
        capture(
            session, account_id, hold_seq=first.entry.seq, credits=21, key="c1", description="Outbound call", now=now
        )
        second = hold(session, account_id, credits=12, key="h2", description="Outbound call", **lasts)
        release(session, account_id, hold_seq=second.entry.seq, key="r2", now=now)
        hold(session, account_id, credits=24, key="h3", **lasts)
        reverse(session, account_id, entry_seq=used_seq, credits=6, key="back", description="Report failed", now=now)
        void(session, account_id, grant_seq=1, credits=1, key="v", description="Adjustment: given twice", now=now)

    transact(done)


def of_many_entries(stage) -> Buyer:
    """Somebody with so many entries that a search and a file take their time."""
    buyer = stage.buyer()
    (account_id,) = fill_ledger(db.engine, accounts=1, entries_each=MANY, seed=buyer.user.id)

    def own(session):
        session.get_one(User, buyer.user.id).account_id = account_id

    transact(own)
    buyer.user.account_id = account_id
    return buyer


def debtor(stage) -> Buyer:
    buyer = stage.buyer()
    spend(buyer.user.account_id, 15)
    buyer.ask_back("returned")
    grant(buyer.user.account_id, 5, "gift")
    return buyer


@shows("history.history")
def history_of_somebody_to_whom_everything_happened(stage):
    def act(page: Page) -> None:
        for summary in page.locator(".trace summary").all():
            summary.click()

    return View(HISTORY, busy(stage), act=act)


@shows("history.history")
def history_with_older_rows_shown(stage):
    def act(page: Page) -> None:
        page.locator("#show-older").click()
        expect(page.locator("#show-older")).to_have_count(0)

    return View(HISTORY, busy(stage), act=act)


@shows("history.history")
def history_of_nothing(stage):
    return View(HISTORY, stage.buyer(welcome_credits=0))


@shows("history.history")
def history_without_refunds(stage):
    return View(f"{HISTORY}?type=refunds&from=2026-11-01&to=2026-11-20&q=call", stage.buyer())


@shows("history.history")
def history_with_payments_on_their_way(stage):
    buyer = stage.buyer()
    buyer.stays("processing")
    buyer.quarantined("starter")
    return View(HISTORY, buyer)


@shows("history.history")
def history_with_very_long_labels(stage):
    buyer = stage.buyer(email=long_email(), name="Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh the Younger")
    grant(buyer.user.account_id, 10**9, "gift", description="w" * 200)
    grant(buyer.user.account_id, 10**9, "bonus", description="A long reason in many words, " * 6)
    spend(buyer.user.account_id, 999_999_999, description="x" * 200, meter="call_minute", quantity=10**12)
    return View(f"{HISTORY}?q={'x' * 100}", buyer)


@shows("history.history")
def history_in_debt(stage):
    return View(HISTORY, debtor(stage))


@shows("history.history")
def history_with_a_dispute(stage):
    buyer = stage.buyer()
    buyer.hold(8)
    buyer.ask_back("disputed")
    return View(HISTORY, buyer)


@shows("history.history")
def history_with_dates_that_are_none(stage):
    return View(f"{HISTORY}?from=yesterday&to=2026-13-01&q=call", stage.buyer())


@shows("history.history")
def history_from_a_place_that_is_not_there(stage):
    return View(f"{HISTORY}?after=nowhere", stage.buyer())


@shows("history.history")
def history_searched_in_part(stage):
    return View(f"{HISTORY}?q=no+such+words", of_many_entries(stage))


@shows("history.long_export")
def file_of_many_lines(stage):
    return View(f"{HISTORY}/export/long?format=csv", of_many_entries(stage))


@shows("history.long_export")
def file_that_is_finished(stage):
    def act(page: Page) -> None:
        with page.expect_download():
            page.locator("#download").click()
        expect(page.locator("#export-progress")).to_contain_text(re.compile(r"Finished: 12,00\d lines."))

    return View(f"{HISTORY}/export/long?format=csv", of_many_entries(stage), act=act)


def file_that(stage, state):
    """The page of a file that has come half of its way; the site itself is too fast to be seen there."""
    buyer, export_id = of_many_entries(stage), "0123456789abcdef"
    account_id, now = buyer.user.account_id, utc_now()

    def half(session):
        begin_export(session, account_id, export_id, total=MANY, is_search=False, now=now)
        half = MANY // 2
        note_export(session, account_id, export_id, begun_at=now, looked=half, lines=half, state=state, now=now)

    transact(half)
    drawn = buyer.pages.client.get(f"/partials/export-progress/{export_id}").data

    def act(page: Page) -> None:
        page.route("**/partials/export-progress/*", lambda route: route.fulfill(body=drawn, content_type="text/html"))
        with page.expect_download():
            page.locator("#download").click()
        expect(page.locator("#export-progress")).to_contain_text("6,000 of 12,000 lines")

    return View(f"{HISTORY}/export/long?format=json", buyer, act=act)


@shows("history.long_export")
def file_that_is_on_its_way(stage):
    return file_that(stage, "running")


@shows("history.long_export")
def file_that_was_stopped(stage):
    return file_that(stage, "stopped")
