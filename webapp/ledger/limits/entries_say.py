"""What counts toward spend limits by the entries alone: for windows without a row, and to check those with one."""

# The common tables of a statement; `counted` is the last: when, by which key, and how much. Less what was returned: of
# a capture above its hold that is first what it took above. `{one:<column>}` and `{since:<column>}` are filled in by
# `scoped`: what counts from an entry on was spent, captured, held and returned from that entry on.
COUNTED = """
    returned AS (
        SELECT account_id, reverses_seq AS seq, SUM(credits) AS credits FROM entries
        WHERE reverses_seq IS NOT NULL {one:account_id} {since:seq} GROUP BY account_id, reverses_seq
    ), captured AS (
        SELECT h.account_id, h.seq AS hold_seq, c.seq, c.created_at, c.key_id, h.credits AS reserved,
            h.captured - h.credits AS above, COALESCE(r.credits, 0) AS returned
        FROM holds h
        JOIN entries c ON c.account_id = h.account_id AND c.hold_seq = h.seq AND c.kind = 'capture'
        LEFT JOIN returned r ON r.account_id = c.account_id AND r.seq = c.seq
        WHERE h.state = 'captured' {one:h.account_id} {since:c.seq}
    ), counted AS (
        SELECT e.account_id, e.seq, e.created_at, e.key_id, -e.credits - COALESCE(r.credits, 0) AS used, 0 AS held
        FROM entries e LEFT JOIN returned r ON r.account_id = e.account_id AND r.seq = e.seq
        WHERE e.kind = 'spend' {one:e.account_id} {since:e.seq}
        UNION ALL
        SELECT h.account_id, e.seq, e.created_at, e.key_id, 0, h.credits
        FROM holds h JOIN entries e ON e.account_id = h.account_id AND e.seq = h.seq
        WHERE h.state = 'open' {one:h.account_id} {since:h.seq}
        UNION ALL
        SELECT e.account_id, e.seq, e.created_at, e.key_id,
            CASE WHEN c.above < 0 THEN c.reserved + c.above - c.returned
                WHEN c.returned > c.above THEN c.reserved + c.above - c.returned ELSE c.reserved END, 0
        FROM captured c JOIN entries e ON e.account_id = c.account_id AND e.seq = c.hold_seq
        UNION ALL
        SELECT account_id, seq, created_at, key_id, CASE WHEN returned > above THEN 0 ELSE above - returned END, 0
        FROM captured WHERE above > 0
    )"""
