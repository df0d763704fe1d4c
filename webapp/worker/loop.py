"""The worker's loop: runs each sweep when its time has come, until it is told to stop."""

import signal
import threading
import time
from types import FrameType

from webapp.orm import utc_now
from webapp.web.logs import log
from webapp.worker.sweeps import Swept, all_sweeps, run_sweep

TICK_SECONDS = 1.0


def run_once() -> dict[str, Swept]:
    """Run every sweep once."""
    return {sweep.name: run_sweep(sweep, now=utc_now()) for sweep in all_sweeps()}


def run_until_stopped() -> None:
    """Run the sweeps at their periods until SIGTERM or SIGINT; the sweep that is running ends first."""
    stopped = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        log.info("worker stops", signal=signal.Signals(number).name)
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sweeps = all_sweeps()
    due = dict.fromkeys((sweep.name for sweep in sweeps), 0.0)
    log.info("worker starts", sweeps=[sweep.name for sweep in sweeps])
    while not stopped.is_set():
        for sweep in sweeps:
            if time.monotonic() >= due[sweep.name] and not stopped.is_set():
                run_sweep(sweep, now=utc_now())
                due[sweep.name] = time.monotonic() + sweep.every_seconds
        stopped.wait(TICK_SECONDS)
