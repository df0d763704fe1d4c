"""Accounts of a host product over JSON: making or finding one by the product's own id, and signing its user in."""

from flask import Response, url_for

from webapp.api.answers import answer
from webapp.api.bodies import checked, json_object, object_if_any
from webapp.api.callers import account_named
from webapp.api.schemas import AccountAnswer, AccountBody, LinkAnswer, LinkBody
from webapp.billing.subscriptions.free import giving_plan
from webapp.extensions import parts, transact
from webapp.orm import utc_now
from webapp.people.hosts import Wish, host_account
from webapp.people.links import make_login_link
from webapp.web.joining import give_first_month


def make_account() -> Response:
    """POST /api/accounts: 201 for an account that was made, 200 for one that was there; as it is stored."""
    wanted = checked(AccountBody, json_object())
    wish = Wish(wanted.external_id, wanted.email, wanted.time_zone)
    now = utc_now()
    found = host_account(wish, welcome_credits=parts().catalog.welcome_credits, now=now)
    if found.is_new and giving_plan(parts().catalog):
        transact(lambda session: give_first_month(session, found.account_id, now=now))
    stored = AccountAnswer(
        account=found.account_id,
        external_id=found.external_id,
        email=found.email,
        has_user=found.email is not None,
        time_zone=found.time_zone,
    )
    return answer(stored, 201 if found.is_new else 200)


def make_link(account: str) -> Response:
    """POST /api/accounts/{id}/login-link: an address under our own that signs the account's user in once, soon.

    `account` is a number or `external:…`. Every call makes another link, and the body may be left out.
    """
    account_id, now = account_named(account), utc_now()
    wanted = checked(LinkBody, object_if_any())
    secret, ends_at = transact(lambda session: make_login_link(session, account_id, now=now))
    path = url_for("auth.follow_link", secret=secret, next=wanted.next)
    return answer(LinkAnswer(url=parts().settings.base_url + path, expires_at=ends_at), 201)
