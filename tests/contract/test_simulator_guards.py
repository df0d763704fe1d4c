"""What keeps the simulated Stripe out of production. Each guard by itself."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from webapp import create_app
from webapp.settings import Settings, SettingsError, read_settings

PRODUCTION: dict[str, Any] = {
    "_env_file": None,
    "app_env": "production",
    "secret_key": "a-secret-key-of-production-with-32-or-more-characters",
    "base_url": "https://credits.example.com",
    "stripe_webhook_secret": "whsec_production",
    "stripe_api_base": None,
}


@pytest.fixture
def production(database_url: str) -> Settings:
    return read_settings(
        **PRODUCTION,
        database_url=database_url,
        stripe_mode="live",
        stripe_secret_key="sk_live_guard",
    )


def stripe_rules(app: Flask) -> list[str]:
    return [rule.rule for rule in app.url_map.iter_rules() if "_stripe" in rule.rule or "simulator" in rule.endpoint]


def test_production_has_no_simulated_page_and_no_simulated_client(production: Settings) -> None:
    app = create_app(production)

    assert stripe_rules(app) == []
    assert "simulator" not in app.extensions
    assert app.test_client().get("/_stripe/", base_url="https://credits.example.com").status_code == 404


def test_production_has_no_simulated_table(production: Settings) -> None:
    from sqlalchemy import inspect

    from webapp.extensions import db

    app = create_app(production)
    with app.app_context():
        tables = inspect(db.engine).get_table_names()
        db.engine.dispose()

    assert "purchases" in tables
    assert [name for name in tables if name.startswith("sim_")] == []


def test_production_does_not_even_import_the_simulator(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from webapp import create_app\n"
        "from webapp.settings import read_settings\n"
        f"create_app(read_settings(**{PRODUCTION!r}, database_url='sqlite://', stripe_mode='live', "
        "stripe_secret_key='sk_live_guard'))\n"
        "from webapp import orm\n"
        "print([name for name in sys.modules if name.startswith('webapp.simulator')], orm._clock)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    nothing = "[] {'ahead': <class 'datetime.timedelta'>}"  # and its clock is the machine's
    assert run.stdout.strip().splitlines()[-1:] == [nothing], run.stderr


@pytest.mark.parametrize("mode", ["off", "test"])
def test_no_other_mode_has_the_simulated_pages(settings: Settings, mode: str) -> None:
    key = {"test": "sk_test_guard"}.get(mode)
    given = settings.model_dump() | {"stripe_mode": mode, "stripe_secret_key": key}

    app = create_app(read_settings(**given, _env_file=None))

    assert stripe_rules(app) == []
    assert not settings.simulator_path.exists()


def test_the_simulated_mode_has_them(app: Flask, settings: Settings) -> None:
    assert "/_stripe/c/pay/<session_id>" in stripe_rules(app)
    with sqlite3.connect(settings.simulator_path) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert {"sim_object", "sim_event", "sim_idempotency", "sim_delivery", "sim_fault", "sim_switch"} <= names


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (PRODUCTION | {"database_url": "sqlite://"}, "refused in production"),
        ({"base_url": "https://credits.example.com"}, "public host name"),
        ({"stripe_secret_key": "sk_test_guard"}, "remove one"),
        ({"stripe_webhook_secret": None}, "needs STRIPE_WEBHOOK_SECRET"),
    ],
)
def test_the_simulated_mode_is_refused(given: dict[str, Any], expected: str) -> None:
    wanted: dict[str, Any] = {
        "_env_file": None,
        "stripe_mode": "simulated",
        "stripe_webhook_secret": "whsec_x",
        **given,
    }

    with pytest.raises(SettingsError) as refused:
        read_settings(**wanted)

    assert any(expected in fault for fault in refused.value.faults), refused.value.faults


def test_without_a_mode_and_without_a_key_payments_are_off_not_simulated() -> None:
    assert read_settings(_env_file=None, stripe_mode=None, stripe_secret_key=None).payments == "off"


def test_simulated_ids_are_known_by_their_mark(app: Flask) -> None:
    store = app.extensions["simulator"].store
    with store.reading() as state:
        ids = [row["id"] for row in state.rows("SELECT id FROM sim_object WHERE type = 'price'")]

    assert ids
    assert all("_sim_" in price_id for price_id in ids)
