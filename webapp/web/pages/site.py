"""What every template may read, whoever asks: the brand, the addresses of static files, htmx and its settings."""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from flask import Flask, Response, request

from webapp.settings import Settings

YEAR_SECONDS = 365 * 24 * 3600
TIMEOUT_MILLISECONDS = 10_000

# Balances must never come back from a copy of a page, and a strict policy allows neither eval nor inline styles.
# An answer that refuses is drawn where the server says; one that failed leaves the old content alone.
HTMX_CONFIG = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "historyCacheSize": 0,
    "selfRequestsOnly": True,
    "timeout": TIMEOUT_MILLISECONDS,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "400|402|403|409|413|422|429", "swap": True},
        {"code": "...", "swap": False, "error": True},
    ],
}


class Place(NamedTuple):
    """One entry of the main navigation."""

    name: str
    label: str
    endpoint: str
    icon: str


NAVIGATION = (
    Place("dashboard", "Dashboard", "dashboard.dashboard", "home"),
    Place("credits", "Credits", "credits.credits", "coins"),
    Place("usage", "Usage", "usage.usage", "chart"),
    Place("history", "History", "history.history", "list"),
    Place("billing", "Billing", "billing.billing", "card"),
)


def register_site(app: Flask, settings: Settings) -> None:
    """Give the templates what is the same for everybody, and let browsers keep static files of a known version."""
    app.jinja_env.globals.update(
        asset=versioned(
            Path(str(app.static_folder)), str(app.static_url_path), is_changing=settings.app_env == "development"
        ),
        brand_name=settings.brand_name,
        is_simulated=settings.payments == "simulated",
        terms_url=settings.terms_url,
        help_url=settings.help_url,
        htmx_url=settings.htmx_url,
        htmx_integrity=settings.htmx_integrity,
        htmx_config=json.dumps(HTMX_CONFIG),
        navigation=NAVIGATION,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.after_request(_keep_versions)


def versioned(folder: Path, address: str, *, is_changing: bool) -> Callable[[str], str]:
    """How templates address static files: with the hash of what is in them, `/static/app.css?v=1f2e3d4c`.

    A file is read once; while people work on them (`is_changing`), again whenever it was written to.
    """

    def asset(name: str) -> str:
        changed_ns = (folder / name).stat().st_mtime_ns if is_changing else 0
        return _versioned(folder, address, name, changed_ns)

    return asset


@lru_cache(maxsize=64)
def _versioned(folder: Path, address: str, name: str, _changed_ns: int) -> str:
    return f"{address}/{name}?v={hashlib.sha256((folder / name).read_bytes()).hexdigest()[:8]}"


def _keep_versions(response: Response) -> Response:
    if request.endpoint == "static" and request.args.get("v") and response.status_code in {200, 304}:
        response.headers["Cache-Control"] = f"public, max-age={YEAR_SECONDS}, immutable"
    return response
