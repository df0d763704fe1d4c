"""A small product inside the application: its views, what they were asked, and what they must do next."""

import threading
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, abort, jsonify

from webapp.extensions import csrf, db
from webapp.integrate import limited, metered


class Product:
    """Views under /api/product (with keys or a token) and /product (pages), and a count of their runs."""

    def __init__(self, app: Flask) -> None:
        self.runs: list[str] = []
        self.act: Callable[[], Any] = lambda: jsonify(done=True)
        self.busy_connections: list[int] = []
        self._lock = threading.Lock()
        app.register_blueprint(self._api())
        app.register_blueprint(self._pages())

    def _run(self, name: str) -> Any:
        with self._lock:
            self.runs.append(name)
            self.busy_connections.append(db.engine.pool.checkedout())
        return self.act()

    def _api(self) -> Blueprint:
        bp = Blueprint("product_api", __name__, url_prefix="/api/product")
        csrf.exempt(bp)

        @bp.post("/transcripts")
        @metered("transcript", quantity=lambda asked: asked.get_json()["pages"], lasts_seconds=60)
        def transcribe():
            return self._run("transcribe")

        @bp.get("/lookup/<word>")
        @metered("transcript")
        def look_up(word: str):
            return self._run(word)

        @bp.post("/nothing")
        @metered("no_such_meter")
        def nothing():
            return self._run("nothing")

        @bp.route("/search", methods=["GET", "POST"])
        @limited("3 per minute", then="transcript")
        def search():
            return self._run("search")

        return bp

    def _pages(self) -> Blueprint:
        bp = Blueprint("product", __name__)

        @bp.post("/product/report")
        @metered("transcript")
        def report():
            return self._run("report")

        @bp.post("/partials/product/report")
        @metered("transcript")
        def report_part():
            return self._run("report")

        return bp


def fails_with(status: int) -> Callable[[], Any]:
    return lambda: Response("no", status)


def raises(error: Exception) -> Callable[[], Any]:
    def act():
        raise error

    return act


def aborts(status: int) -> Callable[[], Any]:
    return lambda: abort(status)
