"""What is public of the API: its OpenAPI document."""

from functools import lru_cache

from flask import Blueprint, Response, make_response
from pydantic_core import to_json

from webapp.api.document import openapi
from webapp.extensions import parts

bp = Blueprint("api_docs", __name__, url_prefix="/api")


@bp.get("/openapi.json")
def document() -> Response:
    """The OpenAPI document, the same for everybody."""
    settings = parts().settings
    response = make_response(_document(settings.brand_name, settings.base_url))
    response.mimetype = "application/json"
    return response


@lru_cache(maxsize=4)
def _document(brand_name: str, base_url: str) -> bytes:
    return to_json(openapi(brand_name=brand_name, base_url=base_url), indent=2)
