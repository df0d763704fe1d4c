"""`make run`: what it writes, what it refuses, and that one Ctrl-C ends both processes."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.support.databases import ROOT
from tests.support.site import free_port
from webapp import devserver


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("STRIPE_MODE", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_env_file_has_random_secrets_and_is_for_its_owner_only(folder):
    devserver.write_env_file()
    first = (folder / ".env").read_text()
    assert "STRIPE_MODE=simulated" in first
    assert (folder / ".env").stat().st_mode & 0o077 == 0
    (folder / ".env").unlink()
    devserver.write_env_file()
    assert (folder / ".env").read_text() != first


def test_env_file_of_the_user_is_left_alone(folder):
    (folder / ".env").write_text("BRAND_NAME=Mine\n")
    devserver.write_env_file()
    assert (folder / ".env").read_text() == "BRAND_NAME=Mine\n"


def test_simulation_is_not_written_beside_a_real_key(folder, monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_123")
    devserver.write_env_file()
    assert "STRIPE_MODE" not in (folder / ".env").read_text()


def test_simulation_is_said_when_neither_mode_nor_key_is_set(folder, monkeypatch):
    (folder / ".env").write_text("BRAND_NAME=Mine\n")
    monkeypatch.setenv("STRIPE_MODE", "")
    devserver.choose_stripe()
    assert os.environ["STRIPE_MODE"] == "simulated"
    assert os.environ["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")
    monkeypatch.delenv("STRIPE_WEBHOOK_SECRET")


def test_busy_port_is_refused_with_what_to_do():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match=r"is in use\. Choose another: PORT="):
            devserver.refuse_busy_port(taken.getsockname()[1])


def test_one_ctrl_c_ends_the_server_and_the_worker(tmp_path, sqlite_database):
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "FLASK_APP": "wsgi",
        "PORT": str(port),
        "DATABASE_URL": sqlite_database(),
        "SIMULATOR_PATH": str(tmp_path / "simulator.sqlite3"),
        "CATALOG": str(ROOT / "catalog.toml"),
    }
    with (tmp_path / "log").open("w") as log:
        run = subprocess.Popen(
            [sys.executable, "-m", "webapp.devserver"], cwd=tmp_path, env=environment, stdout=log, stderr=log
        )
        try:
            children = wait_for_children(run, port)
            run.send_signal(signal.SIGINT)
            run.wait(20)
        finally:
            run.kill()
    said = (tmp_path / "log").read_text()
    assert f"Refill is at   http://127.0.0.1:{port}" in said
    assert "Stripe is      simulated" in said
    assert len(children) == 2
    assert not [pid for pid in children if is_alive(pid)]


def wait_for_children(run, port):
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        assert run.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                listed = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True, check=True)
                return [int(pid) for pid in listed.stdout.split()]
        except OSError:
            time.sleep(0.2)
    raise AssertionError("make run did not serve")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
