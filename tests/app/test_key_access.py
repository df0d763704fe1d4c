"""What keys may ask: for each route of the API a column for each kind of key. They open nothing else."""

import pytest

from tests.app.access import ACCESS, told
from tests.app.one_database import database_url
from tests.support.keys import make_key
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.people.keyring import revoke_any_key
from webapp.people.models import SCOPES

__all__ = ["database_url"]

# Where a header that names nobody is no fault: these name their account themselves, or look for an object first.
UNKNOWN_ELSEWHERE = {
    ("service key for nobody", "api.make_account"): 200,
    ("service key for nobody", "api.make_link"): 201,
    ("service key for nobody", "api.verify_payment"): 404,
    ("service key for nobody", "api.read_hold"): 404,
    ("service key for nobody", "api.batch"): 200,
}


def programs(shop):
    """Who asks with a key, as headers: each column of the routes of the API, and what it gets by the row."""
    own, service = make_key(shop.owner_id)[1], make_key(None)[1]
    key, revoked = make_key(shop.owner_id)
    transact(lambda session: revoke_any_key(session, key.id, now=utc_now()))
    less = {scope: make_key(shop.owner_id, *sorted(set(SCOPES) - {scope}))[1] for scope in SCOPES}
    return {
        "account key": lambda row: (own, {}, row.owner),
        "revoked key": lambda _: (revoked, {}, "401 invalid_key"),
        "key without the scope": lambda row: (less[row.scope], {}, f"403 scope_missing {row.scope}"),
        "service key": lambda row: (service, {"Refill-Account": str(shop.owner_id)}, row.service or row.owner),
        "service key for nobody": lambda _: (service, {"Refill-Account": "123"}, "404 unknown_account"),
        "account key that names": lambda _: (own, {"Refill-Account": str(shop.owner_id)}, "403 account_not_yours"),
    }


def told_a_program(response):
    """The answer in the words of those columns."""
    found = response.json if response.is_json or "problem" in response.mimetype else {}
    if found.get("code") in {"invalid_key", "scope_missing", "unknown_account", "account_not_yours"}:
        return " ".join(filter(None, (str(response.status_code), found["code"], found.get("scope"))))
    return response.status_code


@pytest.mark.parametrize("browser", ["nobody", "owner"])
def test_each_route_of_the_api_answers_each_key_as_its_row_says(shop, browser):
    """Whoever's browser it comes from, and without any token."""
    client = getattr(shop, browser)
    found, expected = {}, {}
    for who, column in programs(shop).items():
        for (endpoint, method), row in ACCESS.items():
            if not endpoint.startswith("api."):
                continue
            secret, named, expected[endpoint, who] = column(row)
            if (who, endpoint) in UNKNOWN_ELSEWHERE:
                expected[endpoint, who] = UNKNOWN_ELSEWHERE[who, endpoint]
            headers = {"Authorization": f"Bearer {secret}"} | named
            response = shop.ask(client, endpoint, method, token=None, **headers)
            found[endpoint, who] = told_a_program(response)
            assert "Set-Cookie" not in response.headers
    assert found == expected


def test_no_key_opens_anything_but_the_api(shop):
    _, secret = make_key(shop.owner_id)
    for (endpoint, method), row in ACCESS.items():
        if not endpoint.startswith("api.") and endpoint != "auth.logout":  # which sends everybody to sign in
            with shop.ask(shop.nobody, endpoint, method, Authorization=f"Bearer {secret}") as response:
                assert told(response) == row.nobody, endpoint
