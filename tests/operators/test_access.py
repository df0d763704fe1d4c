"""Acts on how somebody comes in: a role begins with a new sign-in, and there is always somebody who gives roles."""

import datetime as dt

import pytest
from sqlalchemy import select

from webapp.ledger.operations import open_account
from webapp.operators.access import set_role, sign_out_everywhere
from webapp.operators.errors import InvalidChoice, LastAdmin, NobodySignsIn, NothingToDo
from webapp.operators.models import OperatorAct
from webapp.people.browsers import sign_in_browser, user_of_browser
from webapp.people.errors import LinkEnded
from webapp.people.links import make_login_link, use_login_link
from webapp.people.models import User


def role_of(session, user):
    return session.scalar(select(User.role).where(User.id == user.id))


def test_a_new_role_begins_with_a_new_sign_in(session, asked, customer, now):
    secret = sign_in_browser(session, customer.id, is_kept=True, now=now)
    act = set_role(session, asked(), role="support")
    assert role_of(session, customer) == "support"
    assert user_of_browser(session, secret, now=now) is None
    assert (act.before, act.after) == ({"role": "user", "browsers": 1}, {"role": "support", "browsers": 0})
    with pytest.raises(NothingToDo, match="the role support already"):
        set_role(session, asked(), role="support")


def test_signing_out_ends_browsers_and_links_of_that_user_alone(session, asked, customer, operator, now):
    mine = sign_in_browser(session, operator.id, is_kept=False, now=now)
    theirs = [sign_in_browser(session, customer.id, is_kept=kept, now=now) for kept in (False, True)]
    sign_in_browser(session, customer.id, is_kept=False, now=now - dt.timedelta(days=2))  # ended by itself
    link, _ = make_login_link(session, customer.account_id, now=now)
    act = sign_out_everywhere(session, asked())
    assert (act.before, act.after) == ({"browsers": 2}, {"browsers": 0})
    assert [user_of_browser(session, secret, now=now) for secret in theirs] == [None, None]
    assert user_of_browser(session, mine, now=now).id == operator.id
    with pytest.raises(LinkEnded):
        use_login_link(session, link, now=now)


@pytest.mark.parametrize("role", ["", "king", "Admin", "user' --"])
def test_there_are_no_other_roles(session, asked, role):
    with pytest.raises(InvalidChoice, match="Choose one of user, support, billing, admin"):
        set_role(session, asked(), role=role)


def test_the_last_admin_stays_one_until_there_is_another(session, asked, operator, customer, person):
    own = {"account_id": operator.account_id}
    with pytest.raises(LastAdmin, match="Make somebody else an admin first"):
        set_role(session, asked(**own), role="billing")
    assert role_of(session, operator) == "admin"
    set_role(session, asked(), role="admin")
    set_role(session, asked(**own), role="billing")
    with pytest.raises(LastAdmin):
        set_role(session, asked(), role="user")
    assert [role_of(session, user) for user in (operator, customer)] == ["billing", "admin"]
    assert session.query(OperatorAct).count() == 2


def test_an_account_without_a_user_has_nobody_to_sign_out(session, asked, now):
    nobody = {"account_id": open_account(session, now=now)}
    for act in (
        lambda: sign_out_everywhere(session, asked(**nobody)),
        lambda: set_role(session, asked(**nobody), role="user"),
    ):
        with pytest.raises(NobodySignsIn):
            act()
