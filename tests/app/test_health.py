"""For machines: alive, ready, and figures that only near machines may read."""

import datetime as dt
import math
import re

import pytest
from sqlalchemy import text, update

from tests.support.browsing import sign_in
from webapp.billing.models import Purchase, WebhookEvent
from webapp.extensions import db, end_reading, transact
from webapp.orm import utc_now
from webapp.web.checkout import start_purchase
from webapp.web.migration import migration_head
from webapp.worker.loop import run_once
from webapp.worker.models import SweepRun
from webapp.worker.sweeps import all_sweeps


@pytest.fixture
def nowhere(settings, make_app):
    """The same application with a database that nobody answers for."""
    url = "postgresql://refill@127.0.0.1:1/refill"
    if settings.database_url.startswith("sqlite"):
        url = "sqlite:////no/such/folder/refill.sqlite3"
    return make_app(database_url=url)


def test_health_is_of_the_process_alone(nowhere):
    response = nowhere.test_client().get("/healthz")
    assert (response.status_code, response.json) == (200, {"status": "ok"})


class TestReady:
    def test_ready_with_the_database_at_our_migration(self, client):
        run_once()
        response = client.get("/readyz")
        assert response.status_code == 200
        answer = response.json
        stands = answer.pop("reconciliation")
        assert answer == {"status": "ok", "migration": migration_head(), "late_sweeps": {}}
        assert stands == {"seconds": stands["seconds"], "waiting": 0}
        assert 0 <= stands["seconds"] < 60

    def test_a_worker_that_was_never_started_is_told(self, client):
        late = client.get("/readyz").json["late_sweeps"]
        assert late["purchases"] is None
        assert set(late) == {sweep.name for sweep in all_sweeps()}

    def test_not_ready_without_the_database(self, nowhere):
        response = nowhere.test_client().get("/readyz")
        assert (response.status_code, response.json) == (503, {"status": "no database"})
        assert "refill" not in response.get_data(as_text=True)

    def test_not_ready_while_the_database_is_at_another_migration(self, app, client):
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json == {"status": "not migrated", "found": "0001", "head": migration_head()}

    def test_not_ready_while_the_database_is_empty(self, app, client):
        with db.engine.begin() as connection:
            connection.execute(text("DROP TABLE alembic_version"))
            connection.execute(text("DROP TABLE sweep_runs"))
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json == {"status": "not migrated", "found": None, "head": migration_head()}

    def test_a_late_worker_is_told_and_is_no_reason_to_stop_serving(self, client):
        run_once()
        assert client.get("/readyz").json["late_sweeps"] == {}
        late = utc_now() - dt.timedelta(seconds=301)
        transact(lambda session: session.execute(update(SweepRun).values(finished_at=late)))
        response = client.get("/readyz")
        assert response.status_code == 200
        ages = response.json["late_sweeps"]
        assert set(ages) == {"purchases", "plans", "refund orders", "expiry", "allowances", "parked events", "alerts"}
        assert all(301 <= age < 360 for age in ages.values())

    def test_a_sweep_that_began_and_never_ended_is_late_as_well(self, client):
        run_once()
        began = utc_now() - dt.timedelta(hours=1)
        transact(
            lambda session: session.execute(
                update(SweepRun).where(SweepRun.name == "purchases").values(started_at=began, finished_at=None)
            )
        )
        assert set(client.get("/readyz").json["late_sweeps"]) == {"purchases"}

    def test_it_leaves_no_transaction_open(self, app, client):
        end_reading()
        for _ in range(3):
            client.get("/readyz")
        assert db.engine.pool.checkedout() == 0


def figures(response):
    """Samples by name and labels, as written."""
    assert response.status_code == 200
    lines = response.get_data(as_text=True).splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] not in {"#", ""})}


def ask(app, address="127.0.0.1", **headers):
    return app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": address}, headers=headers)


class TestFigures:
    def test_answers_are_counted_by_route_method_and_status(self, app, client):
        names = [
            'refill_requests_total{method="GET",route="/login",status="200"}',
            'refill_requests_total{method="POST",route="/login",status="400"}',
            'refill_requests_total{method="GET",route="-",status="404"}',
            'refill_request_seconds_count{route="/login"}',
        ]
        before = figures(ask(app))
        client.get("/login?next=/dashboard")
        client.get("/login")
        client.post("/login")
        client.get("/nothing-1")
        client.get("/nothing-2")
        after = figures(ask(app))
        assert [after[name] - before.get(name, 0) for name in names] == [2, 1, 2, 3]

    def test_no_address_person_or_invented_method_becomes_a_label(self, app, user):
        client = sign_in(app, user)
        client.get("/dashboard/credits/receipts/canary-receipt?email=canary@example.com")
        client.get("/canary-path")
        client.open("/login", method="CANARY")
        response = ask(app)
        body = response.get_data(as_text=True)
        assert "canary" not in body.lower()
        assert user.email not in body
        assert figures(response)['refill_requests_total{method="other",route="-",status="405"}'] >= 1

    def test_what_waits_and_what_failed_stands_in_it(self, app, user):
        zero = figures(ask(app))
        waiting = {
            state: f'refill_purchases_waiting{{state="{state}"}}' for state in ("open", "processing", "quarantined")
        }
        assert [zero[name] for name in waiting.values()] == [0, 0, 0]
        assert zero["refill_webhook_events_failed"] == 0
        assert (zero["refill_reconciled_seconds"], zero["refill_reconciliation_findings_waiting"]) == (math.inf, 0)
        assert not {"refill_webhook_last_seconds", "refill_purchase_processing_seconds"} & set(zero)
        purchases = [
            start_purchase(user=user, pack_slug="small", terms=None, open_key=f"form:{number}", now=utc_now())
            for number in range(3)
        ]
        earlier = utc_now() - dt.timedelta(hours=2)

        def work(session):
            slow = session.get_one(Purchase, (user.account_id, purchases[0].id))
            slow.state, slow.opened_at = "processing", earlier
            facts = {"stripe_mode": "simulated", "type": "x", "body": "{}", "created_at": earlier}
            session.add(WebhookEvent(id="evt_1", state="failed", received_at=earlier, **facts))
            session.add(WebhookEvent(id="evt_2", state="handled", received_at=earlier, **facts))

        transact(work)
        run_once()
        found = figures(ask(app))
        assert [found[name] for name in waiting.values()] == [2, 1, 0]
        assert found["refill_webhook_events_failed"] == 1
        assert 0 <= found["refill_reconciled_seconds"] < 60
        assert 7200 <= found["refill_webhook_last_seconds"] < 7300
        assert 7200 <= found["refill_purchase_processing_seconds"] < 7300
        sweeps = {sweep.name for sweep in all_sweeps()}
        assert {name for name in sweeps if found[f'refill_sweep_seconds{{sweep="{name}"}}'] < 60} == sweeps

    def test_counters_are_told_without_the_database_too(self, nowhere):
        ask(nowhere)  # is counted when it is answered
        found = figures(ask(nowhere))
        assert any(name.startswith("refill_requests_total") for name in found)
        assert not any(name.startswith("refill_purchases") for name in found)

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "172.16.5.5", "fd00::1"])
    def test_near_machines_may_read_them(self, app, address):
        assert ask(app, address).status_code == 200

    @pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "172.32.0.1", "", "unix"])
    def test_for_any_other_they_do_not_exist(self, app, address):
        response = ask(app, address)
        assert response.status_code == 404
        assert "refill_" not in response.get_data(as_text=True)

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
    def test_a_proxy_we_were_not_told_of_speaks_for_anybody(self, app, header):
        assert ask(app, **{header: "8.8.8.8"}).status_code == 404
        assert ask(app, **{header: "127.0.0.1"}).status_code == 404

    def test_behind_our_own_proxy_the_one_who_asks_counts(self, make_app):
        app = make_app(trusted_proxies=1)
        assert ask(app, **{"X-Forwarded-For": "8.8.8.8"}).status_code == 404
        assert ask(app, **{"X-Forwarded-For": "10.0.0.7"}).status_code == 200
        # The last hop is our proxy's word; what stands before it the asker has written.
        assert ask(app, **{"X-Forwarded-For": "10.0.0.7, 8.8.8.8"}).status_code == 404

    def test_they_are_in_prometheus_form(self, app):
        response = ask(app)
        assert response.content_type.startswith("text/plain; version=")
        body = response.get_data(as_text=True)
        assert body.endswith("\n")
        names = re.findall(r"^# TYPE (\w+) ", body, re.MULTILINE)
        assert len(names) == len(set(names))
