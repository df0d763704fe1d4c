"""An application behind gunicorn on loopback, what its processes cost, and many connections that ask it at once.

Workers are of the plain kind, which take one connection at a time: with kept connections the share of each worker is
a matter of luck.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.databases import ROOT
from tests.support.site import free_port, gunicorn, wait_until_ready

WORKERS = 4
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and the process that all its workers are children of."""

    port: int
    master: int

    def cpu_seconds(self) -> float:
        """What its processes have used so far."""
        return cpu_seconds_of(self.master)


@contextmanager
def serving(app: str, folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Serve until the end of the block. `environment` may name the port; without one it is a free one."""
    port = int(environment.get("PORT", free_port()))
    command = gunicorn(port, WORKERS, "--timeout", "600", threads=1, app=app)
    with (folder / "server.log").open("a") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process)
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait(15)


def ask_together(server: Server, request: Callable[[], bytes], count: int, *, status: int = 200) -> None:
    """Send `count` requests over CONNECTIONS at a time; an answer of another status ends the measurement."""

    def run(share: int) -> None:
        for _ in range(share):
            told = ask(server.port, request())
            assert told.startswith(f"HTTP/1.1 {status} ".encode()), told[:600]

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        list(threads.map(run, [count // CONNECTIONS] * CONNECTIONS))


def ask(port: int, request: bytes) -> bytes:
    """One request over a connection of its own; the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def request_of(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request."""
    given = {"Host": "127.0.0.1", "Connection": "close", **headers}
    if body:
        given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in given.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def children(process: int) -> list[int]:
    """The processes that a process has started and that live now."""
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def memory_bytes(process: int) -> int:
    """The most memory that a process has had in use at any time."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(process)


def cpu_seconds_of(process: int) -> float:
    """What a process and its children have used so far, those that have ended included."""
    return sum(_ticks(one) for one in [process, *children(process)]) / TICKS


def _ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15])  # its own, and those of children that it has waited for
