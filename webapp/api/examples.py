"""Examples for the OpenAPI document and its page. A test sends them in this order, and gets exactly these answers."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """What is sent to an operation and what comes back; `place` fills its path, `query` is what follows it."""

    body: Json | None = None
    answer: Json | None = None
    place: dict[str, int] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


EXAMPLES: dict[str, Example] = {
    "grant": Example(body={"kind": "bonus", "credits": 500, "reason": "Thank you for testing"}, answer=None),
    "spend": Example(
        body={"meter": "call_minute", "quantity": 12, "description": "Outbound call, 12 min"},
        answer=None,
    ),
    "batch": Example(
        body={
            "spends": [
                {"key": "page-1", "meter": "transcript", "quantity": 4},
                {"key": "page-2", "meter": "transcripts", "quantity": 1},
            ]
        },
        answer=None,
    ),
    "estimate": Example(body={"meter": "tokens", "quantity": 1500}),
    "hold": Example(body={"meter": "call_minute", "quantity": 30, "lasts_seconds": 3600}),
    "read_hold": Example(place={"hold": 4}),
    "capture": Example(
        place={"hold": 4},
        body={"meter": "call_minute", "quantity": 22, "description": "Outbound call, 22 min"},
    ),
    "reverse": Example(place={"entry": 2}, body={"credits": 6, "description": "Returned: two minutes of silence"}),
    "release": Example(place={"hold": 7}, body={"description": "Nobody picked up"}),
    "balance": Example(),
    "history": Example(query={"type": "usage", "limit": "1"}),
    "read_catalog": Example(),
    "open_checkout": Example(body={"pack": "small"}),
    "open_pack_purchase": Example(body={"pack": "small"}),
    "verify_payment": Example(query={"session_id": "cs_test_…"}),
}
