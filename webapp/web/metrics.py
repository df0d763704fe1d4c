"""Prometheus: counters of requests and of money events. What stands in the database is in `figures`."""

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter("refill_requests_total", "Answers by route and status.", ["route", "method", "status"])
SECONDS = Histogram("refill_request_seconds", "Time to answer, by route.", ["route"])
EVENTS = Counter(
    "refill_webhook_events_total", "Events Stripe told us, by type and what became of them.", ["type", "state"]
)
SWEPT = Counter("refill_swept_total", "Rows settled or failed by each sweep.", ["sweep", "outcome"])


def count_requests(app: Flask) -> None:
    """Count and time every answer."""

    @app.after_request
    def count(response: Response) -> Response:
        route = str(request.url_rule or "-")
        method = request.method if request.method in METHODS else "other"  # anybody can invent methods
        REQUESTS.labels(route, method, response.status_code).inc()
        if "began" in g:
            SECONDS.labels(route).observe(time.perf_counter() - g.began)
        return response


def exposition() -> tuple[bytes, str]:
    """Everything counted, in Prometheus' text form; summed over processes where PROMETHEUS_MULTIPROC_DIR is set."""
    registry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the package has no types here
    return generate_latest(registry), CONTENT_TYPE_LATEST
