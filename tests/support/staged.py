"""The served application under a clock and a road to Stripe that `stage.Stage` rules. For gunicorn only."""

import datetime as dt
import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import time_machine

from wsgi import app as served

ASKING = ("GET", "/v1/checkout/sessions/{id}")
MANY = 1000


class Staged:
    """A WSGI application that first does what the file says."""

    def __init__(self) -> None:
        self._path = Path(os.environ["STAGE"])
        self._lock = threading.Lock()
        self._clock: Any = None
        self._told = [0, False]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        with self._lock:
            told = json.loads(self._path.read_text()) if self._path.exists() else self._told
            if told != self._told:
                self._follow(*told)
                self._told = told
        return served(environ, start_response)

    def _follow(self, seconds: int, is_cut_off: bool) -> None:
        faults = served.extensions["simulator"].faults
        faults.clear()
        if is_cut_off:
            faults.refuse_connection(*ASKING, times=MANY)
        if self._clock is None:
            self._clock = time_machine.travel(dt.datetime.now(dt.UTC), tick=True).start()
        self._clock.shift(seconds - self._told[0])


app = Staged()
