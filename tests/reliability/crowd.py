"""Many writers at once: each thread of each process spends by its own list, all from the same moment on.

What each was told comes back to the test. What a key begins with says what its writer does: see `work.take_one`.
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

from tests.reliability.work import PROCESSES, Given, application, end, start, take_one
from webapp.extensions import transact
from webapp.ledger.errors import InsufficientCredits, SpendLimitReached
from webapp.ledger.operations import Posted
from webapp.ledger.queries import LimitStanding

START_SECONDS = 60

Spend = tuple[int, str]  # account, key
Barrier = multiprocessing.synchronize.Barrier


@dataclass(frozen=True)
class Told:
    """What one writer was told: its entry's number, None if refused; and how many seconds and tries that took.

    `available` is what there was; for who met a limit what was left of it, for who has set one what it counted then.
    """

    account_id: int
    key: str
    refused: str | None
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

    def work(session: Session) -> Posted | LimitStanding:
        nonlocal tries
        tries += 1
        return take_one(session, account_id, key)

    facts = {"account_id": account_id, "key": key, "refused": None, "seq": None, "is_replayed": False}
    try:
        answer = transact(work)
    except (InsufficientCredits, SpendLimitReached) as refusal:
        left = refusal.facts["available" if isinstance(refusal, InsufficientCredits) else "left"]
        facts |= {"refused": refusal.code, "available": left}
    else:
        if isinstance(answer, LimitStanding):
            facts |= {"available": answer.used}
        else:
            facts |= {"seq": answer.entry.seq, "available": answer.available, "is_replayed": answer.replayed}
    return {"seconds": time.perf_counter() - began, "tries": tries, **facts}
