"""What the stories have met, so that a story that meets too little fails: it would prove little."""

from collections import Counter

from tests.ledger.model.account import PRIORITY, burn_order, total
from tests.ledger.model.limits import standing, window

# How often the gate's sample must have met each thing on each database, at the least: a third of what it does.
MUST_MEET = {
    "a hold ended by itself": 12,
    "a lot expired again": 5,
    "batch of good and bad lines": 3,
    "batch over two accounts": 6,
    "capture": 1,
    "capture above its hold from one lot": 1,
    "capture beside limits": 9,
    "capture from a lot that has ended": 1,
    "capture of a lot with facts": 1,
    "capture of a part": 1,
    "capture of all": 1,
    "capture: available to spent": 1,
    "capture: held to available": 1,
    "capture: held to spent": 1,
    "debt made": 5,
    "debt paid in full": 3,
    "due lots and holds together": 2,
    "expire": 5,
    "expire: available to expired": 62,
    "facts before the grant": 11,
    "facts changed or down": 24,
    "facts changed up": 25,
    "facts of several payments": 69,
    "floor with spent credits": 7,
    "freeze: available to frozen": 12,
    "freeze: owed to available": 1,
    "giveback: owed to available": 5,
    "giveback: voided to available": 13,
    "giveback: voided to owed": 6,
    "grant": 114,
    "grant beside limits": 77,
    "grant: available to owed": 1,
    "grant: issued to available": 125,
    "granted anew": 1,
    "hold": 24,
    "hold beside limits": 36,
    "hold from lots with a tie": 1,
    "hold from many lots": 5,
    "hold from one lot": 19,
    "hold of a lot with facts": 6,
    "hold: available to held": 32,
    "key twice in a batch": 1,
    "limit dropped": 14,
    "limit reached to the very credit": 14,
    "limit set": 34,
    "limit set anew": 56,
    "limit set in the middle of its window": 2,
    "refused beside due things": 40,
    "refused by a limit with holds": 9,
    "refused by a limit without holds": 36,
    "refused capture by a limit of a key": 3,
    "refused capture: InsufficientCredits": 1,
    "refused capture: SpendLimitReached": 3,
    "refused hold by a limit of a key": 4,
    "refused hold by a limit of the account": 22,
    "refused hold: SpendLimitReached": 28,
    "refused spend by a limit of a key": 3,
    "refused spend by a limit of the account": 12,
    "refused spend: SpendLimitReached": 15,
    "refused: CaptureAboveHold": 1,
    "refused: HoldClosed": 25,
    "refused: IdempotencyConflict": 1,
    "refused: InsufficientCredits": 46,
    "refused: InvalidCredits": 17,
    "refused: LimitAlreadyReached": 2,
    "refused: NotReversible": 4,
    "refused: ReverseAboveSpent": 24,
    "refused: SpendLimitReached": 46,
    "refused: SpendingPaused": 1,
    "refused: UnknownEntry": 1,
    "refused: UnknownGrant": 1,
    "refused: UnknownHold": 11,
    "refused: VoidAboveAvailable": 3,
    "release": 4,
    "release of a lot with facts": 2,
    "release: held to available": 24,
    "reverse": 24,
    "reverse beside limits": 24,
    "reverse of a capture": 1,
    "reverse of a capture above its hold beside limits": 3,
    "reverse of a lot with facts": 14,
    "reverse of a part": 15,
    "reverse of a spend": 23,
    "reverse of a use of an earlier window": 22,
    "reverse of all": 7,
    "reverse: available to owed": 1,
    "reverse: owed to available": 1,
    "reverse: spent to available": 29,
    "reversed again": 5,
    "settle_takeback": 104,
    "several instants settled at once": 4,
    "source told again": 1,
    "spend": 30,
    "spend beside limits": 39,
    "spend from lots with a tie": 3,
    "spend from many lots": 7,
    "spend from one lot": 20,
    "spend of a lot with facts": 10,
    "spend: available to spent": 50,
    "take-back from several books": 6,
    "take-back of a lot with credits expired": 4,
    "take-back of a lot with credits on hold": 13,
    "take-back of a lot with credits taken by an operator": 13,
    "takeback: available to owed": 12,
    "takeback: available to voided": 53,
    "takeback: frozen to voided": 3,
    "takeback: owed to voided": 15,
    "the very instant of a hold's end": 2,
    "the very instant of a lot's end": 10,
    "told again: capture": 1,
    "told again: grant": 4,
    "told again: hold": 1,
    "told again: reverse": 1,
    "told again: spend": 1,
    "unfreeze: frozen to available": 3,
    "use above a limit that only tells": 18,
    "used on another day": 11,
    "void": 8,
    "void beside limits": 6,
    "void of a lot with facts": 2,
    "void: available to voided": 8,
    "zone changed beside limits": 3,
}


def things_refused(before, operation, request, refused, now):
    """What a refused operation has met."""
    yield f"refused: {refused.name}"
    yield f"refused {operation}: {refused.name}"
    if refused.name == "SpendLimitReached" and refused.facts is not None:
        yield f"refused {operation} by a limit of {'a key' if refused.facts['key'] else 'the account'}"
        yield f"refused by a limit {'with holds' if refused.facts['held'] else 'without holds'}"
    if due_lots(before, now) or due_holds(before, now):
        yield "refused beside due things"


def things_met(before, after, operation, request, answer, now):
    """What an operation that succeeded has met."""
    if answer["replayed"]:
        yield f"told again: {operation}"
        if request["key"] not in before["told"]:
            yield "source told again"
        return
    entries = after["entries"][len(before["entries"]) :]
    yield operation
    yield from met_due(before, operation, now)
    for entry in entries:
        yield from met_entry(before, after, entry)
    own = after["entries"][answer["entry"] - 1] if "entry" in answer else None
    if own is not None:
        yield from met_limits(after, own, now)
        yield from met_own(before, after, operation, request, own, now)
    if operation == "settle_takeback":
        yield from met_facts(before, after, request)
    if total(before, "owed") == 0 > total(after, "owed"):
        yield "debt made"
    if total(before, "owed") < 0 == total(after, "owed"):
        yield "debt paid in full"


def things_limited(before, limit, refused, now):
    """What setting a limit has met."""
    if refused is not None:
        yield f"refused: {refused.name}"
        return
    yield "limit set anew" if (limit["key_id"], limit["period"]) in before["limits"] else "limit set"
    stands = standing(before, limit["key_id"], limit["period"], now)
    if stands["used"] + stands["held"]:
        yield "limit set in the middle of its window"
    if limit["pauses"] and stands["used"] + stands["held"] >= limit["credits"]:
        yield "limit set that stops at once"


def met_limits(after, own, now):
    """What an entry has met of the account's limits. Its window is told by the day, the shortest."""
    if not after["limits"]:
        return
    yield f"{own['kind']} beside limits"
    for (of, period), limit in after["limits"].items():
        stands = standing(after, of, period, now)
        counted = stands["used"] + stands["held"]
        if own["kind"] in {"spend", "hold"} and counted == limit["credits"]:
            yield "limit reached to the very credit"
        if own["kind"] in {"spend", "hold"} and counted > limit["credits"]:
            yield "use above a limit that only tells" if not limit["pauses"] else "use beside a limit long passed"
        yield from met_earlier_window(after, own, window(period, after["zone"], now)[0])


def met_earlier_window(after, own, starts_at):
    use = after["entries"][own["reverses"] - 1] if own["reverses"] else own
    hold = after["holds"].get(use["hold"])
    is_above = hold is not None and use["kind"] == "capture" and -use["credits"] > hold["credits"]
    if own["kind"] == "capture" and hold["made_at"] < starts_at:
        yield f"capture {'above' if is_above else 'of'} a hold of an earlier window"
    if own["kind"] == "reverse" and use["written_at"] < starts_at:
        yield "reverse of a use of an earlier window"
    if own["kind"] == "reverse" and is_above:
        yield "reverse of a capture above its hold beside limits"


def due_lots(account, now):
    return [n for n, lot in account["lots"].items() if lot["available"] and lot["ends_at"] <= now]


def due_holds(account, now):
    return [n for n, hold in account["holds"].items() if hold["state"] == "open" and hold["ends_at"] <= now]


def met_due(before, operation, now):
    lots, holds = due_lots(before, now), due_holds(before, now)
    if lots:
        yield f"due lots before {operation}"
    if holds:
        yield f"due holds before {operation}"
    ends = [before["lots"][n]["ends_at"] for n in lots] + [before["holds"][n]["ends_at"] for n in holds]
    if any(before["lots"][n]["ends_at"] == now for n in lots):
        yield "the very instant of a lot's end"
    if any(before["holds"][n]["ends_at"] == now for n in holds):
        yield "the very instant of a hold's end"
    if len(set(ends)) > 1:
        yield "several instants settled at once"
    if lots and holds:
        yield "due lots and holds together"


def met_entry(before, after, entry):
    kind, moves = entry["kind"], entry["moves"]
    for _, source, target in moves:
        yield f"{kind}: {source} to {target}"
    if kind == "release" and entry["key"].startswith("release:"):
        yield "a hold ended by itself"
    if kind == "grant" and entry["key"].startswith("regrant:"):
        yield "granted anew"
    if kind == "expire" and not entry["key"].endswith(":0"):
        yield "a lot expired again"
    if kind == "takeback" and len(moves) > 2:
        yield "take-back from several books"


def met_own(before, after, operation, request, own, now):
    of_this = {"spend": met_taking, "hold": met_taking, "capture": met_capture, "reverse": met_reverse}
    if operation in of_this:
        yield from of_this[operation](before, after, request, own, now)
    sources = {after["lots"][n]["source"] for n, _ in own["lots"]}
    if sources & before["facts"].keys():
        yield "facts before the grant" if operation == "grant" else f"{operation} of a lot with facts"
    if own.get("used_on", now.date().isoformat()) != now.date().isoformat():
        yield "used on another day"


def met_taking(before, after, request, own, now):
    lots = after["lots"]
    yield f"{own['kind']} from {'one lot' if len(own['lots']) == 1 else 'many lots'}"
    ties = Counter((PRIORITY[lots[n]["kind"]], lots[n]["ends_at"]) for n, _ in own["lots"])
    if max(ties.values()) > 1:
        yield f"{own['kind']} from lots with a tie"


def met_capture(before, after, request, own, now):
    on_hold = after["holds"][own["hold"]]["credits"]
    if request["credits"] > on_hold:
        yield from met_above_hold(after, own)
    else:
        yield "capture of all" if request["credits"] == on_hold else "capture of a part"
    if any(after["lots"][n]["ends_at"] <= now for n, _ in own["lots"]):
        yield "capture from a lot that has ended"


def met_above_hold(after, own):
    above = {n for n, source, _ in own["moves"] if source == "available"}
    held = {n for n, source, _ in own["moves"] if source == "held"}
    yield f"capture above its hold from {'one lot' if len(above) == 1 else 'many lots'}"
    if above & held:
        yield "capture above its hold from a lot of the hold"
    if burn_order(after, above | held)[0] not in held:
        yield "capture above its hold from a lot that pays before those of the hold"


def met_reverse(before, after, request, own, now):
    use = after["entries"][own["reverses"] - 1]
    yield f"reverse of a {use['kind']}"
    yield "reverse of all" if own["credits"] == -use["credits"] else "reverse of a part"
    if any(entry["reverses"] == own["reverses"] for entry in before["entries"]):
        yield "reversed again"


def met_facts(before, after, request):
    source = (request["source_kind"], request["source_id"])
    known, told = before["facts"].get(source), after["facts"][source]
    if known is not None:
        yield "facts told again" if known == told else f"facts changed {'up' if told[1] > known[1] else 'or down'}"
    if len(after["facts"]) > 1:
        yield "facts of several payments"
    for lot in after["lots"].values():
        if lot["source"] == source and request["returned_minor"]:
            yield from met_taken(lot, is_floor=request["is_floor"])


def met_taken(lot, *, is_floor):
    for book, words in (("held", "on hold"), ("expired", "expired"), ("by_operator", "taken by an operator")):
        if lot[book]:
            yield f"take-back of a lot with credits {words}"
    if is_floor and lot["spent"]:
        yield "floor with spent credits"
