"""The demo user: made once, with a little history, and never where real people or real money are."""

import dataclasses
import datetime as dt

import pytest
import time_machine

from tests.support.samples import money_catalog, pack, sample_catalog
from webapp.cli.demo_days import demo_uses
from webapp.cli.seed import DEMO_PASSWORD, DemoRefused, seed
from webapp.extensions import db, end_reading, parts, transact
from webapp.ledger.queries import balance
from webapp.ledger.use import use_by_day
from webapp.ledger.verify import verify
from webapp.metering import cost_credits
from webapp.orm import utc_now
from webapp.people.models import User


def test_the_demo_user_has_a_history_that_adds_up_and_is_made_once(app):
    runner = app.test_cli_runner()
    for _ in range(2):
        result = runner.invoke(args=["seed"])
        assert (result.exit_code, result.output) == (0, f"Demo user demo@example.com, password {DEMO_PASSWORD}\n")
    end_reading()
    (user,) = db.session().query(User).all()
    told = balance(db.session(), user.account_id, now=utc_now())
    assert told.balance + told.total_used == 20 + 150 + told.total_purchased
    assert verify(db.session(), now=utc_now()).faults == ()
    uses = demo_uses(parts().catalog, now=utc_now())
    span = {"since_on": (utc_now() - dt.timedelta(days=61)).date(), "until_on": utc_now().date()}
    days = use_by_day(db.session(), user.account_id, **span, by=("meter", "key_id"))
    assert sum(day.credits for day in days) == told.total_used == sum(use.credits for use in uses)
    assert {day.meter for day in days} == {"call_minute", "transcript", "tokens"}
    assert len({day.key_id for day in days}) == 3, "two keys, and some without one"


@pytest.mark.parametrize("packs", [(pack(1, 5),), ()], ids=["of one credit", "none"])
def test_the_demo_user_can_pay_whatever_the_packs_are(app, packs):
    catalog = dataclasses.replace(parts().catalog, packs=packs)
    app.extensions["refill"] = dataclasses.replace(parts(), catalog=catalog)
    now = dt.datetime(2026, 11, 3, tzinfo=dt.UTC)
    with time_machine.travel(now, tick=False):
        user = transact(lambda session: seed(session, days=2, now=now))
    assert balance(db.session(), user.account_id, now=now).total_used > 20
    assert verify(db.session(), now=now).faults == ()


@pytest.mark.parametrize("catalog", [sample_catalog(), money_catalog()], ids=["credits", "money"])
def test_the_demo_user_works_on_weekdays_until_now_whatever_the_meters_are(catalog):
    now = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)
    uses = demo_uses(catalog, now=now)
    assert uses == demo_uses(catalog, now=now)
    assert uses == sorted(uses, key=lambda use: use.at)
    assert now - dt.timedelta(days=61) < uses[0].at < uses[-1].at < now
    assert {use.at.weekday() for use in uses} == set(range(6)), "never on a Sunday"
    assert all(use.credits == cost_credits(use.meter, use.quantity) > 0 for use in uses)
    assert demo_uses(dataclasses.replace(catalog, meters=(), main_meter=None), now=now) == []


@pytest.mark.parametrize("changes", [{"app_env": "production"}, {"stripe_mode": "live"}])
def test_the_demo_user_is_refused_where_its_public_password_would_be_a_door(app, changes):
    settings = parts().settings.model_copy(update=changes)
    app.extensions["refill"] = dataclasses.replace(parts(), settings=settings)
    result = app.test_cli_runner().invoke(args=["seed"])
    assert result.exit_code == 1
    assert "its password is public" in result.stderr
    with pytest.raises(DemoRefused):
        transact(lambda session: seed(session, now=utc_now()))
    end_reading()
    assert db.session().query(User).count() == 0
