"""Sending an answer: JSON in the shape that `schemas` promises."""

from flask import Response, make_response
from pydantic import BaseModel


def answer(shape: BaseModel, status: int = 200) -> Response:
    """The JSON of a shape."""
    response = make_response(shape.model_dump_json(), status)
    response.mimetype = "application/json"
    return response
