"""The blueprint of the console. Its pages are under /operator, its partials under /partials/operator."""

from flask import Blueprint

bp = Blueprint("operator", __name__)
