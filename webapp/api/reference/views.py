"""What is public of the API: its OpenAPI document, and the page that is drawn from it."""

from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template
from pydantic_core import to_json

from webapp.api.reference.document import openapi
from webapp.api.reference.page import SCOPES, sections
from webapp.api.reference.problems import KINDS
from webapp.extensions import parts

bp = Blueprint("api_docs", __name__, url_prefix="/api")


@bp.get("/openapi.json")
def document() -> Response:
    """The OpenAPI document, the same for everybody."""
    response = make_response(_written(*_named()))
    response.mimetype = "application/json"
    return response


@bp.get("/docs")
def page() -> str:
    """The document as a page, for people."""
    found, base_url = _document(*_named()), parts().settings.base_url
    return render_template("api/docs.html", sections=sections(found, base_url), problems=KINDS, scopes=SCOPES)


def _named() -> tuple[str, str, str]:
    """What differs from one Refill to another."""
    settings = parts().settings
    return settings.brand_name, settings.base_url, current_app.config["SESSION_COOKIE_NAME"]


@lru_cache(maxsize=4)
def _document(brand_name: str, base_url: str, cookie_name: str) -> dict[str, Any]:
    return openapi(brand_name=brand_name, base_url=base_url, cookie_name=cookie_name)


@lru_cache(maxsize=4)
def _written(brand_name: str, base_url: str, cookie_name: str) -> bytes:
    return to_json(_document(brand_name, base_url, cookie_name), indent=1)
