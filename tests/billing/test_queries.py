"""Reading purchases: through the account only, newest first, without what has faded."""

import datetime as dt

import pytest
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.queries import FADES_AFTER, purchase, purchase_of_session, purchases
from webapp.extensions import db, transact
from webapp.orm import utc_now


def test_a_purchase_is_found_by_its_own_account_only(buying):
    mine = buying.start()
    with Session(db.engine) as session:
        for account_id, found in ((mine.account_id, True), (mine.account_id + 1, False)):
            assert (purchase(session, account_id, mine.id) is not None) is found
            assert (purchase_of_session(session, account_id, mine.session_id) is not None) is found


@pytest.mark.parametrize("text", ["", "nothing", "a\x00b", "x" * 300, "'; DROP", "é"])
def test_whatever_can_not_be_an_id_is_not_found(buying, text):
    with Session(db.engine) as session:
        assert purchase(session, buying.user.account_id, text) is None
        assert purchase_of_session(session, buying.user.account_id, text) is None


def test_the_newest_come_first_and_what_expired_unpaid_fades_after_a_day(buying):
    old, new, failed = (buying.start(key=f"form:{number}") for number in range(3))
    now = utc_now()
    facts = {
        old.id: ("expired", FADES_AFTER),
        new.id: ("expired", FADES_AFTER - dt.timedelta(seconds=1)),
        failed.id: ("failed", dt.timedelta(days=9)),
    }

    def age(session: Session) -> None:
        for purchase_id, (state, age) in facts.items():
            stored = session.get_one(Purchase, (buying.user.account_id, purchase_id))
            stored.state, stored.opened_at = state, now - age

    transact(age)
    with Session(db.engine) as session:
        found = purchases(session, buying.user.account_id, limit=9, now=now)
        assert [one.id for one in found] == [new.id, failed.id]
        assert [one.id for one in purchases(session, buying.user.account_id, limit=1, now=now)] == [new.id]
