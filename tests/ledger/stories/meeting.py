"""What the stories have met, so that a story that meets too little fails: it would prove little."""

from collections import Counter

from tests.ledger.model.account import PRIORITY, total

# For each thing, how often 100 stories must have met it at the least.
MUST_MEET = {}


def things_refused(before, operation, request, refused, now):
    """What a refused operation has met."""
    yield f"refused: {refused.name}"
    yield f"refused {operation}: {refused.name}"
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
        yield from met_own(before, after, operation, request, own, now)
    if operation == "settle_takeback":
        yield from met_facts(before, after, request)
    if total(before, "owed") == 0 > total(after, "owed"):
        yield "debt made"
    if total(before, "owed") < 0 == total(after, "owed"):
        yield "debt paid in full"


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
    yield "capture of all" if request["credits"] == after["holds"][own["hold"]]["credits"] else "capture of a part"
    if any(after["lots"][n]["ends_at"] <= now for n, _ in own["lots"]):
        yield "capture from a lot that has ended"


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
