"""Starting: what can't work refuses in sentences and ends with status 3, before anything is served."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.databases import ROOT
from tests.support.forked import forking
from tests.support.site import free_port
from webapp.devserver import greeting

SECRET = "canary-4f9a1c7e2b8d5063-of-32-or-more"
PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": SECRET,
    "DATABASE_URL": "sqlite:////tmp/never-opened.sqlite3",
    "BASE_URL": "https://credits.example.com",
}


def run(words, tmp_path, **environment):
    """Run Python with nothing in the environment but what is given; a `.env` of this machine is not read."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env=nothing_but(environment, tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def nothing_but(environment, tmp_path):
    (tmp_path / ".env").write_text("")
    given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    return given | {"CATALOG": str(ROOT / "catalog.toml")} | environment


LOAD = "import wsgi; print('loaded', wsgi.app.name)"


@pytest.fixture(scope="module")
def forks():
    with forking() as forks:
        yield forks


@pytest.fixture
def show(forks, tmp_path):
    """As `run` with `-c`, without importing Python's packages again."""
    return lambda program, **environment: forks.run(program, tmp_path, nothing_but(environment, tmp_path))


@pytest.fixture
def load_wsgi(show):
    return lambda **environment: show(LOAD, **environment)


def test_it_loads_with_good_settings(tmp_path):
    started = run(["-c", LOAD], tmp_path, APP_ENV="test", SECRET_KEY="x", DATABASE_URL="sqlite://")
    assert (started.returncode, started.stdout) == (0, "loaded webapp\n"), started.stderr


def test_settings_that_cant_work_end_a_process_of_its_own(tmp_path):
    refused = run(["-c", LOAD], tmp_path, APP_ENV="production")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith("Refill can't start:\n")


def test_production_loads_with_payments_off_when_there_is_no_key(load_wsgi):
    started = load_wsgi(**PRODUCTION)
    assert (started.returncode, started.stdout) == (0, "loaded webapp\n"), started.stderr


REFUSED = {
    "production without its settings": (
        {"APP_ENV": "production"},
        ["SECRET_KEY is missing", "DATABASE_URL is missing", "BASE_URL is missing"],
    ),
    "simulated Stripe in production": (
        PRODUCTION | {"STRIPE_MODE": "simulated", "STRIPE_WEBHOOK_SECRET": f"whsec_{SECRET}"},
        ["STRIPE_MODE=simulated is refused in production", "BASE_URL has a public host name"],
    ),
    "simulated Stripe with a key": (
        {"STRIPE_MODE": "simulated", "STRIPE_WEBHOOK_SECRET": "whsec_1", "STRIPE_SECRET_KEY": f"sk_test_{SECRET}"},
        ["STRIPE_MODE=simulated and STRIPE_SECRET_KEY are both set"],
    ),
    "a key of the other mode": (
        {"STRIPE_MODE": "live", "STRIPE_SECRET_KEY": f"sk_test_{SECRET}"},
        ["STRIPE_MODE=live, but STRIPE_SECRET_KEY is a test key."],
    ),
    "another Stripe in production": (
        PRODUCTION | {"STRIPE_API_BASE": "http://127.0.0.1:1"},
        ["STRIPE_API_BASE is for development"],
    ),
    "crash points in production": (
        PRODUCTION | {"CRASH_FILE": "crash"},
        ["CRASH_FILE is refused unless APP_ENV=test"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_settings_that_cant_work_end_it_with_their_sentences(load_wsgi, name):
    environment, sentences = REFUSED[name]
    refused = load_wsgi(**environment)
    assert refused.returncode == 3
    assert refused.stdout == ""
    assert refused.stderr.startswith("Refill can't start:\n")
    for sentence in sentences:
        assert sentence in refused.stderr
    assert SECRET not in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_bad_catalogue_ends_it_with_file_line_and_fault(load_wsgi, tmp_path):
    catalog = tmp_path / "mine.toml"
    text = (ROOT / "catalog.toml").read_text()
    line = text.splitlines().index("credits = 1000") + 1
    catalog.write_text(text.replace("credits = 1000\n", "credits = 0\n"))
    refused = load_wsgi(SECRET_KEY="x", CATALOG=str(catalog))
    assert refused.returncode == 3
    assert f"{catalog}:{line}:" in refused.stderr
    assert "credits must be from 1 to" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_missing_catalogue_ends_it_with_its_name(load_wsgi, tmp_path):
    refused = load_wsgi(SECRET_KEY="x", CATALOG=str(tmp_path / "none.toml"))
    assert refused.returncode == 3
    assert "none.toml" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_gunicorn_ends_instead_of_starting_workers_for_ever(tmp_path):
    bind = f"127.0.0.1:{free_port()}"
    words = ["-m", "gunicorn", "--bind", bind, "--no-control-socket", "wsgi:app"]
    refused = run(words, tmp_path, APP_ENV="production")
    assert refused.returncode == 3
    assert refused.stderr.count("Refill can't start:") == 1
    assert "SECRET_KEY is missing" in refused.stderr


@pytest.mark.parametrize("words", [["routes"], ["credits", "verify"], ["worker", "--once"]], ids=" ".join)
def test_commands_end_with_the_same_sentences(tmp_path, words):
    refused = run(["-m", "flask", "--app", "wsgi", *words], tmp_path, APP_ENV="production")
    assert refused.returncode == 3
    assert "BASE_URL is missing" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_starting_writes_nothing_but_the_databases_folder(load_wsgi, tmp_path):
    before = {path.name for path in Path(ROOT).iterdir()}
    started = load_wsgi(APP_ENV="test", SECRET_KEY="x", DATABASE_URL="sqlite://")
    assert started.returncode == 0
    assert {path.name for path in Path(ROOT).iterdir()} - before <= {"instance", "__pycache__"}
    assert {path.name for path in tmp_path.iterdir()} == {".env"}


def test_the_simulated_stripe_is_not_even_loaded_in_any_other_mode(show):
    loaded = "import sys, wsgi; print(sorted(name for name in sys.modules if name.startswith('webapp.simulator')))"
    for mode in ({"STRIPE_MODE": "off"}, {"STRIPE_SECRET_KEY": "sk_test_1"}, PRODUCTION):
        started = show(loaded, **{"DATABASE_URL": "sqlite://", "SECRET_KEY": "x"} | mode)
        assert (started.returncode, started.stdout) == (0, "[]\n"), started.stderr


def test_the_simulators_pages_exist_in_simulated_mode_only(show, tmp_path):
    has_pages = "import wsgi; print(any('/_stripe' in str(rule) for rule in wsgi.app.url_map.iter_rules()))"
    simulated = {"STRIPE_MODE": "simulated", "STRIPE_WEBHOOK_SECRET": "whsec_1", "SIMULATOR_PATH": str(tmp_path / "s")}
    for mode, expected in ((simulated, "True\n"), ({"STRIPE_SECRET_KEY": "sk_test_1"}, "False\n")):
        started = show(has_pages, **{"DATABASE_URL": "sqlite://", "SECRET_KEY": "x"} | mode)
        assert started.stdout == expected, started.stderr


@pytest.mark.parametrize("payments", ["simulated", "test", "live", "off"])
def test_make_run_says_which_stripe_it_is(payments):
    text = greeting("http://127.0.0.1:8000", payments, "demo@example.com", "pw")
    assert "http://127.0.0.1:8000" in text
    assert "demo@example.com  /  pw" in text
    assert {"simulated": "no money moves", "test": "test mode", "live": "LIVE", "off": "not configured"}[
        payments
    ] in text
