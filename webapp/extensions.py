"""The Flask side of storage and of the request: extensions, the parts of the application, transactions."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.crashes import point
from webapp.orm import WRITES, Base, is_lost, is_transient

if TYPE_CHECKING:
    from webapp.billing.gateway import Gateway
    from webapp.catalog import Catalog
    from webapp.settings import Settings

db = SQLAlchemy(model_class=Base)
migrate = Migrate()
login_manager = LoginManager()
csrf = CSRFProtect()
limiter = Limiter(key_func=get_remote_address)

ATTEMPTS = 5
T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """What one application is made of. `gateway` is None while payments are not configured."""

    settings: "Settings"
    catalog: "Catalog"
    gateway: "Gateway | None"


def parts() -> Parts:
    """The parts of the current application."""
    return cast("Parts", current_app.extensions["refill"])


@contextmanager
def transaction() -> Iterator[Session]:
    """One write transaction: commits at the end, or rolls everything back.

    Ends the request's read session first, so that what is read afterwards is fresh.
    """
    end_reading()
    engine = db.engine.execution_options(**{WRITES: True})
    with committing(engine) as session:
        yield session


@contextmanager
def committing(bind: Engine | Connection) -> Iterator[Session]:
    """A session that commits at the end, or rolls everything back."""
    with Session(bind, expire_on_commit=False) as session, session.begin():
        yield session
        point("commit.before")
    point("commit.after")


def transact(work: Callable[[Session], T]) -> T:
    """Run `work` in one transaction, again (up to five times) when the database asks for it.

    `work` must take its facts and its key from outside, so that a second run does the same. Where the connection is
    lost the work is done again too, unless it was lost in the commit: nobody knows then whether it is done.
    """
    for attempt in range(1, ATTEMPTS + 1):
        is_worked = False
        try:
            with transaction() as session:
                done = work(session)
                is_worked = True
        except DBAPIError as error:
            if attempt == ATTEMPTS or not (is_transient(error) or (is_lost(error) and not is_worked)):
                raise
        else:
            return done
        point("retry.before")
        time.sleep(random.uniform(0.005, 0.03) * 2**attempt)  # noqa: S311  # jitter, not a secret
    raise AssertionError("unreachable")


@contextmanager
def one_look() -> Iterator[Connection]:
    """A connection for one statement that reads: no transaction is begun and ended around it, two round trips less."""
    with db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


def end_reading() -> None:
    """Close the request's read session: before a write, and before every call to Stripe."""
    db.session.remove()
