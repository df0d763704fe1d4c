"""What follows by itself, in the model: holds and lots that end, take-backs, debt."""

import datetime as dt

from tests.ledger.model.account import burn_order, move, open_lot, shared_out, total, write

GRACE = dt.timedelta(hours=24)
MOST_PASSES = 10


def next_end(account, now):
    """The first instant up to now at which an open hold or a lot with something available ends, or None."""
    holds = [hold["ends_at"] for hold in account["holds"].values() if hold["state"] == "open"]
    lots = [lot["ends_at"] for lot in account["lots"].values() if lot["available"]]
    return min((instant for instant in holds + lots if instant <= now), default=None)


def settle_due(account, now):
    """Let everything end that ends up to now, in the order of time."""
    while (instant := next_end(account, now)) is not None:
        for n, hold in sorted(account["holds"].items()):
            if hold["state"] == "open" and hold["ends_at"] <= instant:
                hold["state"] = "expired"
                write(account, "release", f"release:{n}", 0, list(hold["lots"]), hold=n)
                for lot, part in hold["lots"]:
                    move(account, lot, "held", "available", part)
        finish(account, instant)


def finish(account, at, reverse=None, returned=()):
    """Repeat until nothing changes: expire, grant anew what a reverse returned too late, take back, settle debt.

    `returned` are the lots of the entry `reverse`, and how much of what it returned did not pay their own debt.
    """
    for number in range(MOST_PASSES):
        before = [dict(lot) for lot in account["lots"].values()]
        expire_lots(account, at)
        if number == 0:
            grant_anew(account, at, reverse, returned)
        for n in sorted(account["lots"]):
            settle_takeback(account, n)
        settle_debt(account, at)
        if before == list(account["lots"].values()):
            return
    raise AssertionError("The rules of the model never come to rest.")


def expire_lots(account, at):
    for n in burn_order(account):
        lot = account["lots"][n]
        if lot["ends_at"] <= at and lot["available"]:
            part = lot["available"]
            write(account, "expire", f"expire:{n}:{lot['expired']}", -part, [(n, part)])
            move(account, n, "available", "expired", part)


def grant_anew(account, at, reverse, returned):
    """What a reverse returned to lots that ended less than 24 hours ago is granted again, for 24 hours more."""
    for n, part in returned:
        lot = account["lots"][n]
        if part and lot["ends_at"] <= at < lot["ends_at"] + GRACE:
            new = len(account["entries"]) + 1
            open_lot(account, new, lot["kind"], part, lot["ends_at"] + GRACE, ("reverse", f"{reverse}:{n}"))
            write(account, "grant", f"regrant:{reverse}:{n}", part, [(new, part)])
            move(account, new, "issued", "available", part)


def share(minor, total_minor, granted):
    """The credits that belong to a part of the money, never one too many."""
    if total_minor == 0:
        return 0
    return granted if minor >= total_minor else granted * minor // total_minor


def settle_takeback(account, n):
    """Bring a lot to what the facts about its payment say."""
    lot = account["lots"][n]
    if lot["source"] not in account["facts"]:
        return
    total_minor, returned, disputed, is_floor = account["facts"][lot["source"]]
    most = lot["granted"] - lot["by_operator"]
    voided_target = min(share(returned, total_minor, lot["granted"]), most)
    frozen_target = min(share(returned + disputed, total_minor, lot["granted"]), most) - voided_target
    taken = lot["voided"] - lot["by_operator"]
    if voided_target > taken + lot["expired"]:
        take(account, n, voided_target - taken - lot["expired"], is_floor)
    else:
        give_back(account, n, voided_target, taken)
    freeze(account, n, frozen_target)


def take(account, n, need, is_floor):
    lot, moves = account["lots"][n], []
    most_owed = 0 if is_floor else lot["spent"] + lot["owed"]
    for book, most in (("frozen", lot["frozen"]), ("available", lot["available"]), ("owed", most_owed)):
        moves.append((book, "voided", min(need, most)))
        need -= moves[-1][2]
    change(account, "takeback", n, moves, sign=-1)


def give_back(account, n, voided_target, taken):
    lot = account["lots"][n]
    to_owed = min(taken + lot["expired"] - voided_target, max(0, -lot["owed"]), taken)
    to_available = max(0, taken - to_owed - voided_target)
    change(account, "giveback", n, [("voided", "owed", to_owed), ("voided", "available", to_available)], sign=1)


def freeze(account, n, frozen_target):
    lot = account["lots"][n]
    missing = frozen_target - lot["frozen"]
    if missing > 0:
        change(account, "freeze", n, [("available", "frozen", min(missing, lot["available"]))], sign=0)
    else:
        change(account, "unfreeze", n, [("frozen", "available", -missing)], sign=0)


def change(account, kind, n, moves, sign):
    """Write one kind of change of a lot, if it changes anything."""
    part = sum(moved for _, _, moved in moves)
    if part == 0:
        return
    write(account, kind, f"takeback:{n}:{len(account['entries']) + 1}", sign * part, [(n, part)])
    for source, target, moved in moves:
        if moved:
            move(account, n, source, target, moved)


def settle_debt(account, at):
    """Who owes pays with what is available; who paid too much gets it back, the newest grant first."""
    owed = total(account, "owed")
    if owed < 0:
        for n, part in shared_out(account, -owed, at):
            move(account, n, "available", "owed", part)
    for n in sorted(account["lots"], reverse=True):
        part = min(max(0, total(account, "owed")), max(0, account["lots"][n]["owed"]))
        if part:
            move(account, n, "owed", "available", part)
