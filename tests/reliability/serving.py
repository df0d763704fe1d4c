"""A served Refill that may be killed: gunicorn in a process group of its own, and the points at which a worker dies."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.support.databases import ROOT
from tests.support.site import free_port, gunicorn, site_environment, wait_until_ready

WORKERS, THREADS = 2, 4
DEATH_SECONDS = 20.0


class Served:
    """Gunicorn with 2 workers of 4 threads. Workers are forked from a master that has loaded the application."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.folder = folder
        self.crash_file = folder / "crash"
        self.port = free_port()
        self.environment = site_environment(database_url, folder, self.port) | {"CRASH_FILE": str(self.crash_file)}
        self.url = self.environment["BASE_URL"]
        self.given = {name.lower(): text for name, text in self.environment.items()}
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, and return when it is ready."""
        command = gunicorn(self.port, WORKERS, "--preload", threads=THREADS, app="tests.reliability.unlimited:app")
        with (self.folder / "server.log").open("a") as log:
            self._server = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stderr=log, stdout=log, start_new_session=True
            )
        wait_until_ready(self.url, self._server)

    def stop(self) -> None:
        """End as an operator would."""
        if self._server is not None and self._server.poll() is None:
            self._server.terminate()
            self._server.wait(15)

    def worker_ids(self) -> list[int]:
        """The process ids of the workers that live now."""
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children")
        return [int(word) for word in children.read_text().split()]

    def kill_one_worker(self) -> int:
        """kill -9 for a worker; its id."""
        worker = wait_for(self.worker_ids)[0]
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
        return worker

    def kill_all(self) -> None:
        """kill -9 for the master and every worker at once."""
        assert self._server is not None
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait(15)


class CrashPoint:
    """One point at one passing, armed for the next process that comes there."""

    def __init__(self, file: Path, name: str, passing: int) -> None:
        self.file, self.meant = file, f"{name} {passing}"
        draft = file.with_name("crash.draft")
        draft.write_text(f"{self.meant}\n")
        draft.replace(file)

    def assert_reached(self) -> None:
        """A point that nobody came to proves nothing."""
        assert not self.file.exists(), f"{self.meant} was not reached: {self.file.read_text().split()}"

    def passed(self) -> list[str]:
        """Every point that was passed so far, in order; disarms this one."""
        found = self.file.read_text().splitlines()[1:]
        self.file.unlink()
        return found


def wait_for(ask: Callable[[], list[int]], seconds: float = DEATH_SECONDS) -> list[int]:
    """The first answer that isn't empty."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError("nothing came")
