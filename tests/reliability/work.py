"""What processes of a test's own do: sweeps and spends, through the application's own `transact`, as an edge does.

They are forked from a server that has loaded this module, so that one more costs milliseconds.
"""

import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg.errors
from flask import Flask
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp import create_app
from webapp.extensions import db, transact
from webapp.ledger.operations import Posted, SpendLimit, hold, set_limit, spend
from webapp.ledger.queries import LimitStanding
from webapp.orm import utc_now
from webapp.settings import read_settings
from webapp.web.money_back import refund_purchase
from webapp.worker.sweeps import all_sweeps, run_sweep

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])

LIMIT_OF_TEN = SpendLimit(0, "month", 10, pauses=True, is_money=False)
END_SECONDS = 600  # fifty rounds on a machine that is busy with something else
KILLED = -9

Given = dict[str, str]


def run(work: Callable[..., object], *facts: object) -> int:
    """Run a function of this module in a process of its own until it ends; its exit code, -9 when it was killed."""
    return end(start(work, *facts))


def start(work: Callable[..., object], *facts: object) -> BaseProcess:
    """Start a function of this module in a process of its own."""
    process = PROCESSES.Process(target=work, args=facts)
    process.start()
    return process


def end(process: BaseProcess) -> int:
    """Wait for a process; its exit code."""
    process.join(END_SECONDS)
    code = process.exitcode
    assert code is not None, "it hangs"
    process.close()
    return code


def sweep(given: Given, name: str = "purchases") -> None:
    """One sweep, of purchases if nothing is said, once, as the worker runs it."""
    (chosen,) = [sweep for sweep in all_sweeps() if sweep.name == name]
    with application(given):
        run_sweep(chosen, now=utc_now())


def refund(given: Given, account_id: int, purchase_id: str, key: str) -> None:
    """Refund half of a purchase, as an operator does."""
    with application(given):
        refund_purchase(account_id, purchase_id, amount_minor=250, order_key=key, now=utc_now())


def spend_with_one_retry(given: Given, account_id: int, key: str, told: Path) -> None:
    """Spend one credit; the database refuses the first try after all is written. Then tell."""
    with application(given):
        tries: list[str] = []

        def work(session: Session) -> Posted:
            tries.append(key)
            posted = spend_one(session, account_id, key)
            if len(tries) == 1:
                raise asks_again()
            return posted

        transact(work)
        tell(told, key)


def spend_on(given: Given, account_id: int, keys: Sequence[str], told: Path) -> None:
    """Spend one credit for each key in turn, and tell of each."""
    with application(given):
        for key in keys:
            transact(partial(spend_one, account_id=account_id, key=key))
            tell(told, key)


def spend_one(session: Session, account_id: int, key: str) -> Posted:
    """What each of these spends is."""
    return spend(session, account_id, credits=1, key=key, now=utc_now())


def take_one(session: Session, account_id: int, key: str) -> Posted | LimitStanding:
    """What a writer of a crowd does: spend a credit, put one on hold, or set a limit of ten to whatever was used."""
    if key.startswith("hold"):
        return hold(session, account_id, credits=1, key=key, now=utc_now())
    if key.startswith("limit"):
        return set_limit(session, account_id, LIMIT_OF_TEN, may_stop_now=True, now=utc_now())
    return spend_one(session, account_id, key)


def tell(told: Path, key: str) -> None:
    """Acknowledge: what is written here is kept when this process dies."""
    with told.open("a") as file:
        file.write(f"{key}\n")


def asks_again() -> OperationalError:
    """What the driver raises when the same transaction may go well later."""
    if db.engine.dialect.name == "sqlite":
        return OperationalError("UPDATE", {}, sqlite3.OperationalError("database is locked"))
    return OperationalError("UPDATE", {}, psycopg.errors.DeadlockDetected("deadlock detected"))


@contextmanager
def application(given: Given) -> Iterator[Flask]:
    """An application of this process, with its context."""
    app = create_app(read_settings(_env_file=None, **given))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
