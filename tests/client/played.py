"""A tiny Refill that plays: a real HTTP server that answers from memory, or fails as it is told to."""

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.client.played_books import Asked, PlayedBooks, Problem


@dataclass(frozen=True)
class Fault:
    """What happens to one request: an answer instead of the effect, or the effect and no answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    is_effect_lost: bool = False


class Played:
    """The server: `faults` meet the next requests in order, `asked` tells what came, `books` what it made of it."""

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.asked: list[Asked] = []
        self.books = PlayedBooks()
        self.connections = 0
        self._answers: dict[tuple[str, str | None], tuple[Asked, tuple[int, Any]]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fail(self, *statuses: int, **headers: str) -> None:
        """Answer the next requests with these statuses, without an effect."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.faults += [
            Fault(status, named, json.dumps({"code": "busy", "detail": "No."}).encode()) for status in statuses
        ]

    def keys(self) -> list[str | None]:
        """The idempotency keys that came, in order."""
        return [one.headers.get("Idempotency-Key") for one in self.asked]

    def answer(self, asked: Asked) -> tuple[int, Any, bool]:
        """Status, body, and whether it is a repeated answer."""
        named = asked.headers.get("Refill-Account", ""), asked.headers.get("Idempotency-Key")
        with self._lock:
            try:
                if named in self._answers:
                    return *self._again(asked, *self._answers[named]), True
                told = self.books.done(named[0], asked)
            except Problem as problem:
                return problem.status, problem.body, False
            if named[1] is not None:
                self._answers[named] = (asked, told)
            return *told, False

    def _again(self, asked: Asked, first: Asked, told: tuple[int, Any]) -> tuple[int, Any]:
        if (first.path, first.body) != (asked.path, asked.body):
            raise Problem(422, "idempotency_conflict")
        return told

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                played.connections += 1

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                body = json.loads(self.rfile.read(length)) if length else None
                asked = Asked(self.command, self.path, dict(self.headers), body)
                played.asked.append(asked)
                fault = played.faults.popleft() if played.faults else None
                if fault is not None and not fault.is_effect_lost:
                    self._send(fault.status, fault.body, fault.headers)
                    return
                status, found, is_repeated = played.answer(asked)
                if fault is not None:
                    self.close_connection = True
                    return
                self._send(status, json.dumps(found).encode(), {"Idempotent-Replayed": "true"} if is_repeated else {})

            do_POST = do_GET  # noqa: N815  # the standard library's name

            def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, text in (headers | {"Content-Length": str(len(body))}).items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return None

        return Handler
