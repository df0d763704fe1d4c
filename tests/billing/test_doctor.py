"""`flask doctor`: each thing that can be wrong is named, with what to do, and no check hides another."""

import datetime as dt
import json
import threading
from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, text, update

from tests.billing import returning
from tests.billing.test_reconcile import change, run
from webapp.billing.gateway import build_gateway
from webapp.billing.models import StripePrice, WebhookEvent
from webapp.billing.reconcile.models import Reconciliation, ReconciliationFinding
from webapp.billing.webhooks import event_types
from webapp.doctor import run as doctor
from webapp.doctor import stripe
from webapp.doctor.check import Diagnosis, age_text, counted
from webapp.extensions import db, transact
from webapp.orm import utc_now
from webapp.worker.loop import run_once
from webapp.worker.models import SweepRun

URL = "http://127.0.0.1:8000/api/stripe/webhook"
PUBLIC = "https://credits.example.com"
SECRET = "whsec_canary_of_the_test"


def look(name):
    """One check, made as the command makes it."""
    (found,) = doctor.all_checks(diagnoses=[one for one in doctor.DIAGNOSES if one.name == name])
    assert found.name == name
    return found


def states():
    return {check.name: check.state for check in doctor.all_checks()}


@pytest.fixture
def with_settings(buying):
    """Change settings of the running application; its Stripe stays the simulated one, in whatever mode is said."""

    def change_settings(**changes):
        parts = buying.app.extensions["refill"]
        settings = parts.settings.model_copy(update=changes)
        gateway = build_gateway(settings, http_client=buying.simulator)
        buying.app.extensions["refill"] = replace(parts, settings=settings, gateway=gateway)

    return change_settings


@pytest.fixture
def real(buying, with_settings):
    """As with a test key, at a public address; nothing is bought."""
    with_settings(
        stripe_mode="test",
        stripe_secret_key=SecretStr("sk_test_simulated"),
        base_url=PUBLIC,
        stripe_webhook_secret=SecretStr(SECRET),
    )
    return buying


def test_an_installation_that_runs_and_is_used_has_nothing_bad(buying):
    buying.paid()
    buying.tell_all()
    run_once()
    assert {name: state for name, state in states().items() if state != "ok"} == {}
    assert look("ledger").sentence == "All 1 balance matches."
    assert look("webhooks").sentence == "Stripe last reached this server 0 s ago."


def test_the_command_prints_a_line_for_each_and_ends_with_1_where_something_is_bad(buying):
    runner = buying.app.test_cli_runner()
    ran = runner.invoke(args=["doctor"])
    assert ran.exit_code == 1, "no worker has run"
    assert "bad   worker          The worker has never run. Start `flask worker`." in ran.stdout
    run_once()
    ran = runner.invoke(args=["doctor"])
    assert (ran.exit_code, len(ran.stdout.splitlines())) == (0, len(doctor.DIAGNOSES))
    ran = runner.invoke(args=["doctor", "--json", "--deep"])
    assert ran.exit_code == 0
    assert {check["name"] for check in json.loads(ran.stdout)} == {one.name for one in doctor.DIAGNOSES}


class TestModeAndSecrets:
    def test_without_payments_it_says_what_to_set(self, buying, with_settings):
        with_settings(stripe_mode="off")
        assert look("stripe").state == "warn"
        assert "STRIPE_SECRET_KEY" in look("stripe").sentence
        assert {"bad"} & {look(name).state for name in ("endpoint", "webhooks", "prices", "reconciliation")} == set()

    @pytest.mark.parametrize(
        ("mode", "app_env", "state"),
        [("live", "production", "ok"), ("live", "development", "warn"), ("test", "production", "warn")],
    )
    def test_the_mode_must_fit_where_we_run(self, real, with_settings, mode, app_env, state):
        key = SecretStr("sk_test_simulated")
        with_settings(stripe_mode=mode, app_env=app_env, stripe_secret_key=key)
        assert look("stripe").state == state

    def test_a_missing_webhook_secret_is_bad_and_one_of_the_wrong_kind_is_told(self, real, with_settings):
        assert look("webhook secret").state == "ok"
        with_settings(stripe_webhook_secret=SecretStr("sk_test_pasted_here"))
        assert look("webhook secret").state == "warn"
        with_settings(stripe_webhook_secret=None)
        found = look("webhook secret")
        assert found.state == "bad"
        assert f"flask stripe sync --webhook {PUBLIC}/api/stripe/webhook" in found.sentence

    def test_no_secret_is_in_anything_it_says(self, real):
        for args in (["doctor"], ["doctor", "--json"]):
            ran = real.app.test_cli_runner().invoke(args=args)
            assert SECRET not in ran.output
            assert "sk_test" not in ran.output


class TestEndpoint:
    def make(self, real, **more):
        params = {"url": f"{PUBLIC}/api/stripe/webhook", "enabled_events": list(event_types())} | more
        gateway = real.app.extensions["refill"].gateway
        params.setdefault("api_version", "2026-10-28.endive")
        return gateway._v1.webhook_endpoints.create({name: fact for name, fact in params.items() if fact})

    def test_none_at_our_address_is_bad_with_the_exact_address_to_paste(self, real):
        self.make(real, url=f"{PUBLIC}/stripe/webhook")
        found = look("endpoint")
        assert found.state == "bad"
        assert f"its address must be {PUBLIC}/api/stripe/webhook" in found.sentence
        assert [one["url"] for one in found.facts["endpoints"]] == [f"{PUBLIC}/stripe/webhook"]

    def test_one_that_tells_everything_is_right(self, real):
        self.make(real)
        assert look("endpoint").state == "ok"

    def test_one_that_tells_all_there_is_is_right(self, real):
        self.make(real, enabled_events=["*"])
        assert look("endpoint").state == "ok"

    def test_one_that_lacks_an_event_is_bad_and_names_it(self, real):
        self.make(real, enabled_events=[one for one in event_types() if one != "refund.failed"])
        found = look("endpoint")
        assert (found.state, "doesn't tell us refund.failed:" in found.sentence) == ("bad", True)

    def test_a_disabled_one_is_bad(self, real):
        made = self.make(real)
        real.app.extensions["refill"].gateway._v1.webhook_endpoints.update(made.id, {"disabled": True})
        assert (look("endpoint").state, "is disabled" in look("endpoint").sentence) == ("bad", True)

    @pytest.mark.parametrize("version", ["2024-06-20", None])
    def test_one_of_another_version_works_and_is_told(self, real, version):
        self.make(real, api_version=version)
        assert (look("endpoint").state, "API version" in look("endpoint").sentence) == ("warn", True)

    def test_two_of_the_same_address_tell_everything_twice(self, real):
        self.make(real)
        self.make(real)
        assert (look("endpoint").state, "2 times" in look("endpoint").sentence) == ("warn", True)

    def test_a_machine_of_ones_own_is_told_to_listen(self, real, with_settings):
        with_settings(base_url="http://127.0.0.1:8000")
        assert (look("endpoint").state, "flask stripe listen" in look("endpoint").sentence) == ("warn", True)

    @pytest.mark.parametrize(("status", "words"), [(401, "STRIPE_SECRET_KEY"), (403, "may not"), (500, "reached")])
    def test_a_stripe_that_says_no_or_nothing_is_bad(self, real, status, words):
        real.simulator.faults.answer("GET", "/v1/webhook_endpoints", status=status, times=9)
        assert (look("endpoint").state, words in look("endpoint").sentence) == ("bad", True)


class TestPrices:
    def test_a_pack_whose_price_differs_or_is_gone_is_bad(self, buying):
        assert look("prices").state == "ok"
        of = StripePrice.lookup_key == "refill_pack_popular"
        transact(lambda session: session.execute(update(StripePrice).where(of).values(amount_minor=1)))
        found = look("prices")
        assert (found.state, list(found.facts["packs"])) == ("bad", ["popular"])
        assert "Run: flask stripe sync" in found.sentence
        transact(lambda session: session.execute(delete(StripePrice)))
        assert len(look("prices").facts["packs"]) == 6


class TestWebhooks:
    def test_a_server_that_stripe_never_reached_is_told_the_address(self, real):
        """Nobody has bought yet: there is time to put it right."""
        found = look("webhooks")
        assert found.state == "warn"
        assert found.sentence == (
            f"Stripe has never reached this server. Check the endpoint: its address must be {PUBLIC}/api/stripe/webhook"
        )

    def test_before_anybody_bought_in_simulation_nothing_is_missing(self, buying):
        assert look("webhooks").state == "ok"

    def test_payments_without_any_webhook_are_bad(self, buying):
        purchase = buying.paid()
        buying.settle(purchase)
        found = look("webhooks")
        assert (found.state, URL in found.sentence) == ("bad", True)
        run()
        assert look("webhooks").state == "bad", "what a reconciliation found hasn't reached us"

    def test_events_that_never_came_are_bad_until_webhooks_arrive_again(self, buying):
        buying.paid(key="form:1")
        buying.tell_all()
        assert look("webhooks").state == "ok"
        buying.paid(key="form:2")
        returning.taken(buying)
        run()
        found = look("webhooks")
        assert (found.state, found.facts["never_came"]) == ("bad", 2)
        buying.paid(key="form:3")
        buying.tell_all()
        assert (look("webhooks").state, "arrive again" in look("webhooks").sentence) == ("warn", True)
        long_ago = utc_now() - dt.timedelta(days=2)
        transact(lambda session: session.execute(update(ReconciliationFinding).values(found_at=long_ago)))
        assert look("webhooks").state == "ok"

    def test_late_ones_are_told(self, buying):
        buying.paid()
        buying.tell_all()
        earlier = utc_now() - dt.timedelta(hours=2, minutes=1)
        transact(lambda session: session.execute(update(WebhookEvent).values(created_at=earlier)))
        assert (look("webhooks").state, "up to 2 hours late" in look("webhooks").sentence) == ("warn", True)


class TestEvents:
    @pytest.mark.parametrize(("age", "state"), [(dt.timedelta(minutes=5), "warn"), (dt.timedelta(hours=2), "bad")])
    def test_failed_and_parked_ones_are_counted_with_the_oldest(self, buying, age, state):
        buying.paid()
        buying.tell_all()
        assert look("events").state == "ok"
        then = utc_now() - age
        of = WebhookEvent.type == "checkout.session.completed"
        changes = {"state": "failed", "received_at": then}
        transact(lambda session: session.execute(update(WebhookEvent).where(of).values(**changes)))
        of_payment = WebhookEvent.type == "payment_intent.succeeded"
        transact(lambda session: session.execute(update(WebhookEvent).where(of_payment).values(state="parked")))
        found = look("events")
        assert (found.state, found.facts) == (state, {"failed": 1, "parked": 1})
        assert age_text(age) in found.sentence

    def test_events_of_another_mode_are_told(self, buying):
        buying.paid()
        buying.tell_all()
        assert look("strangers").state == "ok"
        transact(lambda session: session.execute(update(WebhookEvent).values(state="ignored", reason="mode")))
        assert look("strangers").state == "warn"


class TestMoney:
    def test_a_quarantined_payment_is_bad(self, buying):
        purchase = buying.paid()
        change(purchase, amount_minor=1)
        buying.tell_all()
        assert (look("purchases").state, look("purchases").facts) == ("bad", {"quarantined": 1})

    def test_a_purchase_that_nobody_settles_is_told_and_one_at_a_bank_is_not(self, buying):
        purchase = buying.paid(outcome="delayed_succeeds")
        assert look("purchases").state == "ok"
        buying.settle(purchase)
        assert (look("purchases").state, look("purchases").facts) == ("ok", {"processing": 1})
        change(purchase, opened_at=utc_now() - dt.timedelta(days=20))
        assert (look("purchases").state, purchase.reference in look("purchases").sentence) == ("warn", True)

    def test_an_open_dispute_is_told_until_it_ends(self, buying):
        purchase = buying.paid()
        dispute = returning.dispute(buying, purchase, "withdraw")
        run()
        assert (look("disputes").state, look("disputes").facts) == ("warn", {"disputes": 1})
        returning.move(buying, dispute["id"], "win")
        run()
        assert look("disputes").state == "ok"

    def test_simulated_grants_beside_real_money_are_bad(self, buying, with_settings):
        buying.settle(buying.paid())
        assert look("simulated").state == "ok"
        key = SecretStr("sk_test_simulated")
        with_settings(stripe_mode="test", stripe_secret_key=key)
        assert look("simulated").state == "warn"
        with_settings(stripe_mode="live", stripe_secret_key=key)
        assert look("simulated").state == "bad"


class TestReconciliation:
    def test_its_age_and_its_stop_are_told(self, buying):
        buying.paid()
        assert (look("reconciliation").state, "never compared" in look("reconciliation").sentence) == ("warn", True)
        run()
        assert look("reconciliation").state == "ok"
        for hours, state in ((4, "warn"), (25, "bad")):
            then = utc_now() - dt.timedelta(hours=hours)
            transact(lambda session, then=then: session.execute(update(Reconciliation).values(reached_at=then)))
            assert look("reconciliation").state == state
        run()
        buying.simulator.faults.refuse_connection("GET", "/v1/checkout/sessions", times=99)
        run()
        assert (look("reconciliation").state, "stopped: Stripe" in look("reconciliation").sentence) == ("warn", True)

    def test_what_needs_a_person_is_bad(self, buying):
        purchase = buying.paid()
        buying.tell_all()
        change(purchase, total_minor=1)
        run()
        assert (look("reconciliation").state, look("reconciliation").facts) == ("bad", {"findings": 1})


class TestStorage:
    def test_another_migration_is_bad(self, buying):
        assert look("migrations").state == "ok"
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        assert (look("migrations").state, "flask db upgrade" in look("migrations").sentence) == ("bad", True)

    def test_a_late_sweep_is_bad_where_money_waits_for_it(self, buying):
        run_once()
        assert look("worker").state == "ok"
        late = utc_now() - dt.timedelta(days=1)
        for name, state in (("exports", "warn"), ("purchases", "bad")):
            of = SweepRun.name == name
            transact(lambda session, of=of: session.execute(update(SweepRun).where(of).values(finished_at=late)))
            assert (look("worker").state, f"{name} (1440 min)" in look("worker").sentence) == (state, True)

    def test_a_ledger_that_does_not_add_up_is_bad_in_the_sample_in_the_whole_and_on_the_page(self, buying):
        buying.settle(buying.paid())
        run_once()
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE accounts SET available = available + 1, seq = seq"))
        assert look("ledger").state == "bad"
        deep = next(iter(doctor.all_checks(is_deep=True, diagnoses=[doctor.DIAGNOSES[-1]])))
        assert (deep.name, deep.state) == ("ledger", "bad")
        as_swept = {check.name: check for check in doctor.cheap_checks()}["ledger"]
        assert (as_swept.state, "1 balance matches" in as_swept.sentence) == ("ok", True), "as of the last look"
        run_once()
        as_swept = {check.name: check for check in doctor.cheap_checks()}["ledger"]
        assert (as_swept.state, "flask credits verify" in as_swept.sentence) == ("bad", True)

    @pytest.mark.parametrize(("away", "state"), [(1, "ok"), (60, "warn"), (-60, "warn"), (280, "bad")])
    def test_a_clock_that_is_out_is_told(self, buying, monkeypatch, away, state):
        theirs = utc_now() + dt.timedelta(seconds=away)
        monkeypatch.setattr(buying.app.extensions["refill"].gateway, "clock", lambda: theirs)
        assert look("clock").state == state

    def test_without_stripes_clock_the_databases_is_compared(self, buying, monkeypatch):
        monkeypatch.setattr(buying.app.extensions["refill"].gateway, "clock", lambda: None)
        assert look("clock").state == "ok"
        if db.engine.dialect.name == "postgresql":
            assert look("clock").facts["compared_with"] == "the database's"
            monkeypatch.setattr(stripe, "utc_now", lambda: utc_now() + dt.timedelta(minutes=1))
            assert look("clock").state == "warn"


class TestAlone:
    def test_a_check_that_breaks_is_bad_and_hides_no_other(self, buying):
        with db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE webhook_events RENAME TO hidden"))
        found = {check.name: check for check in doctor.cheap_checks()}
        assert (found["webhooks"].state, "couldn't be looked at" in found["webhooks"].sentence) == ("bad", True)
        assert (found["purchases"].state, found["migrations"].state) == ("ok", "ok")
        assert len(found) == len(doctor.CHEAP)

    def test_a_check_that_takes_too_long_is_left_behind(self, buying, monkeypatch):
        monkeypatch.setattr(doctor, "SECONDS", 0.05)
        ended = threading.Event()
        slow = Diagnosis("slow", lambda _look: ended.wait(10) and ("ok", "At last."))
        found = list(doctor.all_checks(diagnoses=[slow, Diagnosis("next", lambda _look: ("ok", "Fine."))]))
        ended.set()
        assert [(check.name, check.state) for check in found] == [("slow", "bad"), ("next", "ok")]
        assert "took more than" in found[0].sentence

    def test_the_cheap_ones_ask_nobody(self, buying):
        buying.asked.clear()
        doctor.cheap_checks()
        assert buying.asked == []
        assert db.engine.pool.checkedout() == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 hour"), (172799, "1 day"), (-5, "0 s")],
)
def test_ages_are_said_in_one_word(seconds, words):
    assert age_text(dt.timedelta(seconds=seconds)) == words


def test_numbers_and_their_words_agree():
    assert (counted(1, "event is", "events are"), counted(1000, "event", "events")) == ("1 event is", "1,000 events")
