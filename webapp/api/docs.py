"""What is public of the API: its OpenAPI document, and the page that is drawn from it."""

from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, make_response, render_template
from pydantic_core import to_json

from webapp.api.document import openapi
from webapp.api.problems import KINDS
from webapp.api.reference import SCOPES, sections
from webapp.extensions import parts

bp = Blueprint("api_docs", __name__, url_prefix="/api")


@bp.get("/openapi.json")
def document() -> Response:
    """The OpenAPI document, the same for everybody."""
    settings = parts().settings
    response = make_response(_written(settings.brand_name, settings.base_url))
    response.mimetype = "application/json"
    return response


@bp.get("/docs")
def page() -> str:
    """The document as a page, for people."""
    settings = parts().settings
    found = _document(settings.brand_name, settings.base_url)
    return render_template("api/docs.html", sections=sections(found, settings.base_url), problems=KINDS, scopes=SCOPES)


@lru_cache(maxsize=4)
def _document(brand_name: str, base_url: str) -> dict[str, Any]:
    return openapi(brand_name=brand_name, base_url=base_url)


@lru_cache(maxsize=4)
def _written(brand_name: str, base_url: str) -> bytes:
    return to_json(_document(brand_name, base_url), indent=1)
