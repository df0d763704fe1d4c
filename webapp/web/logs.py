"""Structured logs: one line for each request, a request id on every line, no secret and no personal data."""

import logging
import re
import secrets
import sys
import time
from typing import Any, TextIO

import structlog
from flask import Flask, Response, g, request
from structlog.dev import plain_traceback

from webapp.settings import Settings

SANE_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
QUIET = frozenset({"static", "health.healthz", "health.readyz", "health.metrics"})

# Keys and signing secrets of Stripe, our own keys and login links, argon2 hashes, e-mail addresses. Each run of letters
# is looked at once.
MASKED = re.compile(
    r"(?<![A-Za-z])(?:[sr]k_(?:test|live)|whsec)_\w+|(?<![A-Za-z])rf[asl]_[\w-]{8,}|\$argon2\w+\$[^\s\"']+|(?<![\w.+%-])[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"
)

log = structlog.get_logger("refill")


class StandardError(logging.StreamHandler[TextIO]):
    """Writes to the standard error of the moment, which test runners replace and close."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # logging's own last resort does the same
        """Where to write now."""
        return sys.stderr


def configure_logs(settings: Settings) -> None:
    """Send every log line, our own and the libraries', to standard error in one shape."""
    is_json = (settings.log_format or ("json" if settings.is_production else "text")) == "json"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    drawn = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if is_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = StandardError()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *drawn, masked],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("stripe").setLevel(logging.WARNING)  # it logs request bodies at lower levels
    logging.getLogger("alembic").setLevel(logging.WARNING)


def masked(_logger: Any, _level: str, line: Any) -> str:
    """The line without what looks like a secret or an e-mail address: the last net, under other people's errors."""
    return MASKED.sub("[masked]", line)


def log_requests(app: Flask) -> None:
    """Give each request an id (a sane `X-Request-ID` is kept) and log it when it is answered."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if SANE_ID.fullmatch(given) else secrets.token_hex(8)
        g.began = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        if "request_id" in g:
            response.headers["X-Request-ID"] = g.request_id
            _log_answer(response)
        return response

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        structlog.contextvars.clear_contextvars()


def _log_answer(response: Response) -> None:
    if request.endpoint in QUIET and response.status_code < 500:
        return
    log.info(
        "request",
        method=request.method,
        route=str(request.url_rule or "-"),  # the rule, not the address: ids and queries stay out of the log
        status=response.status_code,
        ms=round((time.perf_counter() - g.began) * 1000, 1),
        **_key_asking(),
    )


def _key_asking() -> dict[str, int]:
    """The number of the API key that asked, by which a leaked one's requests are found."""
    key = g.get("api_key")
    return {} if key is None else {"key_id": key.id}
