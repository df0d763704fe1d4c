-- The hot path: what webapp/ledger/spends.py and batches.py write for spends with nothing special about them, row by
-- row the same (tests/ledger/test_conformance.py). An account with anything else (due lots or holds, a debt, spending
-- paused, a limit, a known key, too few credits) is left as it is and answered by nothing; an account that lives in
-- another time zone than the caller thought is answered by that zone alone. The day of use comes from the caller.
-- Plans are made once for each connection, and by index whatever the sizes of the tables were then.

CREATE OR REPLACE FUNCTION spend_line(line json, written_at timestamptz)
RETURNS TABLE (
    line_place integer,
    of_account bigint,
    its_time_zone varchar,
    entry_seq bigint,
    balance_left bigint,
    available_left bigint,
    held_left bigint,
    lot_seq bigint,
    lot_kind varchar,
    lot_credits bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    asked record;
    account record;
    lot record;
    missing bigint;
BEGIN
    SELECT * INTO asked
    FROM json_to_record(line) AS line (
        place integer, account_id bigint, time_zone varchar, credits bigint, key varchar, fingerprint varchar,
        description text, details text, meter varchar, quantity bigint, key_id bigint, used_on date,
        actor_kind varchar, occurred_at timestamptz
    );
    -- Whoever has waited for this lock sees in the statements below what the one before has left.
    SELECT * INTO account FROM accounts WHERE id = asked.account_id FOR NO KEY UPDATE;
    of_account := account.id;
    IF account.time_zone <> asked.time_zone THEN
        its_time_zone := account.time_zone;
        RETURN NEXT;
        RETURN;
    END IF;
    -- Anything that is not plain is answered by nothing.
    IF account.id IS NULL
        OR account.available < asked.credits
        OR account.spending_paused_at IS NOT NULL
        OR account.owner_paused_at IS NOT NULL
        OR account.limits <> 0
        OR account.debt <> 0
        OR EXISTS (SELECT FROM entries WHERE account_id = account.id AND key = asked.key)
        OR EXISTS (
            SELECT FROM grants
            WHERE account_id = account.id AND NOT is_used_up AND expires_at <= written_at AND available > 0
        )
        OR EXISTS (SELECT FROM holds WHERE account_id = account.id AND state = 'open' AND expires_at <= written_at)
    THEN
        RETURN;
    END IF;

    line_place := asked.place;
    entry_seq := account.seq + 1;
    available_left := account.available - asked.credits;
    held_left := account.held;
    balance_left := available_left + account.held + account.frozen - account.debt;
    UPDATE accounts SET available = available_left, seq = entry_seq, has_changed = true WHERE id = account.id;
    INSERT INTO entries (
        account_id, seq, kind, credits, balance_after, available_after, held_after, meter, quantity, key_id,
        used_on, source_kind, source_id, actor_kind, key, fingerprint, occurred_at, created_at
    ) VALUES (
        account.id, entry_seq, 'spend', -asked.credits, balance_left, available_left, held_left, asked.meter,
        asked.quantity, asked.key_id, asked.used_on, '', '', asked.actor_kind, asked.key, asked.fingerprint,
        asked.occurred_at, written_at
    );
    IF asked.description <> '' OR asked.details IS NOT NULL THEN
        INSERT INTO entry_details VALUES (account.id, entry_seq, asked.description, asked.details::json);
    END IF;

    missing := asked.credits;
    FOR lot IN
        SELECT seq, kind, available, available + held + frozen AS has
        FROM grants
        WHERE account_id = account.id AND NOT is_used_up AND available > 0
        ORDER BY priority, expires_at, seq
    LOOP
        lot_seq := lot.seq;
        lot_kind := lot.kind;
        lot_credits := least(missing, lot.available);
        UPDATE grants
        SET available = available - lot_credits, spent = spent + lot_credits, is_used_up = lot.has = lot_credits
        WHERE account_id = account.id AND seq = lot.seq;
        INSERT INTO postings VALUES (account.id, entry_seq, lot_seq, 'available', 'spent', lot_credits);
        INSERT INTO usage_daily AS day (account_id, used_on, meter, key_id, grant_kind, credits, count)
        VALUES (
            account.id, asked.used_on, asked.meter, asked.key_id, lot_kind, lot_credits,
            (missing = asked.credits)::integer
        )
        ON CONFLICT (account_id, used_on, meter, key_id, grant_kind)
        DO UPDATE SET credits = day.credits + excluded.credits, count = day.count + excluded.count;
        RETURN NEXT;
        missing := missing - lot_credits;
        EXIT WHEN missing = 0;
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION spend_lines(lines json, written_at timestamptz)
RETURNS TABLE (
    line_place integer,
    of_account bigint,
    its_time_zone varchar,
    entry_seq bigint,
    balance_left bigint,
    available_left bigint,
    held_left bigint,
    lot_seq bigint,
    lot_kind varchar,
    lot_credits bigint
)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER
SET search_path = public, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    plain bigint[];
BEGIN
    -- All locks first, in the order of ids: who has waited sees below what the one before has left.
    PERFORM 1 FROM accounts
    WHERE id IN (SELECT account_id FROM json_to_recordset(lines) AS line (account_id bigint))
    ORDER BY id
    FOR NO KEY UPDATE OF accounts;

    RETURN QUERY
    SELECT DISTINCT
        NULL::integer, id, accounts.time_zone, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,
        NULL::varchar, NULL::bigint
    FROM json_to_recordset(lines) AS line (account_id bigint, time_zone varchar) JOIN accounts ON id = account_id
    WHERE accounts.time_zone <> line.time_zone;

    -- The accounts that have nothing but plain lines, and credits for all of them.
    WITH line AS MATERIALIZED (
        SELECT account_id, time_zone, credits, key
        FROM json_to_recordset(lines) AS line (account_id bigint, time_zone varchar, credits integer, key varchar)
    ), asked AS (
        SELECT account_id, min(time_zone) AS time_zone, sum(credits) AS credits, count(*) = count(DISTINCT key) AS is_once
        FROM line
        GROUP BY account_id
    )
    SELECT array_agg(id) INTO plain
    FROM asked JOIN accounts ON id = account_id
    WHERE accounts.time_zone = asked.time_zone
        AND spending_paused_at IS NULL
        AND owner_paused_at IS NULL
        AND limits = 0
        AND debt = 0
        AND available >= credits
        AND is_once
        AND id <> ALL (ARRAY(SELECT account_id FROM line JOIN entries USING (account_id, key)))
        AND NOT EXISTS (
            SELECT FROM grants
            WHERE account_id = id AND NOT is_used_up AND expires_at <= written_at AND grants.available > 0
        )
        AND NOT EXISTS (
            SELECT FROM holds WHERE account_id = id AND state = 'open' AND expires_at <= written_at
        );

    -- The lines of an account lie end to end beside its lots in burn order: where two overlap, the lot pays the line.
    RETURN QUERY
    WITH line AS MATERIALIZED (
        SELECT
            line.*,
            sum(credits) OVER earlier AS upto,
            row_number() OVER earlier AS number
        FROM json_to_recordset(lines) AS line (
            place integer, account_id bigint, credits integer, key varchar, fingerprint varchar, description text,
            details text, meter varchar, quantity bigint, key_id bigint, used_on date, actor_kind varchar,
            occurred_at timestamptz
        )
        WHERE account_id = ANY (plain)
        WINDOW earlier AS (PARTITION BY account_id ORDER BY place)
    ), asked AS MATERIALIZED (
        SELECT account_id, sum(credits) AS credits, count(*) AS lines FROM line GROUP BY account_id
    ), account AS MATERIALIZED (
        SELECT id, seq, available, held, available + held + frozen - debt AS balance
        FROM asked JOIN accounts ON id = account_id
    ), lot AS MATERIALIZED (
        SELECT account_id, seq, kind, available, upto FROM (
            SELECT
                account_id, seq, kind, available, asked.credits AS needed,
                sum(available::integer) OVER (PARTITION BY account_id ORDER BY priority, expires_at, seq) AS upto
            FROM asked JOIN grants USING (account_id)
            WHERE NOT is_used_up AND available > 0
        ) AS in_burn_order
        WHERE upto - available < needed
    ), part AS MATERIALIZED (
        SELECT
            account_id, place, lot.seq AS grant_seq, kind, used_on, meter, key_id, number, lot.upto,
            least(line.upto, lot.upto) - greatest(line.upto - credits, lot.upto - available) AS taken,
            line.upto - credits >= lot.upto - available AS is_first
        FROM line JOIN lot USING (account_id)
        WHERE lot.upto > line.upto - credits AND lot.upto - available < line.upto
    ), entry AS (
        INSERT INTO entries (
            account_id, seq, kind, credits, balance_after, available_after, held_after, meter, quantity, key_id,
            used_on, source_kind, source_id, actor_kind, key, fingerprint, occurred_at, created_at
        )
        SELECT
            id, seq + number, 'spend', -credits, balance - upto, available - upto, held, meter, quantity, key_id,
            used_on, '', '', actor_kind, key, fingerprint, occurred_at, written_at
        FROM line JOIN account ON id = account_id
    ), detail AS (
        INSERT INTO entry_details (account_id, seq, description, details)
        SELECT id, seq + number, description, details::json
        FROM line JOIN account ON id = account_id
        WHERE description <> '' OR details IS NOT NULL
    ), posting AS (
        INSERT INTO postings (account_id, entry_seq, grant_seq, from_book, to_book, credits)
        SELECT id, seq + number, grant_seq, 'available', 'spent', taken
        FROM part JOIN account ON id = account_id
    ), changed_lot AS (
        UPDATE grants
        SET available = available - taken,
            spent = spent + taken,
            is_used_up = available = taken AND held = 0 AND frozen = 0
        FROM (
            SELECT account_id AS id, grant_seq, sum(taken)::bigint AS taken FROM part GROUP BY account_id, grant_seq
        ) AS of_lot
        WHERE account_id = id AND seq = grant_seq
    ), changed_account AS (
        UPDATE accounts SET available = available - credits, seq = seq + asked.lines, has_changed = true
        FROM asked
        WHERE id = account_id
    ), counted AS (
        INSERT INTO usage_daily AS day (account_id, used_on, meter, key_id, grant_kind, credits, count)
        SELECT account_id, used_on, meter, key_id, kind, sum(taken), count(*) FILTER (WHERE is_first)
        FROM part
        GROUP BY account_id, used_on, meter, key_id, kind
        ON CONFLICT (account_id, used_on, meter, key_id, grant_kind)
        DO UPDATE SET credits = day.credits + excluded.credits, count = day.count + excluded.count
    )
    SELECT
        place, id, NULL::varchar, account.seq + number, balance - line.upto, account.available - line.upto, held,
        part.grant_seq, kind, taken
    FROM line JOIN account ON id = account_id JOIN part USING (account_id, place, number)
    ORDER BY place, part.upto;
END $$;
