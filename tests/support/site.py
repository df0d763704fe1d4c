"""The real thing on a loopback port: gunicorn with the simulated Stripe, and `flask` commands beside it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.databases import ROOT
from webapp import create_app
from webapp.extensions import db
from webapp.settings import read_settings

START_SECONDS = 60.0
WEBHOOK_SECRET = "whsec_of_the_test_site"


@dataclass(frozen=True)
class Site:
    """A running Refill: its address, and its environment for commands."""

    url: str
    environment: dict[str, str]

    def flask(self, *words: str) -> str:
        """Run one `flask` command beside the site; its output. A failure fails the test.

        In this process: one of its own would first import for two seconds what is here already.
        """
        given = {name.lower(): text for name, text in self.environment.items()}
        app = create_app(read_settings(_env_file=None, **given))
        ended = app.test_cli_runner().invoke(args=words)
        with app.app_context():
            db.engine.dispose()
        assert ended.exit_code == 0, ended.output
        return ended.output


@contextmanager
def running_site(
    database_url: str, folder: Path, *, workers: int = 1, app: str = "wsgi:app", port: int = 0, **more: str
) -> Iterator[Site]:
    """Serve a migrated database until the end of the block, on a free port unless one is given."""
    port = port or free_port()
    environment = site_environment(database_url, folder, port) | more
    site = Site(environment["BASE_URL"], environment)
    site.flask("stripe", "sync")
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(gunicorn(port, workers, app=app), cwd=ROOT, env=environment, stderr=log, stdout=log)
        try:
            wait_until_ready(site.url, server)
            yield site
        finally:
            server.terminate()
            server.wait(15)


def site_environment(database_url: str, folder: Path, port: int) -> dict[str, str]:
    """Everything that a site's processes are told: nothing of this machine's own settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONWARNINGS": "default",
        "APP_ENV": "test",
        "SECRET_KEY": "secret-key-of-the-test-site",
        "DATABASE_URL": database_url,
        "PORT": str(port),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "STRIPE_MODE": "simulated",
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "SIMULATOR_PATH": str(folder / "simulator.sqlite3"),
    }


def gunicorn(port: int, workers: int, *more: str, threads: int = 8, app: str = "wsgi:app") -> list[str]:
    """The command of the README, with a port of its own."""
    options = ["--bind", f"127.0.0.1:{port}", "--workers", str(workers), "--threads", str(threads)]
    return [sys.executable, "-m", "gunicorn", *options, "--no-control-socket", "--log-level", "warning", *more, app]


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    """Return when /readyz says so."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended while starting"
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):
                return
        except OSError:  # nobody listens yet, or the first answer is slow
            time.sleep(0.1)
    raise AssertionError("the server did not become ready")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
