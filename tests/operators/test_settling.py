"""Settling a quarantined payment from the console, and reading purchases page by page, on both databases."""

import re

from tests.billing import returning
from tests.billing.test_reconcile import change, everything, run
from tests.operators.console import buying, console, quarantined, words
from webapp.extensions import db, end_reading, transact
from webapp.ledger import operations
from webapp.ledger.queries import balance
from webapp.operators.money import payments
from webapp.orm import utc_now

__all__ = ["buying", "console"]


def test_pages_meet_and_leave_nothing_out(buying):
    for number in range(5):
        change(buying.start("starter", key=f"form:{number}"), opened_at=utc_now().replace(microsecond=0))
    seen, after = [], None
    while True:
        page = payments(db.session(), "all", "", after=after, now=utc_now(), limit=2)
        seen += [line.purchase.id for line in page.lines]
        after = page.next_after
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 5


class TestSettling:
    def form(self, console, purchase):
        path = f"/operator/people/{purchase.account_id}/settle"
        page = console.get(path, query_string={"purchase": purchase.id})
        assert page.status_code == 200
        key = re.search(r'name="key" value="([^"]+)"', page.text).group(1)
        return path, key, page

    def test_it_grants_what_was_paid_for_with_a_reason_and_an_act_once(self, buying, console):
        purchase = quarantined(buying)
        path, key, page = self.form(console, purchase)
        assert "Payment Being checked Paid" in words(page)
        form = {"step": "do", "key": key, "purchase": purchase.id, "reason": "The price was changed meanwhile"}
        first, second = console.send(path, **form), console.send(path, **form)
        assert (first.status_code, second.status_code) == (303, 303)
        assert first.headers["Location"] == second.headers["Location"]
        stored = buying.purchase(purchase)
        assert (stored.state, buying.bought()) == ("paid", [1000])
        assert stored.differences, "what differed stays written"
        act = words(console.get(first.headers["Location"]))
        assert "Settled a payment" in act
        assert "The price was changed meanwhile" in act
        buying.assert_sound()
        buying.tell_all()
        run()
        assert buying.bought() == [1000]

    def test_money_that_came_back_before_takes_its_share_at_once(self, buying, console):
        purchase = quarantined(buying)
        returning.refund(buying, purchase, 1750)
        buying.tell_all()
        path, key, _ = self.form(console, purchase)
        console.send(path, step="do", key=key, purchase=purchase.id, reason="x")
        end_reading()
        assert balance(db.session(), purchase.account_id, now=utc_now()).available == 20 + 500
        buying.assert_sound()

    def test_without_a_reason_or_for_a_purchase_that_does_not_wait_nothing_is_done(self, buying, console):
        purchase = quarantined(buying)
        path, key, _ = self.form(console, purchase)
        before = everything(buying)
        assert console.send(path, step="do", key=key, purchase=purchase.id, reason=" ").status_code == 422
        other = buying.start("starter", key="form:9")
        for purchase_id in (other.id, "nothing", ""):
            answer = console.send(path, step="do", key="k" * 22, purchase=purchase_id, reason="x")
            assert answer.status_code in {409, 422}, purchase_id
        assert [row for row in everything(buying)[0] if row.id == purchase.id] == [
            row for row in before[0] if row.id == purchase.id
        ]
        assert buying.bought() == []

    def test_credits_that_were_granted_by_hand_are_not_granted_again(self, buying, console):
        purchase = quarantined(buying)
        path, key, _ = self.form(console, purchase)
        facts = {"kind": "purchased", "key": f"cli:quarantine:{purchase.id}", "source_kind": "cli"}
        transact(
            lambda session: operations.grant(
                session,
                purchase.account_id,
                credits=1000,
                source_id=f"quarantine:{purchase.id}",
                now=utc_now(),
                **facts,
            )
        )
        assert "granted by hand before" in words(console.get(f"/operator/purchases/{purchase.id}"))
        answer = console.send(path, step="do", key=key, purchase=purchase.id, reason="x")
        assert "granted by hand before" in words(answer)
        assert buying.purchase(purchase).state == "quarantined"
