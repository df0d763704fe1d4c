"""An account of the model: dictionaries and lists, and how credits move between the books of a lot.

The model shares no code with the ledger. It was written from the rules alone, and does everything the slow way.
"""

import datetime as dt

FOR_EVER = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
PRIORITY = {"allowance": 10, "bonus": 20, "gift": 20, "adjustment": 30, "purchased": 30}
BOOKS = ("available", "held", "frozen", "spent", "expired", "voided", "owed")


class RefusedError(Exception):
    """What the ledger must refuse: the name of its error and its facts; facts that are None are not compared."""

    def __init__(self, name, **facts):
        super().__init__(name, facts)
        self.name = name
        self.facts = facts or None


def new_account(zone="UTC"):
    """An account without anything. `told` are the keys with what was asked and answered.

    `paused_at` says who has paused its spending when, `limits` has a limit for each key and period.
    """
    empty = {"zone": zone, "paused_at": {}, "entries": []}
    return empty | {name: {} for name in ("lots", "holds", "facts", "usage", "told", "limits")}


def copied(account):
    """The same account again, to change it: entries are never changed once their operation has ended."""
    copy = account | {"entries": list(account["entries"]), "facts": dict(account["facts"])}
    for name in ("lots", "holds", "usage"):
        copy[name] = {n: type(value)(value) for n, value in account[name].items()}
    copy["told"] = dict(account["told"])
    return copy


def write(account, kind, key, credits, lots, **facts):
    """Add an entry; the moves that follow are its own. `lots` are those it tells of."""
    entries = account["entries"]
    before = entries[-1]["balance"] if entries else 0
    entry = {"seq": len(entries) + 1, "kind": kind, "key": key, "credits": credits, "balance": before + credits}
    entry |= {"lots": lots, "moves": {}, "reverses": None, "hold": None, "description": None} | facts
    entries.append(entry)
    return entry["seq"]


def move(account, n, source, target, credits):
    """Move credits of a lot from one book to another, within the last entry."""
    lot, moves = account["lots"][n], account["entries"][-1]["moves"]
    assert credits > 0
    if source != "issued":
        lot[source] -= credits
    lot[target] += credits
    moves[n, source, target] = moves.get((n, source, target), 0) + credits


def open_lot(account, n, kind, credits, ends_at, source):
    """A lot with everything still to be moved from `issued` to `available`."""
    account["lots"][n] = dict.fromkeys(BOOKS, 0) | {
        "kind": kind,
        "granted": credits,
        "ends_at": ends_at,
        "source": source,
        "by_operator": 0,
    }


def burn_order(account, numbers=None):
    """Lots in the order in which they pay."""
    lots = account["lots"]
    chosen = lots if numbers is None else numbers
    return sorted(chosen, key=lambda n: (PRIORITY[lots[n]["kind"]], lots[n]["ends_at"], n))


def live_lots(account, at):
    """Lots with available credits that count at the instant, in burn order."""
    return [n for n in burn_order(account) if account["lots"][n]["available"] and account["lots"][n]["ends_at"] > at]


def shared_out(account, credits, at):
    """Which live lots pay how much of the credits; fewer than asked for if there are not enough."""
    shares = []
    for n in live_lots(account, at):
        share = min(credits - sum(paid for _, paid in shares), account["lots"][n]["available"])
        if share:
            shares.append((n, share))
    return shares


def total(account, book):
    """What all lots have in a book."""
    return sum(lot[book] for lot in account["lots"].values())


def balance(account):
    """Available + held + frozen − debt."""
    return sum(total(account, book) for book in ("available", "held", "frozen", "owed"))


def seal(account, first, now):
    """End an operation: its entries, from index `first` on, learn what is available and held. The rules must hold."""
    for entry in account["entries"][first:]:
        entry |= {"available": total(account, "available"), "held": total(account, "held"), "written_at": now}
    for lot in account["lots"].values():
        assert sum(lot[book] for book in BOOKS) == lot["granted"], lot
        assert all(0 <= lot[book] <= lot["granted"] for book in BOOKS if book != "owed"), lot
        assert lot["owed"] + lot["spent"] >= 0, lot
        assert 0 <= lot["by_operator"] <= lot["voided"], lot
    assert total(account, "owed") <= 0
    assert total(account, "owed") == 0 or total(account, "available") == 0
    assert balance(account) == (account["entries"][-1]["balance"] if account["entries"] else 0)
