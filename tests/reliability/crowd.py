"""Many writers at once: each thread of each process spends by its own list, all from the same moment on.

What each was told comes back to the test.
"""

import json
import multiprocessing.synchronize
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session

from tests.reliability.work import PROCESSES, Given, application, end, spend_one, start
from webapp.extensions import transact
from webapp.ledger.errors import InsufficientCredits
from webapp.ledger.operations import Posted

START_SECONDS = 60

Spend = tuple[int, str]  # account, key
Barrier = multiprocessing.synchronize.Barrier


@dataclass(frozen=True)
class Told:
    """What one spend was told: its entry's number, None if refused; and how many seconds and tries that took."""

    account_id: int
    seq: int | None
    available: int
    is_replayed: bool
    seconds: float
    tries: int


def spend_at_once(given: Given, folder: Path, lists: Sequence[Sequence[Spend]], *, processes: int) -> list[Told]:
    """One thread for each list of spends, shared out to so many processes; every n-th spend is started together.

    A process in which anything breaks, a busy database too, fails the test.
    """
    together = PROCESSES.Barrier(len(lists))
    files = [folder / f"told-{number}.json" for number in range(processes)]
    shares = [lists[number::processes] for number in range(processes)]
    running = [start(spend_lists, given, together, share, file) for share, file in zip(shares, files, strict=True)]
    assert [end(process) for process in running] == [0] * processes
    return [Told(**told) for file in files for told in json.loads(file.read_text())]


def spend_lists(given: Given, together: Barrier, lists: Sequence[Sequence[Spend]], file: Path) -> None:
    """A process of the crowd."""
    with application(given) as app, ThreadPoolExecutor(len(lists)) as threads:
        told = [one for many in threads.map(partial(_spend_list, app, together), lists) for one in many]
    file.write_text(json.dumps(told))


def _spend_list(app: Flask, together: Barrier, spends: Sequence[Spend]) -> list[dict[str, Any]]:
    told = []
    try:
        for account_id, key in spends:
            together.wait(START_SECONDS)
            with app.app_context():
                told.append(_spend(account_id, key))
    except BaseException:
        together.abort()  # the others must not wait for one that broke
        raise
    return told


def _spend(account_id: int, key: str) -> dict[str, Any]:
    began, tries = time.perf_counter(), 0

    def work(session: Session) -> Posted:
        nonlocal tries
        tries += 1
        return spend_one(session, account_id, key)

    try:
        posted = transact(work)
    except InsufficientCredits as refusal:
        facts = {"seq": None, "available": refusal.facts["available"], "is_replayed": False}
    else:
        facts = {"seq": posted.entry.seq, "available": posted.available, "is_replayed": posted.replayed}
    return {"account_id": account_id, "seconds": time.perf_counter() - began, "tries": tries, **facts}
