"""Who asks: an API key is looked at alone, whatever else comes along; a service key names its account."""

import datetime as dt
import json
import re
from itertools import combinations

import pytest
import time_machine
from sqlalchemy import event

from tests.api.books import grant, spend
from tests.api.calling import answer, problem
from tests.app.one_database import database_url
from tests.support.keys import KeyClient, make_key
from webapp.extensions import db, end_reading, transact, transaction
from webapp.orm import utc_now
from webapp.people.keyring import any_key, renew_key, revoke_any_key
from webapp.people.models import SCOPES, ApiKey, HostAccount

__all__ = ["database_url"]

BALANCE = "/api/credits/balance"
CHECKOUT = "/api/billing/checkout"
SECONDS = dt.timedelta(seconds=1)


@pytest.fixture
def own(app, user):
    """A key of `user` that may do everything; the row and its client."""
    key, secret = make_key(user.account_id)
    return key, KeyClient(app, secret)


@pytest.fixture
def service(app):
    """The secret of a service key that may do everything."""
    return make_key(None)[1]


def hosted(account_id, external_id):
    row = {"external_id": external_id, "account_id": account_id, "created_at": utc_now()}
    transact(lambda session: session.add(HostAccount(**row)))


@pytest.fixture
def statements(app):
    seen = []

    def see(_connection, _cursor, statement, *_):
        if not statement.startswith(("BEGIN", "SAVEPOINT")):
            seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", see)
    yield seen
    event.remove(db.engine, "before_cursor_execute", see)


def test_a_key_sees_its_own_account_without_a_cookie_or_a_token(own, user):
    _, program = own
    assert answer(program.get(BALANCE))["account"] == user.account_id
    assert answer(program.post(CHECKOUT, {"pack": "small"}), 201)["credits"] == 500


class TestInvalid:
    """One answer for every key that opens nothing, even in a browser that is signed in."""

    def asked(self, client, header):
        found = problem(client.get(BALANCE, headers={"Authorization": header}), 401, "invalid_key")
        return found, client

    @pytest.mark.parametrize(
        "header",
        [
            "", "Bearer", "Bearer ", "Bearer  ", "Basic dXNlcjpwYXNz", "Token abc", "bearer", "abc", "Bearer a b",
            "Bearer rfa_" + "A" * 43, "Bearer rfs_" + "A" * 43, "Bearer " + "x" * 5000, "Bearer \xe9\xff",
            "Bearer null", "Bearer undefined", "Bearer ' OR 1=1", "Bearer %00", "Bearer abc, Bearer abc",
        ],
    )  # fmt: skip
    def test_what_is_no_key_is_refused_even_with_a_good_cookie(self, api, anonymous_api, header):
        answers = []
        for asked in (api, anonymous_api):
            response = asked.client.get(BALANCE, headers={"Authorization": header})
            answers.append(problem(response, 401, "invalid_key"))
            assert response.headers["WWW-Authenticate"] == "Bearer"
        assert (
            answers[0] == answers[1] == {"detail": "This API key is not valid. It may have been revoked or replaced."}
        )

    def test_a_revoked_and_an_ended_secret_get_the_words_of_an_unknown_one(self, app, api, own):
        key, program = own
        unknown = problem(KeyClient(app, "rfa_unknown").get(BALANCE), 401, "invalid_key")
        with time_machine.travel(utc_now(), tick=False) as clock:
            new = transact(lambda session: renew_key(session, any_key(session, key.id), now=utc_now()))
            answer(program.get(BALANCE))
            clock.shift(dt.timedelta(hours=24))
            assert problem(program.get(BALANCE), 401, "invalid_key") == unknown
            renewed = KeyClient(app, new)
            answer(renewed.get(BALANCE))
            transact(lambda session: revoke_any_key(session, key.id, now=utc_now()))
            response = api.client.get(BALANCE, headers=renewed.headers)
            assert problem(response, 401, "invalid_key") == unknown
        assert "Set-Cookie" not in response.headers

    def test_an_invalid_key_buys_nothing_with_the_cookie_and_token_of_somebody(self, api):
        problem(api.post(CHECKOUT, {"pack": "small"}, Authorization="Bearer rfa_unknown"), 401, "invalid_key")

    def test_the_name_of_the_scheme_is_read_in_any_letters(self, app, own):
        _, program = own
        for scheme in ("bearer", "BEARER", "Bearer "):
            secret = program.headers["Authorization"].removeprefix("Bearer ")
            answer(app.test_client().get(BALANCE, headers={"Authorization": f"{scheme} {secret}"}))

    def test_without_any_header_the_browser_is_asked(self, anonymous_api):
        problem(anonymous_api.get(BALANCE), 401, "not_signed_in")


class TestScopes:
    @pytest.mark.parametrize("scopes", [("spend",), ("manage",), ("spend", "manage")])
    def test_a_key_without_the_scope_is_told_which(self, app, user, scopes):
        _, secret = make_key(user.account_id, *scopes)
        found = problem(KeyClient(app, secret).get(BALANCE), 403, "scope_missing")
        assert found == {"scope": "read", "detail": "This key may not do that: it needs the scope read."}

    def test_no_scope_includes_another(self, app, user):
        reader = KeyClient(app, make_key(user.account_id, "read")[1])
        answer(reader.get(BALANCE))
        assert problem(reader.post(CHECKOUT, {"pack": "small"}), 403, "scope_missing")["scope"] == "manage"

    def test_every_route_of_the_api_wants_one_scope(self, app, user):
        """A key that may do nothing can't exist, so each route is asked by three keys that each lack one scope."""
        programs = [KeyClient(app, make_key(user.account_id, *pair)[1]) for pair in combinations(SCOPES, 2)]
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")]
        assert len(rules) >= 8
        for rule in rules:
            path = re.sub("<[^>]+>", "1", rule.rule)
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                asked = [program.client.open(path, method=method, headers=program.headers) for program in programs]
                missing = [found.json["scope"] for found in asked if found.json.get("code") == "scope_missing"]
                assert len(missing) == 1, (rule.rule, method, missing)


class TestNamedAccount:
    """`Refill-Account`: a service key must send it, and nobody else may."""

    @pytest.mark.parametrize("named", ["own", "1", "external:x", "", "nonsense"])
    def test_nobody_but_a_service_key_may_name_an_account(self, app, api, own, user, named):
        named = str(user.account_id) if named == "own" else named
        _, program = own
        for response in (
            app.test_client().get(BALANCE, headers=program.headers | {"Refill-Account": named}),
            api.client.get(BALANCE, headers={"Refill-Account": named}),
        ):
            assert problem(response, 403, "account_not_yours")["detail"] == "Only a service key may name an account."

    def test_a_service_key_acts_for_whom_it_names_by_number_or_by_the_products_own_id(self, app, service, user):
        hosted(user.account_id, "team/42?x=é".replace("é", "e"))
        for name in (str(user.account_id), "external:team/42?x=e"):
            assert answer(KeyClient(app, service, account=name).get(BALANCE))["account"] == user.account_id

    def test_a_service_key_that_names_nobody_is_told_how(self, app, service):
        found = problem(KeyClient(app, service).get(BALANCE), 400, "account_not_named")
        assert "Refill-Account" in found["detail"]

    @pytest.mark.parametrize(
        "name",
        ["external:nobody", "external:", "external:" + "x" * 201, "external:\x7f", "external:\xe9", "external:a b",
         "external:' OR 1=1", "external:%00", "External:x", "nonsense", "", "0", "-1", "+1", "01", "1.0", "1e3", "0x1",
         "9" * 16, "9" * 400, "\xb2", "None"],
    )  # fmt: skip
    def test_an_account_that_is_not_there_is_one_answer(self, app, service, name):
        client = app.test_client()
        headers = KeyClient(app, service).headers | {"Refill-Account": name}
        assert (
            problem(client.get(BALANCE, headers=headers), 404, "unknown_account")["detail"]
            == "There is no such account."
        )

    @pytest.mark.parametrize("path", [BALANCE, "/api/credits/history", "/api/catalog"])
    def test_a_number_that_nobody_has_is_the_same_answer_everywhere(self, app, service, path):
        found = problem(KeyClient(app, service, account="123").get(path), 404, "unknown_account")
        assert found["detail"] == "There is no such account."
        program = KeyClient(app, service, account="123")
        problem(program.post(CHECKOUT, {"pack": "small"}), 404, "unknown_account")

    def test_the_ids_are_told_apart_to_the_letter(self, app, service, user, other_user):
        hosted(user.account_id, "Team")
        hosted(other_user.account_id, "team")
        assert answer(KeyClient(app, service, account="external:Team").get(BALANCE))["account"] == user.account_id
        assert answer(KeyClient(app, service, account="external:team").get(BALANCE))["account"] == other_user.account_id
        problem(KeyClient(app, service, account="external:TEAM").get(BALANCE), 404, "unknown_account")

    def test_an_account_without_a_person_buys_nothing(self, app, service):
        made = KeyClient(app, service).post("/api/accounts", {"external_id": "a"})
        program = KeyClient(app, service, account=str(answer(made, 201)["account"]))
        answer(program.get(BALANCE))
        problem(program.post(CHECKOUT, {"pack": "small"}), 409, "no_user")


class TestTheBrowserIsLeftAlone:
    def test_a_request_with_a_key_reads_no_cookie_and_sets_none(self, api, own, statements, other_user):
        """In the browser of one user, with the key of another: the key's account, and nothing of the browser's."""
        _, secret = make_key(other_user.account_id)
        headers = {"Authorization": f"Bearer {secret}"}
        for path in (BALANCE, "/api/catalog", "/api/credits/history"):
            statements.clear()
            response = api.client.get(path, headers=headers)
            answer(response)
            assert "Set-Cookie" not in response.headers
            assert "Vary" not in response.headers
            assert not [
                statement for statement in statements if "signed_in_browsers" in statement or "users" in statement
            ]
        assert answer(api.client.get(BALANCE, headers=headers))["account"] == other_user.account_id
        assert answer(api.get(BALANCE))["account"] != other_user.account_id

    def test_a_refused_key_gets_no_cookie_either(self, api):
        for path in (BALANCE, "/api/nothing"):
            response = api.client.get(path, headers={"Authorization": "Bearer rfa_unknown"})
            assert "Set-Cookie" not in response.headers
            assert "Vary" not in response.headers

    def test_a_key_costs_one_statement(self, own, api, statements):
        _, program = own
        answer(program.get(BALANCE))
        end_reading()
        statements.clear()
        answer(program.get(BALANCE))
        assert [statement for statement in statements if "api_key" in statement] == statements[:1]
        with_key = len(statements)
        statements.clear()
        answer(api.get(BALANCE))
        assert len(statements) == with_key, "as many as with a cookie, whose look-up is one too"

    def test_a_key_opens_no_page(self, own, app):
        _, program = own
        for path in ("/dashboard", "/dashboard/settings", "/partials/balance-badge"):
            page = app.test_client().get(path, headers=program.headers)
            assert page.status_code in {303, 401}
            assert "/login" in page.headers.get("Location", page.headers.get("HX-Redirect"))

    def test_a_password_of_a_proxy_does_not_matter_to_pages(self, signed_in):
        headers = {"Authorization": "Basic dXNlcjpwYXNz"}
        assert signed_in.get("/dashboard", headers=headers).status_code == 200
        assert signed_in.get("/dashboard/settings", headers=headers).headers["Vary"] == "Cookie"


def test_limits_count_each_key_apart(app, user, other_user):
    keys = [
        KeyClient(app, make_key(account)[1]) for account in (user.account_id, user.account_id, other_user.account_id)
    ]
    for _ in range(10):
        problem(keys[0].post(CHECKOUT, {"pack": "nothing"}), 404, "unknown_pack")
    problem(keys[0].post(CHECKOUT, {"pack": "nothing"}), 429, "too_many_requests")
    for other in keys[1:]:
        problem(other.post(CHECKOUT, {"pack": "nothing"}), 404, "unknown_pack")


def test_a_user_cant_pre_empt_the_products_key_nor_the_other_way_round(app, user, own, service):
    _, program = own
    first = answer(program.post(CHECKOUT, {"pack": "small"}, Idempotency_Key="order-1"), 201)
    product = KeyClient(app, service, account=str(user.account_id))
    second = product.post(CHECKOUT, {"pack": "small"}, Idempotency_Key="order-1")
    assert answer(second, 201)["purchase"] != first["purchase"]
    assert "Idempotent-Replayed" not in second.headers
    again = product.post(CHECKOUT, {"pack": "small"}, Idempotency_Key="order-1")
    assert answer(again, 201) == answer(second, 201)
    assert again.headers["Idempotent-Replayed"] == "true"


class TestLastUsed:
    def used_at(self, key):
        end_reading()
        return db.session.get_one(ApiKey, key.id).last_used_at

    def test_it_is_written_at_most_once_a_minute(self, own, statements):
        key, program = own
        with time_machine.travel(utc_now(), tick=False) as clock:
            began = utc_now()
            for seconds, noted in ((0, 0), (59, 0), (1, 60), (30, 60), (30, 120)):
                clock.shift(seconds * SECONDS)
                statements.clear()
                answer(program.get(BALANCE))
                assert self.used_at(key) == began + noted * SECONDS
                writes = [statement for statement in statements if statement.startswith("UPDATE api_keys")]
                assert len(writes) == (seconds in {0, 1} or (seconds, noted) == (30, 120))

    def test_a_busy_database_refuses_no_request_for_it(self, app, own, monkeypatch, capsys):
        key, program = own
        monkeypatch.setattr("webapp.web.impatience.LOCK_TIMEOUT_SECONDS", 0.2)
        capsys.readouterr()
        with transaction() as writer:
            writer.get_one(ApiKey, key.id)
            found = program.get(BALANCE)
        answer(found)
        assert "use of a key not noted" in capsys.readouterr().err
        assert self.used_at(key) is None
        answer(program.get(BALANCE))
        assert self.used_at(key) is not None

    def test_a_key_that_opens_nothing_is_not_used(self, own):
        key, program = own
        transact(lambda session: revoke_any_key(session, key.id, now=utc_now()))
        problem(program.get(BALANCE), 401, "invalid_key")
        assert self.used_at(key) is None


def test_the_secret_stands_in_no_log_no_error_and_no_metric(app, user, capsys):
    @app.get("/api/broken")
    def broken():
        raise RuntimeError(f"with {secret}")

    key, secret = make_key(user.account_id)
    program = KeyClient(app, secret)
    capsys.readouterr()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    grant(user.account_id, 5)
    spend(user.account_id, 1)
    answers = [
        program.get(BALANCE), program.get("/api/credits/history"), program.get("/api/catalog", key=secret),
        program.post(CHECKOUT, {"pack": secret}), program.get("/api/nothing"), program.get("/api/broken"),
        KeyClient(app, secret + "x").get(BALANCE), app.test_client().get("/metrics"),
    ]  # fmt: skip
    written = capsys.readouterr().err
    assert "RuntimeError" in written
    assert f"key_id={key.id}" in written
    for text in (written, *(found.get_data(as_text=True) + str(found.headers) for found in answers)):
        assert secret not in text
        assert secret[4:] not in text
    assert json.loads(answers[5].get_data())["code"] == "internal"
