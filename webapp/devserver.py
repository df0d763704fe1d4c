"""`make run`: everything a fresh clone needs, then the server and the worker, both ended by one Ctrl-C.

Development only. It writes `.env` if there is none, migrates, seeds the demo user, and says which Stripe is on.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from dotenv import dotenv_values

ENV_FILE = Path(".env")
STOP_SECONDS = 10.0


def main() -> int:
    """Set up, start both processes, wait for the first to end or for Ctrl-C, end both."""
    write_env_file()
    choose_stripe()
    from webapp.catalog import CatalogError  # noqa: PLC0415  # settings are read after .env is written
    from webapp.cli.seed import DemoRefused  # noqa: PLC0415
    from webapp.settings import SettingsError  # noqa: PLC0415

    try:
        set_up()
    except (SettingsError, CatalogError, DemoRefused, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return run_both(server_command(), [sys.executable, "-m", "flask", "worker"])


def write_env_file() -> None:
    """Write `.env` with random secrets, once; simulated Stripe unless the environment has a key already."""
    if ENV_FILE.exists():
        return
    lines = [
        "# Written by `make run`. All settings are in .env.example.",
        f"SECRET_KEY={secrets.token_hex(32)}",
        f"STRIPE_WEBHOOK_SECRET=whsec_{secrets.token_hex(24)}",
    ]
    if not (os.environ.get("STRIPE_MODE") or os.environ.get("STRIPE_SECRET_KEY")):
        lines += [
            "# No money moves. To use Stripe: replace this line by STRIPE_SECRET_KEY=sk_test_…",
            "STRIPE_MODE=simulated",
        ]
    ENV_FILE.touch(mode=0o600)
    ENV_FILE.write_text("\n".join(lines) + "\n")


def choose_stripe() -> None:
    """Say STRIPE_MODE=simulated if neither a mode nor a key is set, and give it a webhook secret if it has none."""
    known = {name: text for name, text in (dotenv_values(ENV_FILE) | os.environ).items() if text}
    if "STRIPE_MODE" not in known and "STRIPE_SECRET_KEY" not in known:
        os.environ["STRIPE_MODE"] = known["STRIPE_MODE"] = "simulated"
    if known.get("STRIPE_MODE") == "simulated" and "STRIPE_WEBHOOK_SECRET" not in known:
        os.environ["STRIPE_WEBHOOK_SECRET"] = f"whsec_{secrets.token_hex(24)}"


def set_up() -> None:
    """Migrate, seed and, in simulated mode, sync the catalogue; print where to go."""
    import flask_migrate  # noqa: PLC0415  # importing the application takes its time: after .env is written

    from webapp import create_app  # noqa: PLC0415
    from webapp.cli.seed import DEMO_PASSWORD, seed  # noqa: PLC0415
    from webapp.extensions import db, parts, transact  # noqa: PLC0415
    from webapp.orm import utc_now  # noqa: PLC0415
    from webapp.web.prices import sync_now  # noqa: PLC0415

    app = create_app()
    with app.app_context():
        settings = parts().settings
        refuse_busy_port(settings.port)
        flask_migrate.upgrade()
        user = transact(lambda session: seed(session, now=utc_now()))
        if settings.payments == "simulated":
            sync_now()
        db.engine.dispose()
    print(greeting(settings.base_url, settings.payments, user.email, DEMO_PASSWORD), flush=True)  # noqa: T201


def greeting(base_url: str, payments: str, email: str, password: str) -> str:
    """What a person needs to begin."""
    stripe = {
        "simulated": f"simulated: no money moves. Its control room: {base_url}/_stripe/",
        "test": "test mode: real Stripe, no money moves. Webhooks: `flask stripe listen`",
        "live": "LIVE: real money",
        "off": "off: payments are not configured",
    }[payments]
    return (
        f"\n  Refill is at   {base_url}\n  Sign in with   {email}  /  {password}\n"
        f"  Stripe is      {stripe}\n  Stop with      Ctrl-C\n"
    )


def refuse_busy_port(port: int) -> None:
    """Say so before anything is started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise OSError(f"Port {port} is in use. Choose another: PORT={port + 1} make run") from None


def server_command() -> list[str]:
    """Gunicorn: one process with threads, since SQLite has one writer anyway."""
    port = os.environ.get("PORT") or dotenv_values(ENV_FILE).get("PORT") or "8000"
    options = ["--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", "8", "--log-level", "warning"]
    return [sys.executable, "-m", "gunicorn", *options, "--no-control-socket", "wsgi:app"]


def run_both(*commands: list[str]) -> int:
    """Run the commands until one ends or we are told to stop; then end the others. Returns the first one's status."""
    processes = [subprocess.Popen(command) for command in commands]  # noqa: S603  # our own commands
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end(processes))
    while all(process.poll() is None for process in processes):
        time.sleep(0.1)
    end(processes)
    return max(abs(process.wait()) for process in processes)


def end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask each process to end, and make it after a while."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
