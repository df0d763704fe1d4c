"""The worker: each sweep is recorded, a broken one stops no other, and a late one is told."""

import datetime as dt
import re
import signal
import threading
import time

import pytest
from sqlalchemy import select, text

from tests.support.databases import ROOT
from webapp.billing.models import StripePrice
from webapp.extensions import db, end_reading, parts, transact
from webapp.ledger import operations
from webapp.ledger.models import Entry
from webapp.orm import utc_now
from webapp.web.checkout import settle_purchase, start_purchase
from webapp.web.start import warn_at_start
from webapp.worker import loop
from webapp.worker.expiry import sweep_expired
from webapp.worker.models import SweepRun
from webapp.worker.prices import sweep_prices
from webapp.worker.sweeps import Sweep, Swept, all_sweeps, late_sweeps, run_sweep

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


def account_with_lot(*, expires_at):
    def make(session):
        account_id = operations.open_account(session, now=NOW)
        operations.grant(
            session,
            account_id,
            kind="bonus",
            credits=10,
            key="k",
            source_kind="test",
            source_id="1",
            expires_at=expires_at,
            now=NOW,
        )
        return account_id

    return transact(make)


def kinds_of(account_id):
    end_reading()
    return list(db.session().scalars(select(Entry.kind).where(Entry.account_id == account_id).order_by(Entry.seq)))


def test_expired_lots_get_their_entries_and_others_stay(app):
    due = account_with_lot(expires_at=NOW + dt.timedelta(hours=1))
    later = account_with_lot(expires_at=NOW + dt.timedelta(hours=3))
    assert sweep_expired(NOW + dt.timedelta(hours=1)) == Swept(settled=1)
    assert (kinds_of(due), kinds_of(later)) == (["grant", "expire"], ["grant"])
    assert sweep_expired(NOW + dt.timedelta(hours=1)) == Swept()


def test_a_run_is_recorded_with_what_it_settled(app):
    swept = run_sweep(Sweep("some sweep", 60, lambda _now: Swept(settled=3, failed=1)), now=NOW)
    run = db.session().get_one(SweepRun, "some sweep")
    assert swept == Swept(3, 1)
    assert (run.settled, run.failed, run.started_at) == (3, 1, NOW)
    assert run.finished_at is not None


def test_a_broken_sweep_is_counted_as_failed_and_raises_nothing(app, capsys):
    def broken(_now):
        raise ZeroDivisionError

    assert run_sweep(Sweep("broken", 60, broken), now=NOW) == Swept(failed=1)
    assert "sweep broke" in capsys.readouterr().err


@pytest.mark.parametrize(("age_seconds", "is_late"), [(299, False), (301, True)])
def test_a_sweep_is_late_after_five_periods(app, age_seconds, is_late):
    finished_at = NOW - dt.timedelta(seconds=age_seconds)
    transact(lambda s: s.merge(SweepRun(name="purchases", started_at=finished_at, finished_at=finished_at)) and None)
    late = late_sweeps(db.session(), now=NOW)
    assert ({"purchases": age_seconds}.items() <= late.items()) is is_late
    assert ("purchases" in late) is is_late


def test_every_sweep_runs_once_from_the_command_line(app):
    result = app.test_cli_runner().invoke(args=["worker", "--once"])
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [sweep.name for sweep in all_sweeps()]


def test_the_worker_ends_at_sigterm_after_the_sweep_that_runs(app, monkeypatch):
    ran = []

    def slow(_now):
        ran.append("began")
        signal.raise_signal(signal.SIGTERM)
        ran.append("ended")
        return Swept()

    monkeypatch.setattr(loop, "all_sweeps", lambda: (Sweep("slow", 60, slow), Sweep("next", 60, slow)))
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    assert threading.current_thread() is threading.main_thread()
    began = time.monotonic()
    try:
        loop.run_until_stopped()
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    assert ran == ["began", "ended"]
    assert time.monotonic() - began < 10


def test_real_stripe_over_simulated_grants_is_warned_of(app, user, settings, capsys):
    bought = start_purchase(user=user, pack_slug="popular", terms=None, open_key="form:1", now=utc_now())
    app.extensions["simulator"].pay(bought.session_id)
    settle_purchase(user.account_id, bought.id, now=utc_now())
    warn_at_start(app, settings)
    assert "nobody paid for them" not in capsys.readouterr().err
    warn_at_start(app, settings.model_copy(update={"stripe_mode": "test"}))
    assert "nobody paid for them" in capsys.readouterr().err


def test_a_start_without_a_webhook_secret_or_a_migrated_database_is_warned_of_and_goes_on(app, settings, capsys):
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE purchases RENAME TO hidden"))
    warn_at_start(app, settings.model_copy(update={"stripe_mode": "live", "stripe_webhook_secret": None}))
    assert "STRIPE_WEBHOOK_SECRET is not set" in capsys.readouterr().err


def test_the_document_lists_every_sweep_with_its_period():
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
    text = (ROOT / "docs" / "operate.md").read_text()
    rows = re.findall(r"^\| ([a-z -]+) \| (\d+) (second|minute|hour|day)s? \|", text, re.MULTILINE)
    assert [(name, int(number) * seconds[unit]) for name, number, unit in rows] == [
        (one.name, one.every_seconds) for one in all_sweeps()
    ]


def test_a_sweep_that_has_never_run_is_late(app):
    assert late_sweeps(db.session(), now=NOW) == {sweep.name: None for sweep in all_sweeps()}


def test_prices_changed_at_stripe_are_seen_by_the_sweep(app):
    gateway = parts().gateway
    price = next(iter(gateway.prices(["refill_pack_popular"])))
    gateway._v1.prices.update(price.id, {"active": False})
    assert sweep_prices(NOW).settled > 0
    end_reading()
    stored = db.session().get(StripePrice, ("simulated", "refill_pack_popular"))
    assert stored is None or not stored.is_active
