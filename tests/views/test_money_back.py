"""What people are told of refunds and disputes: History, the dashboard, Purchases, the receipt, banners (pages 3.7)."""

import csv
import dataclasses
import datetime as dt
import io

import pytest

from tests.api.books import spend
from tests.billing import returning
from tests.billing.buying import Buying
from tests.support.money_back import dispute_of, refund_of, tell
from tests.views.shopper import CREDITS
from webapp.extensions import transact
from webapp.ledger.operations import hold, release
from webapp.orm import utc_now

HISTORY = "/dashboard/history"
DASHBOARD = "/dashboard"


@pytest.fixture
def bought(shopper):
    """A popular pack: 1,000 credits for $35.00."""
    return shopper.granted("popular")


def history_rows(shopper, path=HISTORY):
    """Each row's words before its hour, and its change of the balance, the newest first."""
    page = shopper.pages.open(path)
    found = [node for node in page.root.all("li") if node.attributes.get("id", "").startswith("entry-")]
    titles = [next(part for part in node.all("p") if "feed__what" in part.classes).text for node in found]
    changes = [next(part for part in node.all("p") if "feed__amt" in part.classes).text.split()[0] for node in found]
    return list(zip(titles, changes, strict=True))


def labels(shopper):
    """What stands beside the hour of the newest row."""
    page = shopper.pages.open(HISTORY)
    newest = next(node for node in page.root.all("li") if node.attributes.get("id", "").startswith("entry-"))
    return next(part for part in newest.all("p") if "feed__when" in part.classes).text.split(" · ")[1:]


def purchases(shopper):
    """The list of purchases: the cells of each line."""
    table = shopper.pages.open(CREDITS).with_id("purchases")
    return [[cell.text for cell in row if cell.tag in {"th", "td"}] for row in table.all("tr")][1:]


def alerts(shopper):
    """The banners, title and text."""
    return [
        " ".join(part.text for part in node.all("p"))
        for node in shopper.pages.open(DASHBOARD).with_id("alerts")
        if node.attributes.get("id", "").startswith("alert-")
    ]


def receipt(shopper, purchase):
    return shopper.pages.open(f"{CREDITS}/receipts/{purchase.id}").text


def test_a_refund_in_full_is_told_in_money_and_credits(shopper, bought):
    tell(bought, refund_of(bought))
    told = [("Refund: Popular pack · −$35.00", "−1,000"), ("Popular pack · $35.00 Refunded", "+1,000")]
    assert history_rows(shopper)[:2] == told
    assert "Refund: Popular pack · −$35.00" in shopper.pages.open(DASHBOARD).with_id("recent-activity").text
    first, refund = purchases(shopper)
    assert first[:2] == ["Popular", "Refunded"]
    assert [refund[0], refund[1], *refund[3:5]] == ["Refund: Popular pack", "Refunded", "−$35.00", "−1,000"]
    text = receipt(shopper, bought)
    assert "−$35.00 (refunded) Left of it $0.00" in text
    assert "1,000 credits of this pack were taken back." in text
    assert "used already" not in text


def test_of_a_refund_in_part_the_rest_stays(shopper, bought):
    tell(bought, refund_of(bought, 700))
    assert history_rows(shopper)[:2] == [
        ("Refund: Popular pack · −$7.00", "−200"),
        ("Popular pack · $35.00 Partly refunded", "+1,000"),
    ]
    first, refund = purchases(shopper)
    assert first[1] == "Partly refunded"
    assert refund[3:5] == ["−$7.00", "−200"]
    assert "Left of it $28.00" in receipt(shopper, bought)


def test_each_of_several_refunds_is_told_with_its_own_money(shopper, bought):
    first, second = refund_of(bought, 700), refund_of(bought, 1400)
    tell(bought, first)
    tell(bought, first, second)
    assert [title for title, _ in history_rows(shopper)[:2]] == [
        "Refund: Popular pack · −$14.00",
        "Refund: Popular pack · −$7.00",
    ]
    _, refunds = purchases(shopper)
    assert [refunds[0], *refunds[3:5]] == ["2 refunds: Popular pack", "−$21.00", "−600"]


def test_what_was_used_already_is_said_to_come_off_the_next_credits(shopper, bought):
    spend(shopper.user.account_id, 920)  # 20 of the welcome, 900 of the pack
    tell(bought, refund_of(bought))
    text = shopper.pages.open(HISTORY).text
    assert "900 had been used already: your next credits cover that first." in text
    assert "Of these, 900 credits had been used already" in receipt(shopper, bought)
    debt, refund = alerts(shopper)
    assert debt.startswith("−900 credits Your next credits cover it first.")
    assert refund.startswith("Refunded: $35.00 Popular pack, ")


def test_a_refund_on_its_way_and_one_that_failed(shopper, bought):
    pending = refund_of(bought, state="pending")
    tell(bought, pending)
    assert purchases(shopper)[0][1] == "Refund on its way"
    assert purchases(shopper)[1][1] == "On its way"
    assert alerts(shopper)[0].startswith("A refund is on its way: $35.00")
    assert "−$35.00 (on its way)" in receipt(shopper, bought)
    tell(bought, dataclasses.replace(pending, state="failed"))
    assert history_rows(shopper)[:3] == [
        ("Refund undone: Popular pack · +$35.00", "+1,000"),
        ("Refund: Popular pack · −$35.00", "−1,000"),
        ("Popular pack · $35.00", "+1,000"),
    ]
    assert labels(shopper)[0] == "Given back"
    first, refund = purchases(shopper)
    assert (first[1], refund[1], *refund[3:5]) == ("Paid", "Failed", "$35.00", "Nothing taken")
    assert alerts(shopper)[0].startswith("A refund has failed: $35.00")
    text = receipt(shopper, bought)
    assert "$35.00 (failed)" in text
    assert "Left of it" not in text


def test_a_refund_is_announced_for_three_days(shopper, bought):
    day = dt.timedelta(days=1)
    tell(bought, refund_of(bought, 700), now=utc_now() - 3 * day)
    assert alerts(shopper) == []
    other = shopper.granted("small")
    tell(other, refund_of(other), now=utc_now() - 2.9 * day)
    assert alerts(shopper)[0].startswith("Refunded: $20.00 Small pack")


def test_credits_that_were_on_hold_are_taken_later_without_the_money_twice(shopper, bought):
    account_id = shopper.user.account_id
    held = transact(
        lambda session: hold(session, account_id, credits=1020, key="h", lasts_seconds=600, now=utc_now()).entry.seq
    )
    tell(bought, refund_of(bought))
    assert "1,000 credits on hold for work in progress." in receipt(shopper, bought)
    transact(lambda session: release(session, account_id, hold_seq=held, key="r", now=utc_now()))
    assert history_rows(shopper)[0] == ("Refund: Popular pack", "−1,000")
    assert labels(shopper)[0] == "$35.00 in all"


def test_a_refund_told_before_the_credits_is_told_after_them(shopper):
    paid = shopper.paid("popular")
    tell(paid, refund_of(paid))
    shopper.come_back(paid)
    assert [title for title, _ in history_rows(shopper)[:2]] == [
        "Refund: Popular pack",
        "Popular pack · $35.00 Refunded",
    ]


def test_a_dispute_is_told_at_each_step_until_it_is_won(shopper, bought):
    opened = dispute_of(bought)
    tell(bought, opened)
    assert history_rows(shopper)[0] == ("Payment disputed: Popular pack · $35.00", "0")
    assert labels(shopper)[0] == "On hold"
    first, dispute = purchases(shopper)
    assert first[1] == "Disputed"
    assert [dispute[0], dispute[1], *dispute[3:5]] == ["Dispute: Popular pack", "Open", "$35.00", "1,000 on hold"]
    assert "1,000 on hold while a payment is disputed." in shopper.pages.open(DASHBOARD).text
    (alert,) = alerts(shopper)
    assert alert.startswith("A payment is disputed: Popular pack, $35.00 The credits it paid for are on hold until")
    assert "1,000 credits on hold until the dispute is decided." in receipt(shopper, bought)

    withdrawn = dataclasses.replace(opened, is_withdrawn=True)
    tell(bought, withdrawn)
    assert history_rows(shopper)[0] == ("Payment disputed: Popular pack · −$35.00", "−1,000")
    assert labels(shopper)[0] == "Taken back"
    assert purchases(shopper)[1][3:5] == ["−$35.00", "−1,000"]
    assert "has taken the money back for now" in alerts(shopper)[0]
    assert "−$35.00 (open)" in receipt(shopper, bought)

    tell(bought, dataclasses.replace(opened, state="won"))
    assert history_rows(shopper)[0] == ("Dispute settled: Popular pack · +$35.00", "+1,000")
    assert labels(shopper)[0] == "Given back"
    first, dispute = purchases(shopper)
    assert (first[1], dispute[1], *dispute[3:5]) == ("Paid", "Won", "$35.00", "Nothing taken")
    assert alerts(shopper) == []


def test_a_dispute_that_is_lost_keeps_what_it_took(shopper, bought):
    opened = dispute_of(bought, is_withdrawn=True)
    tell(bought, opened)
    tell(bought, dataclasses.replace(opened, state="lost"))
    first, dispute = purchases(shopper)
    assert (first[1], dispute[1], *dispute[3:5]) == ("Dispute lost", "Lost", "−$35.00", "−1,000")
    assert alerts(shopper) == []
    assert "−$35.00 (lost) Left of it $0.00" in receipt(shopper, bought)


def test_an_inquiry_holds_credits_and_lets_them_go(shopper, bought):
    inquiry = dispute_of(bought, "warning_needs_response")
    tell(bought, inquiry)
    assert "The bank asks about it." in alerts(shopper)[0]
    tell(bought, dataclasses.replace(inquiry, state="warning_closed"))
    assert history_rows(shopper)[0] == ("Dispute settled: Popular pack · $35.00", "0")
    assert labels(shopper)[0] == "No longer on hold"
    assert purchases(shopper)[0][1] == "Paid"
    assert purchases(shopper)[1][1] == "Closed"


def test_refund_and_dispute_of_one_purchase_are_told_apart(shopper, bought):
    refund = refund_of(bought, 1400)
    tell(bought, refund)
    tell(bought, refund, dispute_of(bought, minor=2100, is_withdrawn=True))
    assert history_rows(shopper)[:2] == [
        ("Payment disputed: Popular pack · −$21.00", "−600"),
        ("Refund: Popular pack · −$14.00", "−400"),
    ]
    _, refunds, disputes = purchases(shopper)
    assert refunds[3:5] == ["−$14.00", "−400"]
    assert disputes[3:5] == ["−$21.00", "−600"]


def test_both_seen_at_once_are_one_entry_that_names_both(shopper, bought):
    tell(bought, refund_of(bought, 1400), dispute_of(bought, minor=2100, is_withdrawn=True))
    assert history_rows(shopper)[0] == ("Refund and dispute: Popular pack · −$35.00", "−1,000")


def test_an_open_dispute_of_an_old_purchase_is_told_too(shopper, bought):
    for _ in range(5):
        shopper.granted("starter")
    tell(bought, dispute_of(bought))
    assert alerts(shopper)[0].startswith("A payment is disputed: Popular pack")
    assert "Popular" not in {row[0] for row in purchases(shopper)}


def test_the_two_worst_banners_are_shown_worst_first(shopper, bought):
    spend(shopper.user.account_id, 1020)
    other = shopper.granted("small")
    spend(shopper.user.account_id, 500)
    tell(other, refund_of(other))
    tell(bought, dispute_of(bought, is_withdrawn=True))
    shown = alerts(shopper)
    assert [text[:20] for text in shown] == ["A payment is dispute", "−1,500 credits Your "]


def test_a_payment_being_checked_is_told_until_its_money_went_back(shopper):
    waiting = shopper.quarantined("power")
    assert alerts(shopper)[0].startswith("Your payment is being checked Power pack: we have your payment")
    tell(waiting, refund_of(waiting, 1))
    assert not any("being checked" in text for text in alerts(shopper))
    row, refund = purchases(shopper)
    assert row[1] == "Refunded"
    assert row[4].startswith("Nothing was added, and your money went back.")
    assert refund[1] == "Refunded"
    assert not shopper.pages.open(HISTORY).has_id(f"pending-{waiting.id}")


def test_refunds_and_disputes_are_found_by_what_they_are_called(shopper, bought):
    def found(text):
        return [title.split(":")[0] for title, _ in history_rows(shopper, f"{HISTORY}?q={text}")]

    other = shopper.granted("small")
    tell(bought, refund_of(bought))
    for text, titles in {"refund": ["Refund"], "dispute": [], "on+hold": [], "taken+back": []}.items():
        assert found(text) == titles, text
    tell(other, dispute_of(other))
    assert found("disputed") == ["Payment disputed", "Refund"]  # kinds are searched for, and one kind is called both
    assert found("on+hold") == ["Payment disputed"]


def test_files_and_the_api_say_the_same(shopper, bought):
    refund = refund_of(bought, 700, id="re_sim_first")
    tell(bought, refund)
    tell(bought, refund, dispute_of(bought, minor=1400, id="du_sim_first"))
    lines = list(csv.DictReader(io.StringIO(shopper.pages.client.get(f"{HISTORY}/export").get_data(as_text=True))))
    told = [(line["kind"], line["because"], line["money_minor"], line["currency"]) for line in lines]
    assert told[:3] == [
        ("freeze", "dispute", "1400", "usd"),
        ("takeback", "refund", "-700", "usd"),
        ("grant", "", "", ""),
    ]
    entries = shopper.pages.client.get("/api/credits/history").get_json()["entries"]
    assert entries == shopper.pages.client.get(f"{HISTORY}/export?format=json").get_json()
    because = {"why": "refund", "amount_minor": -700, "currency": "usd", "ids": ["re_sim_first"]}
    assert entries[1]["because"] == because | {"purchase": bought.reference}
    assert entries[2]["because"] is None


def test_a_payment_that_was_refunded_in_full_is_verified_as_refunded(shopper, bought):
    path = f"/api/billing/verify-payment?session_id={bought.session_id}"
    verify = lambda: shopper.pages.client.get(path).get_json()  # noqa: E731  # asked three times
    refund = refund_of(bought, 700)
    tell(bought, refund)
    assert verify()["status"] == "paid"
    tell(bought, refund, dispute_of(bought, minor=2800, is_withdrawn=True))
    assert verify()["status"] == "paid"
    tell(bought, refund, refund_of(bought, 2800))
    assert verify() == {"status": "refunded", "credits_granted": 1000, "balance": {"available": 20, "held": 0}}


def test_who_comes_back_to_a_refunded_purchase_is_not_told_of_credits_added(shopper, bought):
    tell(bought, refund_of(bought))
    page = shopper.pages.open(f"{CREDITS}?checkout=success&purchase={bought.id}")
    assert "This purchase is refunded" in page.with_id("notice").text
    assert "added" not in page.with_id("notice").text
    assert "Since then money of this payment has gone back" in shopper.come_back(bought).text


def heard(buying):
    """Everything that Stripe has to tell, told."""
    returning.tell(buying, *returning.taken(buying))


def test_a_refund_made_in_stripes_dashboard_is_told_when_its_events_arrive(app, shopper, bought):
    buying = Buying(app, shopper.user, [])
    returning.taken(buying)
    returning.refund(buying, bought, 700)
    assert purchases(shopper)[0][1] == "Paid"
    heard(buying)
    assert history_rows(shopper)[0] == ("Refund: Popular pack · −$7.00", "−200")
    assert purchases(shopper)[1][1:2] + purchases(shopper)[1][3:5] == ["Refunded", "−$7.00", "−200"]


def test_the_life_of_a_dispute_at_stripe_is_told_at_each_step(app, shopper, bought):
    buying = Buying(app, shopper.user, [])
    returning.taken(buying)
    opened = returning.dispute(buying, bought)
    heard(buying)
    assert "The credits it paid for are on hold" in alerts(shopper)[0]
    assert history_rows(shopper)[0] == ("Payment disputed: Popular pack · $35.00", "0")
    returning.move(buying, opened["id"], "withdraw")
    heard(buying)
    assert history_rows(shopper)[0] == ("Payment disputed: Popular pack · −$35.00", "−1,000")
    returning.move(buying, opened["id"], "win")
    heard(buying)
    assert history_rows(shopper)[0] == ("Dispute settled: Popular pack · +$35.00", "+1,000")
    assert alerts(shopper) == []
    assert purchases(shopper)[0][1] == "Paid"
