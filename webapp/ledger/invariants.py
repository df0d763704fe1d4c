"""What must always hold in the ledger, each as one statement that finds the rows where it does not.

The statements run unchanged on SQLite and PostgreSQL. Each gives `account_id`, `seq`, and pairs `expected_<name>` and
`found_<name>`; a row may carry pairs that agree, the runner keeps those that differ. `{one:<column>}` becomes a
condition when a single account is checked (`scoping`).
"""

from dataclasses import dataclass

from webapp.ledger.limits.entries_say import COUNTED
from webapp.ledger.models import BOOKS


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule, its statement, and the sentence of a fault ({name}, {expected}, {found}, {where})."""

    rule: str
    sql: str
    sentence: str


def _pairs(names: tuple[str, ...], expected: str, found: str) -> str:
    return ", ".join(
        f"{expected.format(name)} AS expected_{name}, {found.format(name)} AS found_{name}" for name in names
    )


def _differ(names: tuple[str, ...], expected: str, found: str) -> str:
    return " OR ".join(f"{expected.format(name)} <> {found.format(name)}" for name in names)


_BALANCE_BOOKS = "('available', 'held', 'frozen', 'owed')"
_LEFT = ("available", "held", "frozen")
_SUM_OF_LOTS = "COALESCE(SUM(g.{}), 0)"
_LOT_BOOKS = (*BOOKS, "granted")
_MOVED = ", ".join(
    f"SUM(CASE WHEN to_book = '{book}' THEN credits WHEN from_book = '{book}' THEN -credits ELSE 0 END) AS {book}"
    for book in BOOKS
)

ACCOUNT_IS_ITS_LOTS = Invariant(
    "account_is_its_lots",
    f"""
    SELECT a.id AS account_id, NULL AS seq, {_pairs(_LEFT, _SUM_OF_LOTS, "a.{}")},
        -COALESCE(SUM(g.owed), 0) AS expected_debt, a.debt AS found_debt
    FROM accounts a LEFT JOIN grants g ON g.account_id = a.id
    WHERE 1 = 1 {{one:a.id}}
    GROUP BY a.id, a.available, a.held, a.frozen, a.debt
    HAVING {_differ(_LEFT, _SUM_OF_LOTS, "a.{}")} OR a.debt <> -COALESCE(SUM(g.owed), 0)
    """,  # noqa: S608  # put together from our own names
    "{name} of the account is {found}, its lots have {expected}",
)

LOT_IS_ITS_POSTINGS = Invariant(
    "lot_is_its_postings",
    f"""
    SELECT g.account_id, g.seq, {_pairs(_LOT_BOOKS, "COALESCE(p.{}, 0)", "g.{}")}
    FROM grants g LEFT JOIN (
        SELECT account_id, grant_seq, {_MOVED},
            SUM(CASE WHEN from_book = 'issued' THEN credits ELSE 0 END) AS granted
        FROM postings WHERE 1 = 1 {{one:account_id}} GROUP BY account_id, grant_seq
    ) p ON p.account_id = g.account_id AND p.grant_seq = g.seq
    WHERE ({_differ(_LOT_BOOKS, "COALESCE(p.{}, 0)", "g.{}")}) {{one:g.account_id}}
    """,  # noqa: S608  # put together from our own names
    "{name} of the lot is {found}, its postings say {expected}",
)

BOOKS_SUM_TO_GRANTED = Invariant(
    "books_sum_to_granted",
    f"""
    SELECT account_id, seq, granted AS expected_books, {" + ".join(BOOKS)} AS found_books FROM grants
    WHERE {" + ".join(BOOKS)} <> granted {{one:account_id}}
    """,  # noqa: S608  # put together from our own names
    "the books of the lot sum to {found}, {expected} were granted",
)

USED_UP_IS_EMPTY = Invariant(
    "used_up_is_empty",
    """
    SELECT account_id, seq,
        CASE WHEN available = 0 AND held = 0 AND frozen = 0 THEN 1 ELSE 0 END AS expected_used_up,
        CASE WHEN is_used_up THEN 1 ELSE 0 END AS found_used_up
    FROM grants WHERE is_used_up <> (available = 0 AND held = 0 AND frozen = 0) {one:account_id}
    """,
    "the lot's mark “used up” is {found}, its books say {expected}",
)

ENTRIES_ARE_COUNTED = Invariant(
    "entries_are_counted",
    """
    SELECT a.id AS account_id, NULL AS seq, a.seq AS expected_number, COUNT(e.seq) AS found_number,
        a.seq AS expected_last, COALESCE(MAX(e.seq), 0) AS found_last
    FROM accounts a LEFT JOIN entries e ON e.account_id = a.id
    WHERE 1 = 1 {one:a.id}
    GROUP BY a.id, a.seq HAVING a.seq <> COUNT(e.seq) OR a.seq <> COALESCE(MAX(e.seq), 0)
    """,
    "{name} of the entries is {found}, the account counted {expected}",
)

BALANCE_RUNS = Invariant(
    "balance_runs",
    """
    SELECT account_id, seq, before_it + credits AS expected_balance_after, balance_after AS found_balance_after
    FROM (
        SELECT account_id, seq, credits, balance_after,
            COALESCE(LAG(balance_after) OVER (PARTITION BY account_id ORDER BY seq), 0) AS before_it
        FROM entries WHERE 1 = 1 {one:account_id}
    ) running
    WHERE balance_after <> before_it + credits
    """,
    "the balance after the entry is {found}, the one before and its credits make {expected}",
)

ENTRY_IS_ITS_POSTINGS = Invariant(
    "entry_is_its_postings",
    f"""
    SELECT e.account_id, e.seq, COALESCE(p.credits, 0) AS expected_credits, e.credits AS found_credits
    FROM entries e LEFT JOIN (
        SELECT account_id, entry_seq, SUM(
            CASE WHEN to_book IN {_BALANCE_BOOKS} THEN credits ELSE 0 END
            - CASE WHEN from_book IN {_BALANCE_BOOKS} THEN credits ELSE 0 END
        ) AS credits
        FROM postings WHERE 1 = 1 {{one:account_id}} GROUP BY account_id, entry_seq
    ) p ON p.account_id = e.account_id AND p.entry_seq = e.seq
    WHERE e.credits <> COALESCE(p.credits, 0) {{one:e.account_id}}
    """,  # noqa: S608  # put together from our own names
    "the credits of the entry are {found}, its postings say {expected}",
)

LAST_ENTRY_IS_THE_ACCOUNT = Invariant(
    "last_entry_is_the_account",
    f"""
    SELECT e.account_id, e.seq, {_pairs(("available", "held"), "a.{}", "e.{}_after")}
    FROM accounts a JOIN entries e ON e.account_id = a.id AND e.seq = a.seq
    WHERE ({_differ(("available", "held"), "a.{}", "e.{}_after")}) {{one:a.id}}
    """,  # noqa: S608  # put together from our own names
    "{name} after the last entry is {found}, the account has {expected}",
)

NOTHING_TAKEN_AFTER_EXPIRY = Invariant(
    "nothing_taken_after_expiry",
    """
    SELECT p.account_id, p.entry_seq AS seq, 0 AS expected_taken, p.credits AS found_taken
    FROM postings p
    JOIN grants g ON g.account_id = p.account_id AND g.seq = p.grant_seq
    JOIN entries e ON e.account_id = p.account_id AND e.seq = p.entry_seq
    WHERE p.from_book = 'available' AND p.to_book IN ('spent', 'held') AND e.created_at >= g.expires_at
        {one:p.account_id}
    """,
    "the entry takes {found} credits from a lot that had expired, {expected} could be taken",
)

HOLD_IS_ITS_POSTINGS = Invariant(
    "hold_is_its_postings",
    """
    SELECT h.account_id, h.seq,
        CASE WHEN h.state = 'open' THEN h.credits ELSE 0 END AS expected_held, COALESCE(p.held, 0) AS found_held,
        h.captured AS expected_captured, COALESCE(c.captured, 0) AS found_captured
    FROM holds h
    LEFT JOIN (
        SELECT e.account_id, COALESCE(e.hold_seq, e.seq) AS hold_seq,
            SUM(CASE WHEN p.to_book = 'held' THEN p.credits ELSE -p.credits END) AS held
        FROM postings p JOIN entries e ON e.account_id = p.account_id AND e.seq = p.entry_seq
        WHERE (p.to_book = 'held' OR p.from_book = 'held') {one:p.account_id}
        GROUP BY e.account_id, COALESCE(e.hold_seq, e.seq)
    ) p ON p.account_id = h.account_id AND p.hold_seq = h.seq
    LEFT JOIN (
        SELECT account_id, hold_seq, -SUM(credits) AS captured FROM entries
        WHERE kind = 'capture' {one:account_id} GROUP BY account_id, hold_seq
    ) c ON c.account_id = h.account_id AND c.hold_seq = h.seq
    WHERE (COALESCE(p.held, 0) <> CASE WHEN h.state = 'open' THEN h.credits ELSE 0 END
        OR COALESCE(c.captured, 0) <> h.captured) {one:h.account_id}
    """,
    "{name} by the hold's postings is {found}, the hold says {expected}",
)

HELD_BY_A_HOLD = Invariant(
    "held_by_a_hold",
    """
    SELECT p.account_id, p.entry_seq AS seq, 0 AS expected_held, p.credits AS found_held
    FROM postings p
    JOIN entries e ON e.account_id = p.account_id AND e.seq = p.entry_seq
    LEFT JOIN holds h ON h.account_id = e.account_id AND h.seq = COALESCE(e.hold_seq, e.seq)
    WHERE (p.to_book = 'held' OR p.from_book = 'held') AND h.seq IS NULL {one:p.account_id}
    """,
    "the entry moves {found} held credits and belongs to no hold, which may move {expected}",
)

DEBT_STANDS_ALONE = Invariant(
    "debt_stands_alone",
    """
    SELECT id AS account_id, NULL AS seq, 0 AS expected_debt, debt AS found_debt FROM accounts
    WHERE (debt < 0 OR (available <> 0 AND debt <> 0)) {one:id}
    """,
    "the debt is {found} beside available credits, {expected} can be",
)

ONE_GRANT_FOR_A_SOURCE = Invariant(
    "one_grant_for_a_source",
    """
    SELECT account_id, MAX(seq) AS seq, 1 AS expected_grants, COUNT(*) AS found_grants FROM grants
    WHERE 1 = 1 {one:account_id}
    GROUP BY account_id, source_kind, source_id HAVING COUNT(*) > 1
    """,
    "the grant's source has {found} grants, {expected} can be",
)

GRANT_IS_ITS_ENTRY = Invariant(
    "grant_is_its_entry",
    """
    SELECT account_id, seq, 1 AS expected_grants, grants AS found_grants FROM (
        SELECT e.account_id, e.seq, COUNT(g.seq) AS grants
        FROM entries e LEFT JOIN grants g ON g.account_id = e.account_id AND g.seq = e.seq
            AND g.source_kind = e.source_kind AND g.source_id = e.source_id
        WHERE e.kind = 'grant' {one:e.account_id} GROUP BY e.account_id, e.seq
    ) made WHERE grants <> 1
    UNION ALL
    SELECT g.account_id, g.seq, 1, 0 FROM grants g JOIN entries e ON e.account_id = g.account_id AND e.seq = g.seq
    WHERE e.kind <> 'grant' {one:g.account_id}
    UNION ALL
    SELECT account_id, entry_seq, 1, 0 FROM postings
    WHERE from_book = 'issued' AND entry_seq <> grant_seq {one:account_id}
    """,
    "the entry has {found} grants of its own source, {expected} must be",
)

# A use counts once, with the first lot it took from: all postings are counted, then those of later lots taken off.
USAGE_IS_ITS_ENTRIES = Invariant(
    "usage_is_its_entries",
    """
    SELECT account_id, NULL AS seq, used_on, meter, key_id, grant_kind,
        SUM(expected_credits) AS expected_credits, SUM(found_credits) AS found_credits,
        SUM(expected_count) AS expected_count, SUM(found_count) AS found_count
    FROM (
        SELECT e.account_id, e.used_on, e.meter, e.key_id, g.kind AS grant_kind,
            SUM(CASE WHEN p.to_book = 'spent' THEN p.credits ELSE -p.credits END) AS expected_credits,
            0 AS found_credits,
            SUM(CASE WHEN p.to_book = 'spent' THEN 1 ELSE 0 END) AS expected_count,
            0 AS found_count
        FROM postings p
        JOIN entries e ON e.account_id = p.account_id AND e.seq = p.entry_seq
        JOIN grants g ON g.account_id = p.account_id AND g.seq = p.grant_seq
        WHERE (p.to_book = 'spent' OR p.from_book = 'spent') {one:p.account_id}
        GROUP BY e.account_id, e.used_on, e.meter, e.key_id, g.kind
        UNION ALL
        SELECT e.account_id, e.used_on, e.meter, e.key_id, g.kind, 0, 0, -1, 0
        FROM (
            SELECT account_id, entry_seq FROM postings WHERE to_book = 'spent' {one:account_id}
            GROUP BY account_id, entry_seq HAVING COUNT(*) > 1
        ) shared
        JOIN postings p ON p.account_id = shared.account_id AND p.entry_seq = shared.entry_seq AND p.to_book = 'spent'
        JOIN entries e ON e.account_id = p.account_id AND e.seq = p.entry_seq
        JOIN grants g ON g.account_id = p.account_id AND g.seq = p.grant_seq
        WHERE EXISTS (
            SELECT 1 FROM postings q JOIN grants h ON h.account_id = q.account_id AND h.seq = q.grant_seq
            WHERE q.account_id = p.account_id AND q.entry_seq = p.entry_seq AND q.to_book = 'spent'
                AND (h.priority, h.expires_at, h.seq, q.from_book) < (g.priority, g.expires_at, g.seq, p.from_book)
        )
        UNION ALL
        SELECT account_id, used_on, meter, key_id, grant_kind, 0, credits, 0, count
        FROM usage_daily WHERE 1 = 1 {one:account_id}
    ) told
    GROUP BY account_id, used_on, meter, key_id, grant_kind
    HAVING SUM(expected_credits) <> SUM(found_credits) OR SUM(expected_count) <> SUM(found_count)
    """,
    "{name} of the usage on {used_on} (meter “{meter}”, key {key_id}, {grant_kind}) is {found}, entries say {expected}",
)

_SHARE = """CASE WHEN c.total_minor = 0 THEN 0 WHEN {0} >= c.total_minor THEN g.granted
            ELSE g.granted * ({0}) / c.total_minor END"""
_RETURNED = _SHARE.format("c.returned_minor")
_ASKED = _SHARE.format("c.returned_minor + c.disputed_minor")

# Of a lot with a claim: what should be voided and frozen, what is (credits that expired count as taken), and whether
# an operation could still bring it nearer. Of any other lot: nothing.
CLAIM_IS_SETTLED = Invariant(
    "claim_is_settled",
    f"""
    SELECT account_id, seq, to_void AS expected_taken, taken + expired AS found_taken,
        asked - to_void AS expected_frozen, frozen AS found_frozen
    FROM (
        SELECT account_id, seq, available, frozen, expired, spent, owed, is_floor, taken,
            CASE WHEN returned < most THEN returned ELSE most END AS to_void,
            CASE WHEN asked < most THEN asked ELSE most END AS asked
        FROM (
            SELECT g.account_id, g.seq, g.available, g.frozen, g.expired, g.spent, g.owed, c.is_floor,
                g.voided - g.voided_by_operator AS taken, g.granted - g.voided_by_operator AS most,
                {_RETURNED} AS returned, {_ASKED} AS asked
            FROM claims c JOIN grants g ON g.account_id = c.account_id
                AND g.source_kind = c.source_kind AND g.source_id = c.source_id
            WHERE 1 = 1 {{one:g.account_id}}
        ) shares
    ) targets
    WHERE taken > to_void
        OR (to_void > taken + expired AND (available > 0 OR frozen > 0 OR (NOT is_floor AND spent + owed > 0)))
        OR (to_void < taken + expired AND owed < 0 AND taken > 0)
        OR frozen > asked - to_void
        OR (frozen < asked - to_void AND available > 0)
    UNION ALL
    SELECT g.account_id, g.seq, 0, g.voided - g.voided_by_operator, 0, g.frozen
    FROM grants g LEFT JOIN claims c ON c.account_id = g.account_id
        AND c.source_kind = g.source_kind AND c.source_id = g.source_id
    WHERE c.account_id IS NULL AND (g.voided <> g.voided_by_operator OR g.frozen <> 0) {{one:g.account_id}}
    """,  # noqa: S608  # put together from our own names
    "{name} of the lot is {found}, refunds and disputes ask for {expected}",
)

LIMITS_ARE_COUNTED = Invariant(
    "limits_are_counted",
    """
    SELECT a.id AS account_id, NULL AS seq, COUNT(l.period) AS expected_limits, a.limits AS found_limits
    FROM accounts a LEFT JOIN spend_limits l ON l.account_id = a.id
    WHERE 1 = 1 {one:a.id}
    GROUP BY a.id, a.limits HAVING a.limits <> COUNT(l.period)
    """,
    "the account counts {found} spend limits, it has {expected}",
)

WINDOW_IS_ITS_ENTRIES = Invariant(
    "window_is_its_entries",
    f"""
    WITH {COUNTED}
    SELECT w.account_id, NULL AS seq, w.key_id, w.period, w.starts_at,
        COALESCE(SUM(c.used), 0) AS expected_used, w.used AS found_used,
        COALESCE(SUM(c.held), 0) AS expected_held, w.held AS found_held
    FROM limit_windows w LEFT JOIN counted c ON c.account_id = w.account_id
        AND c.created_at >= w.starts_at AND c.created_at < w.ends_at AND w.key_id IN (0, c.key_id)
    WHERE 1 = 1 {{one:w.account_id}}
    GROUP BY w.account_id, w.key_id, w.period, w.starts_at, w.used, w.held
    HAVING w.used <> COALESCE(SUM(c.used), 0) OR w.held <> COALESCE(SUM(c.held), 0)
    """,  # noqa: S608  # put together from our own names
    "{name} of the limit a {period} (key {key_id}) from {starts_at} is {found}, entries say {expected}",
)

INVARIANTS = (
    ACCOUNT_IS_ITS_LOTS,
    LOT_IS_ITS_POSTINGS,
    BOOKS_SUM_TO_GRANTED,
    USED_UP_IS_EMPTY,
    ENTRIES_ARE_COUNTED,
    BALANCE_RUNS,
    ENTRY_IS_ITS_POSTINGS,
    LAST_ENTRY_IS_THE_ACCOUNT,
    NOTHING_TAKEN_AFTER_EXPIRY,
    HOLD_IS_ITS_POSTINGS,
    HELD_BY_A_HOLD,
    DEBT_STANDS_ALONE,
    ONE_GRANT_FOR_A_SOURCE,
    GRANT_IS_ITS_ENTRY,
    USAGE_IS_ITS_ENTRIES,
    CLAIM_IS_SETTLED,
    LIMITS_ARE_COUNTED,
    WINDOW_IS_ITS_ENTRIES,
)
