"""What every test application would make anew, made once: compiled templates, routes and statements, a Stripe with the
catalogue.

All are what the application makes by itself, byte for byte; only the hundredth time is spared.
"""

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Dialect, Engine, insert, select
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from webapp.billing.models import StripePrice
from webapp.extensions import db, transact
from webapp.orm import utc_now


class CompiledTemplates(BytecodeCache):
    """Templates as Python has compiled them, by their text."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        found = self._compiled.get(f"{bucket.key}:{bucket.checksum}")
        if found is not None:
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[f"{bucket.key}:{bucket.checksum}"] = bucket.bytecode_to_string()


def share_templates() -> None:
    """Let all applications of this process share their compiled templates."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}


def share_routes() -> None:
    """Let all of them build addresses with the same functions: Werkzeug writes and compiles one for each rule."""
    builders: dict[tuple[Any, ...], Callable[..., Any]] = {}
    compile_anew = Rule._compile_builder

    def compile_builder(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        if rule.defaults:
            return compile_anew(rule, append_unknown)
        made_of = (rule.rule, *rule._trace, append_unknown)
        if made_of not in builders:
            builders[made_of] = compile_anew(rule, append_unknown)
        return builders[made_of]

    Rule._compile_builder = compile_builder


class CompiledStatements(LRUCache[Any, Any]):
    """Statements as SQLAlchemy has compiled them, for all engines that speak one dialect: each has one of its own."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_without_engine(key), default)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_without_engine(key))

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__(_without_engine(key), compiled)


def _without_engine(key: Any) -> Any:
    is_of_statement = isinstance(key, tuple) and isinstance(key[0], Dialect)
    return (type(key[0]), *key[1:]) if is_of_statement else key


def share_statements() -> None:
    """Let all engines of this process share their compiled statements."""
    shared: dict[type[Dialect], CompiledStatements] = {}

    def statements(engine: Engine) -> CompiledStatements:
        return shared.setdefault(type(engine.dialect), CompiledStatements(2000))

    Engine._compiled_cache = property(statements, lambda _engine, _own: None)  # type: ignore[assignment]


@dataclass(frozen=True)
class SyncedStripe:
    """A simulated Stripe that has the catalogue, and what the application has stored of it."""

    file: Path
    prices: list[dict[str, Any]]

    def give_to(self, app: Flask) -> None:
        """Let an application begin where `flask stripe sync` has left it. Needs its context."""
        shutil.copy(self.file, app.extensions["refill"].settings.simulator_path)
        rows = [{**price, "checked_at": utc_now()} for price in self.prices]
        transact(lambda session: session.execute(insert(StripePrice), rows))
        db.session.remove()


def synced_stripe(app: Flask) -> SyncedStripe:
    """What an application has that was just synced. Needs its context."""
    file = Path(app.extensions["refill"].settings.simulator_path)
    with sqlite3.connect(file) as connection:  # one file, without its write-ahead log, can be copied
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    table = StripePrice.__table__
    prices = [dict(row) for row in db.session.execute(select(table)).mappings()]
    db.session.remove()
    return SyncedStripe(file, prices)
