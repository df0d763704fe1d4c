"""The console's pages of money: health, purchases, events, comparisons with Stripe; the same on both databases."""

import datetime as dt
import re

from tests.app.one_database import database_url
from tests.billing import returning
from tests.billing.test_reconcile import change, everything, run
from tests.operators.console import buying, console, quarantined, words
from webapp.billing.models import WebhookEvent
from webapp.billing.reconcile.records import waiting_findings
from webapp.extensions import db, end_reading, transact
from webapp.orm import utc_now
from webapp.web.pages.operator.events import masked_body

__all__ = ["buying", "console", "database_url"]


class TestHealth:
    def test_it_says_in_words_what_is_wrong_and_leads_there(self, buying, console):
        quarantined(buying)
        page = words(console.get("/operator"))
        assert "need somebody now" in page
        assert "Payments Act now 1 payment isn't what was asked for, the oldest since 0 " in page
        assert "Database Fine" in page
        assert page.index("Payments Act now") < page.index("Database Fine"), "the worst comes first"
        assert 'href="/operator/purchases?show=quarantined"' in console.get("/operator").text

    def test_the_partial_is_the_same_and_stands_in_the_page(self, buying, console):
        partial = console.get("/partials/operator/health").text
        assert re.sub(r"\d+ s ago", "", partial).strip() in re.sub(r"\d+ s ago", "", console.get("/operator").text)
        assert 'id="op-health"' in partial

    def test_a_broken_check_is_a_light_like_others(self, buying, console, monkeypatch):
        monkeypatch.setattr("webapp.doctor.inbox.waiting_findings", lambda _session: 1 / 0)
        assert "This couldn't be looked at: ZeroDivisionError." in words(console.get("/operator"))


class TestPurchases:
    def test_each_kind_shows_its_own_and_leads_to_the_person(self, buying, console):
        checked = quarantined(buying)
        refunded, disputed, plain = (buying.paid("starter", key=f"form:{number}") for number in (2, 3, 4))
        returning.refund(buying, refunded)
        returning.dispute(buying, disputed, "withdraw")
        buying.tell_all()
        stuck = buying.start("small", key="form:5")
        change(stuck, opened_at=utc_now() - dt.timedelta(days=3), expires_at=utc_now() - dt.timedelta(days=2))
        kinds = {"quarantined": checked, "refunded": refunded, "disputed": disputed, "stuck": stuck}
        for kind, only in kinds.items():
            page = console.get(f"/operator/purchases?show={kind}").text
            assert re.findall(r'id="purchase-(\w+)"', page) == [only.id], kind
            assert f'href="/operator/people/{buying.user.account_id}"' in page
        everyone = re.findall(r'id="purchase-(\w+)"', console.get("/operator/purchases").text)
        assert set(everyone) == {one.id for one in (*kinds.values(), plain)}
        assert everyone[-1] == stuck.id, "the newest first"

    def test_a_dispute_is_called_so_whoever_has_its_money_and_a_refund_a_refund(self, buying, console):
        bought = [buying.paid("starter", key=f"form:{number}") for number in (1, 2, 3, 4)]
        refunded, withdrawn, frozen, lost = bought
        returning.refund(buying, refunded)
        returning.dispute(buying, withdrawn, "withdraw")
        returning.dispute(buying, frozen)
        returning.move(buying, returning.dispute(buying, lost, "withdraw")["id"], "lose")
        buying.tell_all()
        for purchase, chip in zip(
            bought, ("Money given back", "Disputed", "Disputed", "Money given back"), strict=True
        ):
            for path in (f"/operator/purchases?q={purchase.reference}", f"/operator/purchases/{purchase.id}"):
                page = console.get(path).text
                head = page.partition('class="bought__head"' if "?" in path else 'class="badges"')[2].partition("</p>")[
                    0
                ]
                assert {one for one in ("Money given back", "Disputed") if one in head} == {chip}, path

    def test_one_is_found_by_its_reference_and_by_each_of_its_ids(self, buying, console):
        first, second = buying.paid("starter", key="form:1"), buying.paid("small", key="form:2")
        buying.tell_all()
        stored = buying.purchase(first)
        ids = (stored.id, stored.session_id, stored.payment_intent_id)
        for text in (*ids, stored.reference, stored.reference.lower()):
            page = console.get("/operator/purchases", query_string={"q": text}).text
            assert re.findall(r'id="purchase-(\w+)"', page) == [first.id], text
        for text in ("nothing", "a b", "é", "'; --", second.id[:-1]):
            assert "Nothing is called that" in words(console.get("/operator/purchases", query_string={"q": text}))
        said = console.get("/partials/operator/purchases", query_string={"q": stored.reference})
        assert "1 purchase." in said.text
        assert said.headers["HX-Push-Url"] == f"/operator/purchases?q={stored.reference}"

    def test_a_missing_one_is_a_missing_page(self, console):
        for purchase_id in ("nothing", "%00", "a" * 300):
            assert console.get(f"/operator/purchases/{purchase_id}").status_code == 404

    def test_one_shows_what_differs_what_came_back_and_what_was_told(self, buying, console):
        purchase = quarantined(buying)
        returning.refund(buying, purchase, 500)
        buying.tell_all()
        page = words(console.get(f"/operator/purchases/{purchase.id}"))
        assert "What was paid is not what was asked for" in page
        assert "Subtotal $34.00 $35.00" in page
        assert "−$5.00" in page
        assert "checkout.session.completed" in page
        assert "refund.created" in page


class TestEvents:
    def test_each_state_shows_its_own(self, buying, console):
        buying.paid()
        buying.tell_all()
        states = {event.id: event.state for event in buying.events()}
        for state in ("handled", "ignored", "failed", "parked"):
            page = console.get(f"/operator/events?show={state}").text
            expected = {event_id for event_id, its in states.items() if its == state}
            assert set(re.findall(r'id="event-(\w+)"', page)) == expected
        assert "No event failed" in words(console.get("/operator/events?show=failed"))

    def test_they_are_found_by_their_id_and_by_what_they_are_about(self, buying, console):
        purchase = buying.paid()
        buying.tell_all()
        event_id = next(event.id for event in buying.events() if event.object_id == purchase.session_id)
        for text in (event_id, purchase.session_id):
            page = console.get("/operator/events", query_string={"q": text}).text
            assert re.findall(r'id="event-(\w+)"', page) == [event_id]
        assert "1 event." in console.get("/partials/operator/events", query_string={"q": event_id}).text

    def test_one_shows_its_body_folded_and_masked(self, buying, console):
        buying.paid()
        body = (
            '{"data": {"object": {"client_secret": "pi_1_secret_x", "a": ["whsec_abc", "sk_live_abc"], "email": "x"}}}'
        )
        event = WebhookEvent(id="evt_1", stripe_mode="simulated", type="a.b", state="failed", body=body)
        event.created_at = event.received_at = utc_now()
        transact(lambda session: session.add(event))
        page = console.get("/operator/events/evt_1").text
        assert "<details" in page
        for secret in ("pi_1_secret_x", "whsec_abc", "sk_live_abc"):
            assert secret not in page
        assert page.count("[masked]") == 3
        assert masked_body(WebhookEvent(body="no json whsec_abc")) == "no json [masked]"

    def test_a_failed_one_is_taken_in_again_and_a_handled_one_changes_nothing(self, buying, console):
        purchase = buying.paid()
        event_id = buying.told_types()["checkout.session.completed"]
        buying.simulator.faults.answer("GET", "/v1/checkout/sessions/{id}", status=500, times=2)
        assert buying.tell(event_id).status_code == 503
        path = f"/operator/events/{event_id}"
        answer = console.send(f"{path}/replay")
        assert (answer.status_code, answer.headers["Location"]) == (303, path)
        assert "It failed again: Stripe couldn't be reached." in words(console.get(path))
        console.send(f"{path}/replay")
        assert "Taken in again: handled (paid)." in words(console.get(path))
        assert buying.purchase(purchase).state == "paid"
        before = everything(buying)
        console.send(f"{path}/replay")
        assert "This event was handled before, so nothing was done." in words(console.get(path))
        assert everything(buying) == before

    def test_a_missing_one_is_a_missing_page_and_is_not_fetched(self, buying, console):
        buying.paid()
        event_id = buying.told_types()["checkout.session.completed"]
        assert console.get(f"/operator/events/{event_id}").status_code == 404
        assert console.send(f"/operator/events/{event_id}/replay").status_code == 404
        assert buying.events() == []


class TestComparisons:
    def test_runs_and_what_each_found_are_told(self, buying, console):
        assert "Never compared yet" in words(console.get("/operator/reconciliations"))
        purchase = buying.paid()
        report = run()
        page = words(console.get("/operator/reconciliations"))
        assert "A command · 1 payments" in page
        one = words(console.get(f"/operator/reconciliations/{report.id}"))
        assert "Payment of 35.00 USD: paid at Stripe, open here: the credits were granted." in one
        assert purchase.session_id in one
        for number in ("0", str(2**31), str(2**70)):
            assert console.get(f"/operator/reconciliations/{number}").status_code == 404

    def test_what_waits_is_closed_by_a_person_with_a_reason_once(self, buying, console):
        purchase = buying.paid()
        buying.tell_all()
        change(purchase, total_minor=1)
        run()
        (finding,) = waiting_findings(db.session())
        path = f"/operator/findings/{finding.fingerprint}"
        end_reading()
        page = words(console.get(path))
        assert "Total $35.00 $0.01" in page
        assert "Waiting for a person" in words(console.get("/operator/reconciliations"))
        refused = console.send(path, reason="  ")
        assert (refused.status_code, "Say why" in words(refused)) == (422, True)
        assert console.send(path, reason="The tax was corrected").status_code == 303
        page = words(console.get(path))
        assert "The tax was corrected" in page
        assert "billing@example.com" in page
        assert console.send(path, reason="Again").status_code == 422
        end_reading()
        assert waiting_findings(db.session()) == []
        assert run().findings == 0, "it isn't told again"

    def test_a_missing_difference_is_a_missing_page(self, console):
        for fingerprint in ("0" * 64, "nothing", "%00"):
            assert console.get(f"/operator/findings/{fingerprint}").status_code == 404
            assert console.send(f"/operator/findings/{fingerprint}", reason="x").status_code == 404
