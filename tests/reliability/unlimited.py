"""Refill without rate limits, for gunicorn: these tests ask more often than a person may."""

from webapp.extensions import limiter
from wsgi import app

limiter.enabled = False

__all__ = ["app"]
