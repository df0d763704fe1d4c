"""Asking over HTTP: kept connections, and tries that repeat what may be repeated, always with the same key."""

import ipaddress
import json
import os
import random
import time
from collections import deque
from collections.abc import Callable
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from .errors import RefillError, ServerFailed, TooManyRequests, Unreachable, refused

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 30.0


class Wire:
    """Connections kept open and shared by threads: whoever asks takes one that is idle, or opens one."""

    def __init__(self, base_url: str, timeout_seconds: float, tries: int) -> None:
        self._open, self._host = _opener(base_url)
        self._timeout_seconds, self._tries = timeout_seconds, tries
        self._idle: deque[HTTPConnection] = deque()
        self._process_id = os.getpid()

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None, key: str | None
    ) -> tuple[Any, bool]:
        """The answer and whether it is a repeated one. Asks again, always with the same key, when that may help."""
        headers = headers | ({} if key is None else {"Idempotency-Key": key})
        for number in range(1, self._tries + 1):
            try:
                return self._ask_once(method, path, headers, body)
            except RefillError as error:
                error.key = key
                pause_seconds = _pause_seconds(error, number)
                if pause_seconds is None or number == self._tries:
                    raise
            time.sleep(pause_seconds)
        raise ValueError("tries must be 1 or more.")

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop().close()

    def _ask_once(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[Any, bool]:
        """One try. Raises Unreachable without an answer, and Refused for one that is no success."""
        connection = self._taken()
        try:
            connection.request(method, path, body, headers | {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            self.close()  # the others have been idle as long
            raise Unreachable(f"No answer from {self._host}: {type(error).__name__}.") from error
        if not response.will_close:
            self._idle.append(connection)
        return _answer(response.status, response.headers, content)

    def _taken(self) -> HTTPConnection:
        if self._process_id != os.getpid():  # forked: these sockets are the parent's
            self._idle, self._process_id = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open(self._host, timeout=self._timeout_seconds)


def _opener(base_url: str) -> tuple[Callable[..., HTTPConnection], str]:
    """How to connect, and to which host and port. Raises ValueError for no origin, and for one that isn't secret."""
    parts = urlsplit(base_url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username or parts.path.strip("/"):
        raise ValueError("base_url must be an origin, like https://credits.example.com.")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise ValueError("base_url must begin with https://, else everybody on the way can read the API key.")
    return (HTTPSConnection if parts.scheme == "https" else HTTPConnection), parts.netloc


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _answer(status: int, headers: Message, content: bytes) -> tuple[Any, bool]:
    """The JSON of a success, and whether it is repeated; raises Refused for anything else."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if 200 <= status < 300 and isinstance(found, dict):
        return found, headers.get("Idempotent-Replayed") == "true"
    retry_after = headers.get("Retry-After", "")
    seconds = int(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
    raise refused(status, found if isinstance(found, dict) else {}, seconds)


def _pause_seconds(error: RefillError, number: int) -> float | None:
    """How long to wait before another try; None when none would help, or Refill asks for more than we wait."""
    if not isinstance(error, Unreachable | TooManyRequests | ServerFailed):
        return None
    least = getattr(error, "retry_after_seconds", None) or 0
    pause_seconds = least + random.uniform(0, FIRST_PAUSE_SECONDS * 2**number)  # noqa: S311  # jitter, not a secret
    return pause_seconds if pause_seconds <= LONGEST_PAUSE_SECONDS else None
