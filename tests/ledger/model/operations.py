"""The operations of the model. Each takes an account as it was and answers a new one, or raises RefusedError."""

import datetime as dt
from zoneinfo import ZoneInfo

from tests.ledger.model.account import (
    FOR_EVER,
    RefusedError,
    burn_order,
    copied,
    live_lots,
    move,
    open_lot,
    seal,
    shared_out,
    total,
    write,
)
from tests.ledger.model.finishing import finish, settle_due
from tests.ledger.model.limits import check_limits

LARGEST = 10**9
SETTLES = ("hold", "capture", "release")


def tell(account, operation, request, now):
    """The account after one operation with a key, and its answer."""
    if "credits" in request and (type(request["credits"]) is not int or not 1 <= request["credits"] <= LARGEST):
        raise RefusedError("InvalidCredits", largest=LARGEST)
    if (again := told_before(account, operation, request)) is not None:
        return account, again | {"replayed": True}
    if request.get("entry_seq", 0) > len(account["entries"]):  # what is due has no number until it is written
        raise RefusedError("UnknownEntry", entry=request["entry_seq"])
    after = copied(account)
    settle_due(after, now)
    seq = OPERATIONS[operation](after, request, now)
    seal(after, len(account["entries"]), now)
    answer = {"entry": seq, "replayed": False, "hold": None}
    answer |= {name: after["entries"][seq - 1][name] for name in ("available", "held")}
    if operation in SETTLES:
        number = request.get("hold_seq", seq)
        answer["hold"] = {"seq": number} | {
            name: after["holds"][number][name] for name in ("credits", "captured", "state", "ends_at")
        }
    after["told"][request["key"]] = (operation, same_request(operation, request), answer)
    return after, answer


def told_before(account, operation, request):
    """The answer to the same request, by its key or, for a grant, by its source."""
    told = account["told"].get(request["key"])
    if told is None and operation == "grant":
        source = (request["source_kind"], request["source_id"])
        made = [n for n, lot in account["lots"].items() if lot["source"] == source]
        told = account["told"][account["entries"][made[0] - 1]["key"]] if made else None
    if told is None:
        return None
    if told[:2] != (operation, same_request(operation, request)):
        raise RefusedError("IdempotencyConflict", entry=told[2]["entry"])
    return told[2]


def same_request(operation, request):
    """What must be the same in two requests for the second to be the first told again."""
    if operation == "grant":
        return {name: request[name] for name in ("kind", "credits", "expires_at", "source_kind", "source_id")}
    if request.get("fingerprint") is not None:
        return request["fingerprint"]
    return {name: value for name, value in request.items() if name not in {"key", "key_id"}}


def grant(account, request, now):
    ends_at = request["expires_at"] or FOR_EVER
    if ends_at <= now:
        raise RefusedError("InvalidRequest")
    n = len(account["entries"]) + 1
    source = (request["source_kind"], request["source_id"])
    open_lot(account, n, request["kind"], request["credits"], ends_at, source)
    lots = [(n, request["credits"])]
    write(account, "grant", request["key"], request["credits"], lots, description=request["description"])
    move(account, n, "issued", "available", request["credits"])
    finish(account, now)
    return n


def spend(account, request, now):
    lots = payers(account, request["credits"], request.get("key_id", 0), now)
    seq = write_use(account, "spend", request, now, lots)
    for n, part in lots:
        move(account, n, "available", "spent", part)
    finish(account, now)
    return seq


def payers(account, needed, key_id, now):
    """The lots that pay, unless spending is paused, a limit is reached or there are too few credits."""
    if len(account["paused_at"]) == 1:
        ((paused_by, paused_at),) = account["paused_at"].items()
        raise RefusedError("SpendingPaused", paused_at=paused_at.isoformat(), paused_by=paused_by)
    if account["paused_at"]:  # no rule says who of the two is told
        raise RefusedError("SpendingPaused")
    check_limits(account, needed, key_id, now)
    available = sum(account["lots"][n]["available"] for n in live_lots(account, now))
    if available < needed:
        raise RefusedError("InsufficientCredits", needed=needed, available=available)
    return shared_out(account, needed, now)


def write_use(account, kind, request, now, lots, **facts):
    """An entry that uses credits, and its usage of the day."""
    used_on = (request.get("occurred_at") or now).astimezone(ZoneInfo(account["zone"])).date().isoformat()
    facts |= {"used_on": used_on, "meter": request["meter"], "key_id": request.get("key_id", 0)}
    seq = write(
        account, kind, request["key"], -request["credits"], lots, description=request.get("description", ""), **facts
    )
    count_usage(account, account["entries"][-1], lots, sign=1)
    return seq


def count_usage(account, use, lots, sign):
    for place, (n, part) in enumerate(lots):
        of = (use["used_on"], use["meter"], use["key_id"], account["lots"][n]["kind"])
        row = account["usage"].setdefault(of, [0, 0])
        row[0] += sign * part
        row[1] += sign == 1 and place == 0


def hold(account, request, now):
    key_id = request.get("key_id", 0)
    lots = payers(account, request["credits"], key_id, now)
    seq = write(account, "hold", request["key"], 0, lots, description=request.get("description", ""))
    for n, part in lots:
        move(account, n, "available", "held", part)
    ends_at = now + dt.timedelta(seconds=request["lasts_seconds"])
    account["holds"][seq] = {
        "credits": request["credits"],
        "captured": 0,
        "state": "open",
        "ends_at": ends_at,
        "lots": lots,
        "key_id": key_id,
        "made_at": now,
    }
    finish(account, now)
    return seq


def open_hold(account, number):
    found = account["holds"].get(number)
    if found is None:
        raise RefusedError("UnknownHold", hold=number)
    if found["state"] != "open":
        raise RefusedError("HoldClosed", hold=number, state=found["state"])
    return found


def capture(account, request, now):
    found = open_hold(account, request["hold_seq"])
    above = max(0, request["credits"] - found["credits"])
    if above and not request.get("may_exceed_hold"):
        raise RefusedError("CaptureAboveHold", needed=request["credits"], held=found["credits"])
    more = dict(payers(account, above, request.get("key_id", 0), now)) if above else {}
    used, missing = [], request["credits"]
    for n, part in found["lots"]:
        if min(missing, part):
            used.append((n, min(missing, part)))
        missing -= min(missing, part)
    told = [(n, dict(used).get(n, 0) + more.get(n, 0)) for n in burn_order(account, {*dict(used), *more})]
    seq = write_use(account, "capture", request, now, told, hold=request["hold_seq"])
    for n, part in more.items():
        move(account, n, "available", "spent", part)
    for n, part in found["lots"]:
        charged = dict(used).get(n, 0)
        if charged:
            move(account, n, "held", "spent", charged)
        if part > charged:
            move(account, n, "held", "available", part - charged)
    found |= {"state": "captured", "captured": request["credits"]}
    finish(account, now)
    return seq


def release(account, request, now):
    found = open_hold(account, request["hold_seq"])
    description = request.get("description", "")
    lots = list(found["lots"])
    seq = write(account, "release", request["key"], 0, lots, hold=request["hold_seq"], description=description)
    for n, part in lots:
        move(account, n, "held", "available", part)
    found["state"] = "released"
    finish(account, now)
    return seq


def reverse(account, request, now):
    number = request["entry_seq"]
    use = account["entries"][number - 1]
    if use["kind"] not in {"spend", "capture"}:
        raise RefusedError("NotReversible", entry=number, kind=use["kind"])
    left = left_to_reverse(account, use)
    if request["credits"] > sum(left.values()):
        raise RefusedError("ReverseAboveSpent", needed=request["credits"], left=sum(left.values()))
    lots, missing = [], request["credits"]
    for n, part in left.items():
        if min(missing, part):
            lots.append((n, min(missing, part)))
        missing -= min(missing, part)
    facts = {"reverses": number, "description": request.get("description", "")}
    seq = write(account, "reverse", request["key"], request["credits"], lots, **facts)
    count_usage(account, use, lots, sign=-1)
    returned = [(n, part - give_back_spent(account, n, part)) for n, part in lots]
    finish(account, now, seq, returned)
    return seq


def left_to_reverse(account, use):
    """What each lot of a use has not got back yet, in the order in which they were taken."""
    left = dict(use["lots"])
    for entry in account["entries"]:
        if entry["reverses"] == use["seq"]:
            for n, part in entry["lots"]:
                left[n] -= part
    return left


def give_back_spent(account, n, returned):
    """Return spent credits to a lot; how many of them it keeps for what it owes more than it has spent."""
    lot = account["lots"][n]
    move(account, n, "spent", "available", returned)
    excess = max(0, -lot["owed"] - lot["spent"])
    if excess:
        move(account, n, "available", "owed", excess)
    return excess


def void(account, request, now):
    n = request["grant_seq"]
    if n not in account["lots"]:
        raise RefusedError("UnknownGrant", grant=n)
    lot = account["lots"][n]
    if request["credits"] > lot["available"]:
        raise RefusedError("VoidAboveAvailable", needed=request["credits"], available=lot["available"])
    description, lots = request.get("description", ""), [(n, request["credits"])]
    seq = write(account, "void", request["key"], -request["credits"], lots, description=description)
    move(account, n, "available", "voided", request["credits"])
    lot["by_operator"] += request["credits"]
    finish(account, now)
    return seq


def void_in_order(account, request, now):
    available = sum(account["lots"][n]["available"] for n in live_lots(account, now))
    if request["credits"] > available:
        raise RefusedError("VoidAboveAvailable", needed=request["credits"], available=available)
    lots = shared_out(account, request["credits"], now)
    description = request.get("description", "")
    seq = write(account, "void", request["key"], -request["credits"], lots, description=description)
    for n, part in lots:
        move(account, n, "available", "voided", part)
        account["lots"][n]["by_operator"] += part
    finish(account, now)
    return seq


def settle_takeback(account, request, now):
    """The account after new facts about a payment, and the numbers of the entries that followed.

    What is due is settled by the facts that were known until now; then the new ones count.
    """
    if request["source_kind"] == "reverse":  # the ledger's own: no money stands behind what is granted anew
        raise RefusedError("InvalidRequest")
    after = copied(account)
    settle_due(after, now)
    source = (request["source_kind"], request["source_id"])
    facts = [request[name] for name in ("total_minor", "returned_minor", "disputed_minor", "is_floor")]
    after["facts"][source] = tuple(facts)
    finish(after, now)
    return sealed(account, after, now)


def expire(account, now):
    """The account with everything written that is due, and the numbers of the entries."""
    after = copied(account)
    settle_due(after, now)
    return sealed(account, after, now)


def sealed(account, after, now):
    before = len(account["entries"])
    seal(after, before, now)
    return after, list(range(before + 1, len(after["entries"]) + 1))


def shown(account, now):
    """The balance at an instant: what the account would have if everything due were written."""
    later, _ = expire(account, now)
    lots = [(n, later["lots"][n]["available"]) for n in live_lots(later, now)]
    kinds = {"allowance": 0, "bonus": 0, "purchased": 0}
    for n, part in lots:
        kind = later["lots"][n]["kind"]
        kinds[{"gift": "bonus", "adjustment": "purchased"}.get(kind, kind)] += part
    sums = {book: total(later, book) for book in ("available", "held", "frozen")}
    debt = max(0, -total(later, "owed"))
    anew = "reverse"  # what a reverse grants anew was bought before
    bought = [
        lot["granted"] for lot in account["lots"].values() if lot["kind"] == "purchased" and lot["source"][0] != anew
    ]
    return sums | {
        "debt": debt,
        "balance": sum(sums.values()) - debt,
        "kinds": kinds,
        "lots": lots,
        "total_used": total(later, "spent"),
        "total_purchased": sum(bought),
        "is_due": len(later["entries"]) > len(account["entries"]),
    }


OPERATIONS = {
    "grant": grant,
    "spend": spend,
    "hold": hold,
    "capture": capture,
    "release": release,
    "reverse": reverse,
    "void": void,
    "void_in_order": void_in_order,
}
