"""The demo user: made once, with a little history, and never where real people or real money are."""

import dataclasses

import pytest

from webapp.cli.seed import DEMO_PASSWORD, DemoRefused, seed
from webapp.extensions import db, end_reading, parts, transact
from webapp.ledger.queries import balance, history
from webapp.ledger.verify import verify
from webapp.orm import utc_now
from webapp.people.models import User


def test_the_demo_user_has_a_history_that_adds_up_and_is_made_once(app):
    runner = app.test_cli_runner()
    for _ in range(2):
        result = runner.invoke(args=["seed"])
        assert (result.exit_code, result.output) == (0, f"Demo user demo@example.com, password {DEMO_PASSWORD}\n")
    end_reading()
    (user,) = db.session().query(User).all()
    entries = history(db.session(), user.account_id, limit=25, now=utc_now()).entries
    assert [entry.kind for entry in entries] == ["spend", "spend", "spend", "grant", "grant"]
    assert balance(db.session(), user.account_id, now=utc_now()).available == 20 + 60 - 3 * (4 + 2 + 6)
    assert verify(db.session(), now=utc_now()).faults == ()


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
