"""The log: one line for each request with its id, and neither a secret nor a person's address in any of them."""

import json
import logging
import time

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from tests.app.one_database import database_url
from tests.support.browsing import csrf_token, sign_in
from webapp.extensions import db, transact
from webapp.people.models import User
from webapp.settings import read_settings
from webapp.web.logs import log, masked

__all__ = ["database_url"]

CANARY = "canary4f1c9"
PASSWORD = f"{CANARY} is my password"
EMAIL = f"{CANARY}@example.com"


@pytest.fixture
def settings(settings):
    """Settings full of canaries, and lines that a machine reads."""
    given = settings.model_dump() | {
        "secret_key": f"secret-{CANARY}",
        "stripe_webhook_secret": f"whsec_{CANARY}",
        "log_format": "json",
    }
    return read_settings(_env_file=None, **given)


@pytest.fixture
def lines(app, capsys):
    """What the application has written to standard error since it was made, line by line."""
    capsys.readouterr()
    written = []

    def read():
        written.extend(json.loads(line) for line in capsys.readouterr().err.splitlines())
        return written

    return read


def test_each_request_is_one_line_with_its_route_and_not_its_address(client, lines):
    client.get("/dashboard/credits/receipts/abc123?token=secret")
    (line,) = lines()
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 303)
    assert line["route"] == "/dashboard/credits/receipts/<purchase_id>"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")
    assert line["ms"] >= 0
    assert "abc123" not in str(line)
    assert "token" not in str(line)


def test_addresses_nobody_has_are_not_repeated(client, lines):
    client.get("/.env")
    (line,) = lines()
    assert (line["route"], line["status"]) == ("-", 404)
    assert ".env" not in str(line)


def test_a_request_that_an_extension_refuses_has_its_line_and_its_id_too(client, lines):
    response = client.post("/login", data={"email": EMAIL})
    assert response.status_code == 400
    (line,) = [line for line in lines() if line["event"] == "request"]
    assert line["status"] == 400
    assert response.headers["X-Request-ID"] == line["request_id"]


def test_health_checks_and_static_files_are_not_logged(client, lines):
    for path in ("/healthz", "/readyz", "/metrics", "/static/app.css"):
        with client.get(path):
            pass
    assert lines() == []


class TestRequestId:
    """A sane id of the caller's is kept, any other is replaced; lines, header and problem carry the same one."""

    @pytest.mark.parametrize("given", ["0123456789abcdef", "a" * 64, "req_A-b_c_123", "12345678"])
    def test_a_sane_one_is_kept(self, client, lines, given):
        response = client.get("/api/credits/balance", headers={"X-Request-ID": given})
        assert response.headers["X-Request-ID"] == given
        assert response.json["request_id"] == given
        assert {line["request_id"] for line in lines()} == {given}

    @pytest.mark.parametrize(
        "given", ["", "short", "a" * 65, "with space", "<script>1</script>", "ü" * 10, "a" * 7 + "\t"]
    )
    def test_any_other_is_replaced(self, client, lines, given):
        response = client.get("/login", headers={"X-Request-ID": given})
        made = response.headers["X-Request-ID"]
        assert made != given
        assert len(made) == 16
        assert int(made, 16) >= 0
        assert {line["request_id"] for line in lines()} == {made}

    def test_each_request_has_its_own(self, client, lines):
        for _ in range(3):
            client.get("/login")
        assert len({line["request_id"] for line in lines()}) == 3

    def test_what_is_logged_between_requests_has_none_of_them(self, client, lines):
        client.get("/login")
        log.info("worker speaks", answer=42)
        line = lines()[-1]
        assert line["event"] == "worker speaks"
        assert "request_id" not in line


def test_lines_of_libraries_have_the_same_shape(client, lines):
    logging.getLogger("some.library").warning("it took %s s", 3)
    (line,) = lines()
    assert (line["event"], line["level"]) == ("it took 3 s", "warning")


def test_a_whole_life_leaves_no_secret_and_no_address_in_the_log(app, client, lines):
    """Register, sign out, fail, sign in, buy, break: everything a person types and every secret we hold is a canary."""

    def post(path, **form):
        return client.post(path, data={"csrf_token": csrf_token(client, "/logout" if signed_in else "/login"), **form})

    signed_in = False
    assert post("/register", email=EMAIL, password=PASSWORD, name=CANARY).status_code == 303
    signed_in = True
    client.get(f"/dashboard?q={CANARY}")
    client.get(f"/api/billing/verify-payment?session_id={CANARY}")
    client.get("/api/credits/history", query_string={"cursor": CANARY})
    client.post("/api/stripe/webhook", data=CANARY, headers={"Stripe-Signature": f"t=1,v1={CANARY}"})
    client.post("/api/billing/checkout", data=CANARY, headers={"X-CSRFToken": CANARY, "Idempotency-Key": CANARY})
    assert post("/logout").status_code == 303
    signed_in = False
    assert post("/login", email=EMAIL, password="wrong " + PASSWORD).status_code == 422
    assert post("/login", email=EMAIL, password=PASSWORD).status_code == 303
    written = lines()
    assert len(written) > 10
    assert CANARY not in json.dumps(written)
    assert "@example" not in json.dumps(written)


def test_an_error_of_the_database_does_not_carry_what_was_typed_into_the_log(app, user, lines):
    """A constraint that is hit where nobody expects it: the traceback is logged, the values are not."""

    @app.get("/collide")
    def collide():
        same = {"account_id": user.account_id, "email": EMAIL, "email_key": user.email_key, "password_hash": CANARY}
        transact(lambda session: session.execute(insert(User).values(**same, created_at=user.created_at)))

    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert app.test_client().get("/collide").status_code == 500
    written = json.dumps(lines())
    assert "IntegrityError" in written
    assert CANARY not in written
    assert "someone@example.com" not in written


def test_a_broken_request_is_logged_with_its_traceback_under_its_id(app, lines):
    @app.get("/broken")
    def broken():
        raise RuntimeError("the reason")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    response = app.test_client().get("/broken")
    assert "the reason" not in response.get_data(as_text=True)
    (line,) = [line for line in lines() if line["level"] == "error"]
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert "RuntimeError: the reason" in line["exception"]
    assert "test_logs.py" in line["exception"]


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_51AbC",
        "rk_test_51AbC",
        "whsec_0a1b2c",
        "rfa_0a1b2c-_d4",
        "rfs_0a1b2c-_d4",
        "rfl_0a1b2c-_d4",
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        "sam.smith+tag@mail.example.co.uk",
        "ä.müller@exämple.de",
    ],
)
def test_what_other_peoples_code_lets_slip_is_masked(secret):
    line = f'{{"event": "failed: {secret}", "n": 1}}'
    assert masked(None, "", line) == '{"event": "failed: [masked]", "n": 1}'


def test_every_line_goes_through_the_mask(client, lines):
    logging.getLogger("some.library").error("failed for %s with %s", EMAIL, f"whsec_{CANARY}")
    log.info("ours", person=EMAIL)
    written = lines()
    assert [line["event"] for line in written] == ["failed for [masked] with [masked]", "ours"]
    assert written[1]["person"] == "[masked]"


@pytest.mark.parametrize("line", ["2026-11-20T14:32:00Z request 200", "price_sk 3 @ 5", "a@b", "task_test_1", "x" * 9])
def test_other_text_is_not_masked(line):
    assert masked(None, "", line) == line


def test_masking_a_long_line_takes_no_time():
    began = time.perf_counter()
    for line in ("a" * 1_000_000, "a." * 500_000, "a@" * 500_000, "$argon2" * 100_000):
        masked(None, "", line)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(("app_env", "expected"), [("production", "json"), ("development", "text")])
def test_production_writes_json_and_development_text(app_env, expected, make_app, capsys):
    app = make_app(
        app_env=app_env,
        log_format=None,
        stripe_mode="off",
        base_url="https://credits.example.com",
        secret_key="s" * 32,
    )
    capsys.readouterr()
    app.test_client().get("/login")
    (line,) = capsys.readouterr().err.splitlines()
    if expected == "json":
        assert json.loads(line)["event"] == "request"
    else:
        assert "request_id=" in line
        assert not line.startswith("{")


def test_stripes_own_library_may_not_log_request_bodies(app):
    assert logging.getLogger("stripe").getEffectiveLevel() >= logging.WARNING


def test_hidden_parameters_are_a_setting_of_the_engine(app, user):
    same = {"account_id": user.account_id, "email": EMAIL, "email_key": user.email_key, "password_hash": CANARY}
    with pytest.raises(IntegrityError) as refused, db.engine.begin() as connection:
        connection.execute(insert(User).values(**same, created_at=user.created_at))
    assert CANARY not in str(refused.value)


def test_a_signed_in_request_is_logged_without_the_person(app, user, lines):
    sign_in(app, user).get("/dashboard")
    assert "someone" not in json.dumps(lines())
