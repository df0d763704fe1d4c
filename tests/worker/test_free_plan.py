"""The free plan's allowance: each month from the day the account was made, once, and for nobody on a paid plan."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tests.api.keyed import make_key
from tests.billing.subscribing import at
from tests.support.forms import PASSWORD, send
from webapp.billing.subscriptions.models import FreeAllowance
from webapp.extensions import db, end_reading, parts, transact
from webapp.ledger.models import Account, Grant
from webapp.ledger.operations import open_account, set_time_zone
from webapp.ledger.verify import verify
from webapp.orm import utc_now
from webapp.people.models import User
from webapp.worker.allowances import sweep_allowances, sweep_free_plan
from webapp.worker.plans import sweep_plans
from webapp.worker.sweeps import Swept

MADE = dt.datetime(2026, 1, 31, 22, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def giving(app, credits=30, **terms):
    """The free plan gives so many credits a month."""
    sold = parts()
    free, *paid = sold.catalog.plans
    plans = (replace(free, allowance_credits=credits, **terms), *paid)
    app.extensions["refill"] = replace(sold, catalog=replace(sold.catalog, plans=plans))


def account(time_zone="UTC", made_at=MADE):
    return transact(lambda session: open_account(session, time_zone=time_zone, now=made_at))


def given(account_id):
    """Each month given: its credits, and the day and hour it ends."""
    with Session(db.engine) as session:
        free = select(Grant).where(Grant.account_id == account_id, Grant.source_id.startswith("free:"))
        return [(one.granted, f"{one.expires_at:%m-%d %H:%M}") for one in session.scalars(free.order_by(Grant.seq))]


def sweep(*moments):
    for moment in moments:
        with at(moment):
            sweep_free_plan(utc_now())
            sweep_allowances(utc_now())


def day(month, number, hour=23):
    return dt.datetime(2026, month, number, hour, tzinfo=dt.UTC)


def test_each_month_is_given_once_from_the_day_the_account_was_made(app):
    giving(app)
    one = account()
    sweep(MADE, MADE + MINUTE, day(2, 27), day(2, 28), day(2, 28), day(3, 30), day(3, 31), day(4, 30))
    assert given(one) == [(30, "02-28 22:30"), (30, "03-31 22:30"), (30, "04-30 22:30"), (30, "05-31 22:30")]
    with Session(db.engine) as session:
        assert verify(session, one, now=utc_now()).faults == ()


def test_an_account_that_was_there_before_gets_the_present_month_and_no_past_one(app):
    one = account()
    sweep(day(3, 15))
    assert given(one) == [], "the plan gives nothing"
    giving(app)
    sweep(day(5, 15), day(5, 15))
    assert given(one) == [(30, "05-31 22:30")]


def test_months_go_by_the_clocks_of_the_accounts_zone(app):
    giving(app)
    one = account("Europe/Berlin")  # 23:30 there
    sweep(MADE, day(4, 15))
    assert given(one) == [(30, "02-28 22:30"), (30, "04-30 21:30")]


@pytest.mark.parametrize("zones", [("Pacific/Kiritimati", "Pacific/Niue"), ("Pacific/Niue", "Pacific/Kiritimati")])
def test_no_change_of_zone_gives_a_month_twice(app, zones):
    """Made on the 30th there and on the 31st here, so that the months begin on other days."""
    giving(app)
    moment = made_at = MADE - dt.timedelta(days=1)
    one = account(made_at=made_at)
    for turn in range(130):  # 17 hours each: 92 days
        transact(lambda session, zone=zones[turn % 2]: set_time_zone(session, one, time_zone=zone))
        transact(lambda session, at=moment: session.execute(update(FreeAllowance).values(next_at=at)))
        sweep(moment)
        moment += dt.timedelta(hours=17)
    assert moment - made_at > dt.timedelta(days=92)
    assert [granted for granted, _ in given(one)] == [30] * 4
    with Session(db.engine) as session:
        assert session.get_one(FreeAllowance, one).next_number == 4


def test_who_is_on_a_plan_gets_none_and_the_month_of_then_when_it_ends(app, subscribing):
    giving(app)
    one = subscribing.user.account_id
    made = transact(lambda session: session.get_one(Account, one).created_at)
    subscription_id = subscribing.subscribe()
    sweep_plans(utc_now())
    sweep(made + MINUTE, made + dt.timedelta(days=40))
    assert given(one) == []
    with at(made + dt.timedelta(days=41)):
        subscribing.simulator.cancel(subscription_id, at_period_end=False)
        subscribing.tell_all()
        sweep_allowances(utc_now())
        sweep_allowances(utc_now() + MINUTE)
        assert len(given(one)) == 1
    subscribing.assert_sound()


def test_what_is_left_rolls_over_where_the_plan_says_so(app):
    giving(app, rollover_credits=10)
    one = account()
    sweep(MADE, day(2, 28), day(2, 28))
    assert [granted for granted, _ in given(one)] == [30, 30, 10]


def test_operators_and_closed_accounts_get_none(app, user):
    giving(app)
    for facts in ({"role": "admin"}, {"role": "user", "closed_at": utc_now()}):
        transact(lambda session, facts=facts: session.execute(update(User).values(**facts)))
        sweep(utc_now())
        assert given(user.account_id) == []
    transact(lambda session: session.execute(update(User).values(closed_at=None)))
    sweep(utc_now())
    assert len(given(user.account_id)) == 1


def test_two_workers_note_an_account_once(app):
    giving(app)
    account()
    assert (sweep_free_plan(MADE), sweep_free_plan(MADE)) == (Swept(settled=1), Swept())
    end_reading()


def test_a_new_account_has_its_first_month_at_once_however_it_is_made(app):
    giving(app)
    made = app.test_cli_runner().invoke(args=["user", "create", "by@example.com", "--password", "a long one, that"])
    assert made.exit_code == 0, made.output
    form = {"email": "form@example.com", "password": PASSWORD}
    assert send(app.test_client(), "/register", page="/register", **form).status_code == 303
    make_key(app, None).post("/api/accounts", {"external_id": "team-7", "email": "host@example.com"})
    with Session(db.engine) as session:
        found = session.scalars(select(User.account_id).where(User.email.endswith("@example.com"))).all()
    assert len(found) == 3
    assert [[granted for granted, _ in given(one)] for one in found] == [[30]] * len(found)
