"""A Refill to try the example with: on a free port of this machine, its database and its Stripe are thrown away."""

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0


@dataclass(frozen=True)
class Served:
    """A running Refill: its address, its folder, and the environment of its commands."""

    url: str
    folder: Path
    environment: dict[str, str]

    def flask(self, *words: str) -> str:
        """Run a `flask` command; its standard output without the line's end. Exits with its error if it fails."""
        command = [sys.executable, "-m", "flask", *words]
        ended = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"flask {' '.join(words[:2])} failed:\n{ended.stderr}")
        return ended.stdout.strip()


@contextmanager
def served_refill(folder: Path) -> Iterator[Served]:
    """Serve Refill until the end of the block. Nothing of this machine's own settings is read."""
    port = free_port()
    served = Served(f"http://127.0.0.1:{port}", folder, environment(folder, port))
    served.flask("db", "upgrade")
    served.flask("stripe", "sync")
    options = ["--bind", f"127.0.0.1:{port}", "--threads", "8", "--log-level", "warning", "--no-control-socket"]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *options, "wsgi:app"],
            cwd=folder,
            env=served.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the example, which then ends the server
        )
        try:
            wait_until_ready(served, server)
            yield served
        finally:
            server.terminate()
            server.wait(15)


def environment(folder: Path, port: int) -> dict[str, str]:
    """All that its processes are told."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "FLASK_APP": "wsgi",
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": f"sqlite:///{folder}/refill.sqlite3",
        "BASE_URL": f"http://127.0.0.1:{port}",
        "BRAND_NAME": "Voice calls",
        "CATALOG": str(ROOT / "catalog.toml"),
        "STRIPE_MODE": "simulated",
        "STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(24)}",
        "SIMULATOR_PATH": f"{folder}/simulator.sqlite3",
    }


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(served: Served, server: subprocess.Popen[bytes]) -> None:
    """Return when Refill answers; exit if it ended or doesn't come."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"Refill ended while it was starting:\n{(served.folder / 'server.log').read_text()}")
        try:
            with urllib.request.urlopen(f"{served.url}/healthz", timeout=2):
                return
        except OSError:  # nobody listens yet
            time.sleep(0.1)
    raise SystemExit("Refill did not start.")
