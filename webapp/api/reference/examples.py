"""Examples for the OpenAPI document and its page. A test sends them in this order, and gets exactly these answers."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

AT = "2026-11-20T14:32:00Z"


@dataclass(frozen=True, slots=True)
class Example:
    """What is sent to an operation and what comes back; `place` fills its path, `query` is what follows it."""

    body: Json | None = None
    answer: Json | None = None
    place: dict[str, int | str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)


def _entry(seq: int, kind: str, moved: int, balance: int, lot: int, description: str, **more: object) -> Json:
    facts: Json = {"meter": None, "quantity": None, "reverses": None} | more
    return {
        "id": seq,
        "kind": kind,
        "credits": moved,
        "balance_after": balance,
        "description": description,
        "lots": [{"grant": 1, "kind": "bonus", "credits": lot}],
        "occurred_at": AT,
        "created_at": AT,
        **facts,
    }


def _posted(entry: Json, available: int, held: int = 0) -> Json:
    return {"entry": entry, "balance": {"available": available, "held": held}}


def _hold(seq: int, size: int, state: str, expires_at: str) -> Json:
    return {"id": seq, "credits": size, "captured": 0, "state": state, "expires_at": expires_at}


CALL = {"meter": "call_minute"}
HELD = _hold(4, 90, "open", "2026-11-20T15:32:00Z")
UNKNOWN_METER = {
    "type": "about:blank",
    "title": "We don't know that meter",
    "status": 404,
    "detail": "There is no such meter in the catalogue.",
    "code": "unknown_meter",
    "meter": "transcripts",
    "request_id": "288d4240e330e9e8",
}

EXAMPLES: dict[str, Example] = {
    "grant": Example(
        body={"kind": "bonus", "credits": 500, "reason": "Thank you for testing"},
        answer=_posted(_entry(1, "grant", 500, 500, 500, "Thank you for testing"), 500),
    ),
    "spend": Example(
        body={**CALL, "quantity": 12, "description": "Outbound call, 12 min"},
        answer=_posted(_entry(2, "spend", -36, 464, 36, "Outbound call, 12 min", **CALL, quantity=12), 464),
    ),
    "batch": Example(
        body={
            "spends": [
                {"key": "page-1", "meter": "transcript", "quantity": 4},
                {"key": "page-2", "meter": "transcripts", "quantity": 1},
            ]
        },
        answer={
            "results": [
                {
                    "key": "page-1",
                    "status": 201,
                    "entry": _entry(3, "spend", -4, 460, 4, "", meter="transcript", quantity=4),
                },
                {"key": "page-2", "status": 404, "problem": UNKNOWN_METER},
            ]
        },
    ),
    "estimate": Example(
        body={"meter": "tokens", "quantity": 1500},
        answer={
            "credits": 3,
            "meter": "tokens",
            "quantity": 1500,
            "available": 460,
            "missing": 0,
            "is_covered": True,
        },
    ),
    "hold": Example(
        body={**CALL, "quantity": 30, "lasts_seconds": 3600},
        answer={"hold": HELD, "balance": {"available": 370, "held": 90}},
    ),
    "read_hold": Example(place={"hold": 4}, answer=HELD),
    "capture": Example(
        place={"hold": 4},
        body={**CALL, "quantity": 22, "description": "Outbound call, 22 min"},
        answer=_posted(_entry(5, "capture", -66, 394, 66, "Outbound call, 22 min", **CALL, quantity=22), 394),
    ),
    "reverse": Example(
        place={"entry": 2},
        body={"credits": 6, "description": "Returned: two minutes of silence"},
        answer=_posted(_entry(6, "reverse", 6, 400, 6, "Returned: two minutes of silence", **CALL, reverses=2), 400),
    ),
    "release": Example(
        place={"hold": 7},
        body={"description": "Nobody picked up"},
        answer={
            "hold": _hold(7, 30, "released", "2026-11-20T14:47:00Z"),
            "balance": {"available": 400, "held": 0},
        },
    ),
    "make_account": Example(
        body={"external_id": "customer-7", "time_zone": "Europe/Vienna"},
        answer={
            "account": 1088035247166433,
            "external_id": "customer-7",
            "email": None,
            "has_user": False,
            "time_zone": "Europe/Vienna",
        },
    ),
    "make_link": Example(place={"account": "external:customer-7"}, body={"next": "/dashboard/credits"}),
    "balance": Example(
        answer={
            "account": 1088035247166433,
            "available": 400,
            "held": 0,
            "frozen": 0,
            "debt": 0,
            "balance": 400,
            "kinds": {"allowance": 0, "bonus": 400, "purchased": 0},
            "subscription": 0,
            "overage": 400,
            "total": 400,
            "lots": [{"grant": 1, "kind": "bonus", "credits": 400, "expires_at": None}],
            "total_purchased": 0,
            "total_used": 100,
            "display": "400 credits · $20.00 (~133 min)",
        }
    ),
    "history": Example(
        query={"type": "usage", "limit": "1"},
        answer={
            "entries": [_entry(8, "release", 0, 400, 30, "Nobody picked up", because=None)],
            "next_cursor": "aDE6OA",
        },
    ),
    "read_catalog": Example(),
    "open_checkout": Example(body={"pack": "small"}),
    "open_pack_purchase": Example(body={"pack": "small"}),
    "read_subscription": Example(
        answer={
            "plan": "free",
            "state": "none",
            **dict.fromkeys(("subscribed_to", "next_plan", "amount_minor", "currency", "interval", "period")),
            **dict.fromkeys(("allowance", "trial_ends_at")),
            "is_ending": False,
            **dict.fromkeys(("ends_at", "ended_at", "resumes_at", "problem", "paid_with")),
        }
    ),
    "open_portal": Example(body={"flow": "payment_method"}),
    "verify_payment": Example(query={"session_id": "cs_test_a1b2c3"}),
}
