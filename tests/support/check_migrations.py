"""`make check`: the models and the migrations say the same."""

import sys
import tempfile
from pathlib import Path

import flask_migrate
from flask import Flask

import webapp.alerts.models
import webapp.billing.models
import webapp.billing.money_back.models
import webapp.billing.reconcile.models
import webapp.billing.subscriptions.models
import webapp.exports.models
import webapp.ledger.models
import webapp.operators.models
import webapp.people.models
import webapp.worker.models  # noqa: F401  # imported so that every table is known
from webapp.extensions import db, migrate
from webapp.orm import configure_engine

ROOT = Path(__file__).parents[2]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = Flask("webapp")
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder}/check.sqlite3"
        db.init_app(app)
        migrate.init_app(app, db, directory=str(ROOT / "migrations"))
        with app.app_context():
            configure_engine(db.engine)
            flask_migrate.upgrade()
            flask_migrate.check()
            db.engine.dispose()


if __name__ == "__main__":
    sys.exit(main())
