"""What the ledger says of an account, brought into the model's shape and compared with it in full."""

from sqlalchemy import text

from tests.ledger.model.account import BOOKS, FOR_EVER
from tests.ledger.model.limits import standing
from tests.ledger.model.operations import shown
from webapp.ledger.models import grants, holds
from webapp.ledger.queries import balance, history, limit_standings, totals

SUMS = ("available", "held", "frozen", "debt", "balance", "kinds", "total_used", "total_purchased", "is_due")


def compare_balance(session, account_id, account, now):
    found, expected = balance(session, account_id, now=now), shown(account, now)
    told = {name: getattr(found, name) for name in SUMS}
    compare_totals(totals(session, account_id, now=now), expected)
    told["lots"] = [(lot.grant, lot.credits) for lot in found.lots]
    assert told == expected
    for lot in found.lots:
        model = account["lots"][lot.grant]
        ends_at = None if model["ends_at"] == FOR_EVER else model["ends_at"]
        assert (lot.kind, lot.granted, lot.expires_at) == (model["kind"], model["granted"], ends_at)


def compare_totals(found, expected):
    """They add up whatever has happened, also before due entries are written."""
    assert found.received - found.used - found.expired - found.taken == found.balance == expected["balance"]
    told = (found.used, found.purchased, found.held, found.frozen, found.debt)
    assert told == tuple(expected[name] for name in ("total_used", "total_purchased", "held", "frozen", "debt"))


def compare_limits(session, account_id, account, now):
    """Each limit, and what its present window has counted: a hold that is over, until its entry is written."""
    found = {}
    for stands in limit_standings(session, account_id, now=now):
        own = {name: getattr(stands.limit, name) for name in ("credits", "pauses", "is_money")}
        own |= {"used": stands.used, "held": stands.held}
        own |= {"starts_at": stands.window.starts_at, "ends_at": stands.window.ends_at}
        found[stands.limit.key_id, stands.limit.period] = own
    assert found == {of: limit | standing(account, *of, now) for of, limit in account["limits"].items()}


def compare_history(session, account_id, account, now, answered):
    """Every entry, in pages; and that the entries just answered are told in the same words."""
    found = list(pages(session, account_id, now))[::-1]
    for entry, expected in zip(found, account["entries"], strict=True):
        lots = [(lot.grant, lot.credits) for lot in entry.lots]
        told = {"seq": entry.seq, "kind": entry.kind, "credits": entry.credits, "balance": entry.balance_after}
        told |= {"lots": lots, "reverses": entry.reverses_seq, "written_at": entry.created_at}
        assert told == {name: expected[name] for name in told}
        assert expected["description"] in {None, entry.description}
    for entry in answered:
        assert found[entry.seq - 1] == entry
    rows = session.execute(
        text("SELECT key, available_after, held_after, hold_seq FROM entries WHERE account_id = :id ORDER BY seq"),
        {"id": account_id},
    )
    names = ("key", "available", "held", "hold")
    assert [tuple(row) for row in rows] == [tuple(entry[name] for name in names) for entry in account["entries"]]


def pages(session, account_id, now):
    page = history(session, account_id, limit=100, now=now)
    yield from page.entries
    while page.next_before_seq is not None:
        page = history(session, account_id, limit=100, before_seq=page.next_before_seq, now=now)
        yield from page.entries


def compare_postings(session, account_id, account, since):
    """What each entry after number `since` has moved, between which books of which lots."""
    rows = session.execute(
        text(
            "SELECT entry_seq, grant_seq, from_book, to_book, credits FROM postings "
            "WHERE account_id = :id AND entry_seq > :since"
        ),
        {"id": account_id, "since": since},
    )
    found = {(row[0], tuple(row[1:4])): row[4] for row in rows}
    moves = {(entry["seq"], of): moved for entry in account["entries"][since:] for of, moved in entry["moves"].items()}
    assert found == moves


def compare_lots(session, account_id, account):
    columns = [grants.c[name] for name in ("seq", "kind", *BOOKS, "granted", "voided_by_operator", "expires_at")]
    rows = session.execute(
        grants.select()
        .with_only_columns(*columns, *(grants.c.source_kind, grants.c.source_id))
        .where(grants.c.account_id == account_id)
    )
    found = {row[0]: tuple(row[1:]) for row in rows}
    names = ("kind", *BOOKS, "granted", "by_operator", "ends_at")
    assert found == {n: (*(lot[name] for name in names), *lot["source"]) for n, lot in account["lots"].items()}


def compare_holds(session, account_id, account):
    columns = [holds.c[name] for name in ("seq", "credits", "captured", "state", "expires_at")]
    rows = session.execute(holds.select().with_only_columns(*columns).where(holds.c.account_id == account_id))
    names = ("credits", "captured", "state", "ends_at")
    expected = {n: tuple(hold[name] for name in names) for n, hold in account["holds"].items()}
    assert {row[0]: tuple(row[1:]) for row in rows} == expected


def compare_usage(session, account_id, account):
    rows = session.execute(
        text("SELECT used_on, meter, key_id, grant_kind, credits, count FROM usage_daily WHERE account_id = :id"),
        {"id": account_id},
    )
    assert {(str(row[0])[:10], *row[1:4]): [row[4], row[5]] for row in rows} == account["usage"]
