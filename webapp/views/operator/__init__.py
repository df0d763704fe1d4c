"""The operator's console: pages for those with a role. For everybody else they are missing pages (see `web.roles`)."""

from webapp.views.operator import (
    acts,
    comparisons,
    doing,
    events,
    overview,
    payments,
    people,
    person,
    purchases,
    refund,
    requests,
)
from webapp.views.operator.blueprint import bp

__all__ = [
    "acts",
    "bp",
    "comparisons",
    "doing",
    "events",
    "overview",
    "payments",
    "people",
    "person",
    "purchases",
    "refund",
    "requests",
]
