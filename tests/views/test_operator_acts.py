"""Acts from the form to the row: what is shown before is what comes, once, with a reason, and nothing else."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.api.books import spend
from tests.support.browsing import sign_in
from tests.support.forms import is_signed_in
from tests.support.pages import PageClient
from tests.support.people import make_operator
from tests.views.console import Desk
from webapp.extensions import db, end_reading, transact
from webapp.ledger.errors import SpendingPaused
from webapp.ledger.operations import set_time_zone
from webapp.ledger.queries import balance, history
from webapp.operators.models import OperatorAct
from webapp.orm import utc_now

TOO_MANY = 2**53 + 1


@pytest.fixture
def desk(app, shopper):
    """Somebody who acts, in front of Some One with 20 welcome credits."""
    return Desk.of(app, "billing", shopper.user.account_id)


def cells(page):
    """What was before and after, by line."""
    rows = [[cell.text for cell in row.children if not isinstance(cell, str)] for row in page.root.all("tr")]
    return {name: (before, after) for name, before, after in rows[1:]}


def available(desk):
    end_reading()
    return balance(db.session(), desk.account_id, now=utc_now()).available


def acts():
    end_reading()
    return list(db.session.query(OperatorAct).order_by(OperatorAct.acted_at))


def test_a_grant_is_shown_before_it_is_done_and_what_comes_is_what_was_shown(desk, shopper):
    typed = {"kind": "gift", "credits": "100", "ends": "2027-01-31", "words": "Sorry", "reason": "Ticket 4711"}
    shown = desk.asked("grant", **typed)
    assert shown.heading == "Grant credits: +100"
    assert "Nothing is done yet." in shown.text
    assert cells(shown) == {"Balance": ("20", "120"), "Available": ("20", "120")}
    assert (available(desk), acts()) == (20, [])
    answer = desk.pages.submit(shown, "check-form", step="do")
    assert answer.status_code == 303
    done = desk.pages.open(answer.headers["Location"])
    assert done.heading == "Granted credits"
    assert done.with_id("act-ok").text == "Done."
    assert cells(done) == cells(shown)
    for words in ("By billing@example.com", "Why Ticket 4711", "Kind Gift", "The customer reads Sorry", "Entry 2"):
        assert words in done.text
    assert not desk.pages.open(answer.headers["Location"]).has_id("act-ok"), "told once"
    theirs = shopper.pages.open("/dashboard/history")
    assert "Sorry" in theirs.with_id("entry-2").text
    for inner in ("Ticket 4711", "billing@example.com"):
        assert inner not in theirs.html, "the reason is ours"


def test_the_last_day_is_a_day_of_the_account(desk, shopper):
    transact(lambda session: set_time_zone(session, desk.account_id, "America/Los_Angeles"))
    assert "America/Los_Angeles" in desk.open("grant").text
    desk.does("grant", credits="1", ends="2027-01-31")
    end_reading()
    lots = balance(db.session(), desk.account_id, now=utc_now()).lots
    ends_at = dt.datetime(2027, 2, 1, tzinfo=ZoneInfo("America/Los_Angeles"))
    assert {lot.expires_at for lot in lots} == {ends_at, None}


def test_taking_ending_pausing_and_resuming(desk, shopper):
    desk.does("grant", credits="100", kind="adjustment")
    assert cells(desk.does("take", credits="70"))["Balance"] == ("120", "50")
    assert cells(desk.does("end-lot?lot=2"))["Available"] == ("50", "0")
    desk.does("grant", credits="5", kind="bonus")
    assert cells(desk.does("pause"))["Spending"][1].startswith("Paused since Today")
    assert "Spending is paused" in shopper.pages.open("/dashboard").with_id("alerts").text
    assert "Spending paused" in desk.open().text
    with pytest.raises(SpendingPaused):
        spend(desk.account_id, 1)
    assert desk.open("pause", status=409).heading == "There is nothing to do"
    assert cells(desk.does("resume"))["Spending"][1] == "On"
    assert "Spending is paused" not in shopper.pages.open("/dashboard").text
    spend(desk.account_id, 1)
    names = [act.act for act in acts()]
    assert names == ["grant", "take", "end_lot", "grant", "pause", "resume"]
    listed = desk.open("acts")
    lines = [node for node in listed.root.all("li") if node.attributes.get("id", "").startswith("act-")]
    assert [line.all("strong")[0].text for line in lines[:4]] == [
        "Resumed spending",
        "Paused spending",
        "Granted credits",
        "Ended a lot",
    ]
    assert "Took credits −70" in desk.pages.open("/operator/acts").text


def test_signing_out_ends_their_sign_ins_and_not_ones_own(desk, shopper):
    assert is_signed_in(shopper.pages.client)
    assert cells(desk.does("sign-out"))["Signed-in browsers"] == ("1", "0")
    assert not is_signed_in(shopper.pages.client)
    assert is_signed_in(desk.pages.client)


def test_an_admin_gives_a_role_and_takes_it_but_never_the_last_admins(app, shopper):
    desk = Desk.of(app, "admin", shopper.user.account_id)
    assert "/operator" not in shopper.pages.open("/dashboard").html
    done = desk.does("role", role="support")
    assert cells(done)["Role"] == ("user", "support")
    assert not is_signed_in(shopper.pages.client)
    assert "Support" in desk.open().text
    own = Desk(desk.operator, desk.pages, desk.operator.account_id)
    refused = own.asked("role", role="user", status=422)
    assert "This is the last admin." in refused.with_id("do-role-error").text
    assert "Choose one of user, support, billing, admin." in desk.asked("role", role="king", status=422).text
    assert [act.act for act in acts()] == ["role"]


BAD = {
    "no reason": ({"reason": " "}, "do-reason-error", "Say why, in 1 to 500 characters."),
    "a long reason": ({"reason": "x" * 501}, "do-reason-error", "Say why"),
    "no credits": ({"credits": ""}, "do-credits-error", "Enter a whole number of credits in digits"),
    "zero": ({"credits": "0"}, "do-credits-error", "a whole number from 1 to 1,000,000,000"),
    "less than zero": ({"credits": "-5"}, "do-credits-error", "Enter a whole number"),
    "a part": ({"credits": "1.5"}, "do-credits-error", "Enter a whole number"),
    "a word": ({"credits": "ten"}, "do-credits-error", "Enter a whole number"),
    "other digits": ({"credits": "١٢"}, "do-credits-error", "Enter a whole number"),
    "too many": ({"credits": str(TOO_MANY)}, "do-credits-error", "from 1 to 1,000,000,000"),
    "very many": ({"credits": "9" * 40}, "do-credits-error", "Enter a whole number"),
    "a day that is past": ({"ends": "2020-01-01"}, "do-ends-error", "an expiry in the future"),
    "a day that is none": ({"ends": "2026-02-30"}, "do-ends-error", "Choose a day, like 2026-11-20"),
    "a year beyond": ({"ends": "9999-12-31"}, "do-ends-error", "Choose a day"),
    "a kind that is not given": ({"kind": "purchased"}, "do-kind-error", "Choose one of bonus, gift, adjustment."),
    "long words": ({"words": "x" * 201}, "do-words-error", "Use at most 200"),
    "words that can't be shown": ({"words": "a\u202eb"}, "do-words-error", "that can be shown"),
    "no key": ({"key": ""}, "do-faults", "This form can't be sent twice safely."),
    "a long key": ({"key": "k" * 65}, "do-faults", "This form can't be sent twice safely."),
}


def test_what_cant_be_is_refused_at_its_field_and_leaves_nothing(desk):
    """Shown or done: the same sentence at the same field, what was typed stays, nothing is written."""
    usual = {"kind": "gift", "credits": "7", "ends": "", "words": "Kept", "reason": "Why not"}
    form = desk.open("grant")
    for name, (typed, place, words) in BAD.items():
        for step in ("check", "do"):
            answer = desk.pages.submit(form, "do-form", **{**usual, **typed, "step": step})
            page = desk.pages.page_of(answer, status=422)
            assert words in page.with_id(place).text, name
            assert page.title.startswith("Error: Grant credits"), name
            if "words" not in typed:
                assert page.with_id("do-words").attributes["value"] == "Kept", name
    assert (available(desk), acts()) == (20, [])


def test_more_than_is_there_cant_be_taken(desk):
    page = desk.asked("take", credits="21", status=422)
    assert "This would cancel 21 credits, and 20 are available." in page.with_id("do-credits-error").text


@pytest.mark.parametrize("lot", ["", "0", "99", "-1", "x", "1e3", "9" * 30])
def test_a_lot_that_is_not_there_has_nothing_to_end(desk, lot):
    answer = desk.pages.client.get(f"{desk.path('end-lot')}?lot={lot}")
    assert answer.status_code in {409, 422}
    assert "Nothing of this lot is available any more." in answer.text or "There is no such lot." in answer.text


def test_a_form_sent_twice_is_done_once_and_leads_to_the_same_act(desk):
    shown = desk.asked("grant", credits="100")
    first = desk.pages.submit(shown, "check-form", step="do")
    again = desk.pages.submit(shown, "check-form", step="do")
    assert first.headers["Location"] == again.headers["Location"]
    assert "This form was sent before. It was done once" in desk.pages.open(again.headers["Location"]).text
    assert available(desk) == 120


def test_a_form_that_was_changed_after_it_was_done_does_nothing_more(desk):
    shown = desk.asked("grant", credits="100")
    desk.pages.submit(shown, "check-form", step="do")
    changed = desk.pages.submit(shown, "check-form", step="do", credits="200")
    page = desk.pages.page_of(changed, status=409)
    assert page.heading == "This form was used already"
    assert available(desk) == 120


def test_change_something_leads_back_with_what_was_typed(desk):
    shown = desk.asked("grant", kind="adjustment", credits="100", words="Sorry", reason="Ticket 4711")
    form = desk.pages.page_of(desk.pages.submit(shown, "check-form", step="edit"))
    assert form.with_id("do-credits").attributes["value"] == "100"
    assert form.with_id("do-reason").text == "Ticket 4711"
    assert "selected" in form.with_id("do-kind").all("option", value="adjustment")[0].attributes
    assert acts() == []


def test_a_preview_holds_for_the_account_as_it_is_and_the_act_for_what_it_became(desk):
    shown = desk.asked("take", credits="15")
    spend(desk.account_id, 10)
    late = desk.pages.page_of(desk.pages.submit(shown, "check-form", step="do"), status=422)
    assert "and 10 are available" in late.with_id("do-credits-error").text
    assert available(desk) == 10


def test_without_the_token_nothing_is_done(desk):
    form = {"kind": "gift", "credits": "5", "reason": "x", "key": "k" * 22, "step": "do"}
    for act in ("grant", "take", "pause", "sign-out"):
        answer = desk.pages.client.post(desk.path(act), data=form)
        assert answer.status_code == 400
        assert "This page got old" in answer.text
    assert (available(desk), acts()) == (20, [])


def test_other_roles_that_send_the_form_do_nothing(app, desk, shopper):
    """The form is an operator's, its token the sender's own: what counts is who sends it."""
    looking = Desk.of(app, "support", desk.account_id)
    token = looking.pages.open("/dashboard").with_id("csrf-sign-out").attributes["value"]
    form = {"kind": "gift", "credits": "5", "reason": "x", "key": "k" * 22, "step": "do", "csrf_token": token}
    refused = looking.pages.page_of(looking.pages.client.post(desk.path("grant"), data=form), status=403)
    assert refused.heading == "This needs another role"
    token = shopper.pages.open("/dashboard").with_id("csrf-sign-out").attributes["value"]
    missing = shopper.pages.client.post(desk.path("grant"), data=form | {"csrf_token": token})
    assert missing.status_code == 404
    token = desk.pages.open("/dashboard").with_id("csrf-sign-out").attributes["value"]
    role = {"role": "admin", "reason": "x", "key": "k" * 22, "step": "do", "csrf_token": token}
    assert desk.pages.client.post(desk.path("role"), data=role).status_code == 403
    assert (available(desk), acts()) == (20, [])


def test_who_lost_the_role_meets_a_missing_page_at_once(app, desk, shopper):
    shown = desk.asked("grant", credits="100")
    admin = Desk.of(app, "admin", desk.operator.account_id)
    make_operator("admin", "second@example.com")
    admin.does("role", role="user")
    answer = desk.pages.submit(shown, "check-form", step="do")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login")
    assert available(desk) == 20


def test_fields_that_a_form_does_not_have_change_nothing(desk, stranger):
    extra = {"account_id": str(stranger.user.account_id), "operator_id": "1", "acted_at": "2020-01-01", "act": "role"}
    shown = desk.asked("grant", credits="5")
    desk.pages.submit(shown, "check-form", step="do", **extra)
    (act,) = acts()
    assert (act.account_id, act.operator_id, act.act) == (desk.account_id, desk.operator.id, "grant")


def test_reasons_and_words_are_inert_and_in_no_log(desk, shopper, capsys):
    desk.does("grant", credits="5", words="<b>bold</b>", reason="<script>alert('a reason')</script>")
    for page in (desk.open(), desk.open("acts"), desk.open("ledger"), desk.pages.open("/operator/acts")):
        assert "<script>alert" not in page.html
        assert "<b>bold" not in page.html
    assert "<b>bold" not in shopper.pages.open("/dashboard/history").html
    written = capsys.readouterr().err
    assert "act=grant" in written
    assert f"operator_id={desk.operator.id}" in written
    assert "a reason" not in written
    assert "bold" not in written


def test_times_are_told_in_the_operators_zone(app, desk):
    transact(lambda session: set_time_zone(session, desk.operator.account_id, "Europe/Berlin"))
    with time_machine.travel(dt.datetime(2026, 12, 1, 10, 0, tzinfo=dt.UTC), tick=False):
        desk.pages = PageClient(sign_in(app, desk.operator))
        assert "Tue 1 Dec 2026, 11:00" in desk.does("grant", credits="5").text
        assert "Times shown in Europe/Berlin." in desk.open().text


def test_every_entry_of_an_act_stands_in_the_ledger(desk):
    desk.does("grant", credits="5")
    desk.does("take", credits="3")
    end_reading()
    entries = {entry.seq: entry.credits for entry in history(db.session(), desk.account_id, now=utc_now()).entries}
    told = {seq: act.after["balance"] - act.before["balance"] for act in acts() for seq in act.entry_seqs}
    assert told == {2: 5, 3: -3}
    assert told.items() <= entries.items()


def test_an_act_leads_to_the_one_that_undoes_it(app, desk):
    def undoes(page):
        return page.with_id("counter").attributes["href"].removeprefix(desk.path() + "/")

    granted = desk.does("grant", credits="5")
    assert cells(desk.does(undoes(granted)))["Available"] == ("25", "20")
    assert undoes(desk.does("take", credits="3")) == "grant"
    paused = desk.does("pause")
    assert undoes(desk.does(undoes(paused))) == "pause"
    assert not desk.does("sign-out").has_id("counter")
    looking = Desk.of(app, "support", desk.account_id)
    assert not looking.pages.open(f"/operator/acts/{acts()[0].id}").has_id("counter")
