"""Each constraint of the ledger's tables refuses what it is there for."""

import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.ledger.by_hand import ENTRY, GRANT, insert, insert_entry
from webapp.ledger.models import MOVES, Base
from webapp.orm import NEVER

TODAY = dt.date(2026, 11, 20)
ACCOUNT = {"id": 7, "available": 0, "held": 0, "frozen": 0, "debt": 0, "seq": 0, "time_zone": "UTC"}
SPEND = {"kind": "spend", "used_on": TODAY}
HOLD = {"seq": 1, "credits": 5, "captured": 0, "state": "open"}
LIMIT = {"key_id": 0, "period": "day", "credits": 5, "pauses": True, "is_money": False}
MIDNIGHT = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
WINDOW = {"key_id": 0, "period": "day", "starts_at": MIDNIGHT, "ends_at": MIDNIGHT + dt.timedelta(days=1)}
WINDOW |= {"used": 0, "held": 0}
USAGE = {"used_on": TODAY, "meter": "", "key_id": 0, "grant_kind": "bonus", "credits": 1, "count": 1}

BAD_ACCOUNTS = [
    ({"id": 0}, "ck_accounts_id_in_range"),
    ({"id": 2**53}, "ck_accounts_id_in_range"),
    ({"available": -1}, "ck_accounts_not_negative"),
    ({"held": -1}, "ck_accounts_not_negative"),
    ({"frozen": -1}, "ck_accounts_not_negative"),
    ({"debt": -1}, "ck_accounts_not_negative"),
    ({"available": 1, "debt": 1}, "ck_accounts_no_debt_beside_credits"),
    ({"available": 2**53, "held": 1}, "ck_accounts_largest_balance"),
    ({"available": 2**53, "frozen": 1}, "ck_accounts_largest_balance"),
    ({"seq": -1}, "ck_accounts_seq_counts"),
    ({"limits": -1}, "ck_accounts_limits_counts"),
]
BAD_ENTRIES = [
    ({"kind": "gift"}, "ck_entries_known_kind"),
    ({**SPEND, "actor_kind": "cat"}, "ck_entries_known_actor"),
    ({**SPEND, "seq": 0}, "ck_entries_seq_from_one"),
    ({**SPEND, "available_after": -1}, "ck_entries_not_negative"),
    ({**SPEND, "held_after": -1}, "ck_entries_not_negative"),
    ({**SPEND, "key": ""}, "ck_entries_has_key"),
    ({**SPEND, "quantity": -1}, "ck_entries_quantity_in_range"),
    *(({"kind": kind, "credits": 0}, "ck_entries_raises_balance") for kind in ("grant", "giveback")),
    ({"kind": "reverse", "credits": 0, "reverses_seq": 9, "used_on": TODAY}, "ck_entries_raises_balance"),
    ({**SPEND, "credits": 0}, "ck_entries_lowers_balance"),
    *(({"kind": kind, "credits": 0}, "ck_entries_lowers_balance") for kind in ("expire", "void", "takeback")),
    *(({"kind": kind, "credits": 1}, "ck_entries_keeps_balance") for kind in ("hold", "freeze", "unfreeze")),
    ({"kind": "release", "credits": 1, "hold_seq": 9}, "ck_entries_keeps_balance"),
    ({"kind": "capture", "credits": 1, "hold_seq": 9, "used_on": TODAY}, "ck_entries_capture_takes"),
    ({"kind": "reverse", "credits": 1, "used_on": TODAY}, "ck_entries_reverse_says_what"),
    ({**SPEND, "reverses_seq": 9}, "ck_entries_reverse_says_what"),
    ({"kind": "capture", "used_on": TODAY}, "ck_entries_settles_a_hold"),
    ({"kind": "release", "credits": 0}, "ck_entries_settles_a_hold"),
    ({**SPEND, "hold_seq": 9}, "ck_entries_settles_a_hold"),
    ({"kind": "spend"}, "ck_entries_use_has_a_day"),
    ({"kind": "expire", "used_on": TODAY}, "ck_entries_use_has_a_day"),
]
BAD_GRANTS = [
    ({"kind": "present"}, "ck_grants_known_kind"),
    ({"granted": 0, "available": 0, "is_used_up": True}, "ck_grants_granted_in_range"),
    ({"granted": 10**9 + 1, "available": 10**9 + 1}, "ck_grants_granted_in_range"),
    ({"available": 9}, "ck_grants_books_sum_to_granted"),
    ({"owed": 1}, "ck_grants_books_sum_to_granted"),
    *(({"available": 11, book: -1}, "_in_range") for book in ("held", "frozen", "spent", "expired", "voided")),
    ({"available": -1, "held": 11}, "_in_range"),
    ({"available": 11, "owed": -1}, "_in_range"),
    ({"available": 1, "voided": 10, "owed": -1}, "ck_grants_owes_at_most_what_was_spent"),
    ({"voided_by_operator": 1}, "ck_grants_operator_part_of_voided"),
    ({"voided_by_operator": -1}, "ck_grants_operator_part_of_voided"),
    ({"is_used_up": True}, "ck_grants_used_up_means_nothing_left"),
    ({"available": 0, "spent": 10}, "ck_grants_used_up_means_nothing_left"),
    ({"available": 0, "held": 10, "is_used_up": True}, "ck_grants_used_up_means_nothing_left"),
    ({"available": 0, "frozen": 10, "is_used_up": True}, "ck_grants_used_up_means_nothing_left"),
]
BAD_HOLDS = [
    ({"state": "forgotten"}, "ck_holds_known_state"),
    ({"credits": 0}, "ck_holds_credits_in_range"),
    ({"credits": 10**9 + 1}, "ck_holds_credits_in_range"),
    ({"captured": 1}, "ck_holds_captured_when_closed"),
    ({"captured": -1, "state": "captured"}, "ck_holds_captured_when_closed"),
]
BAD_USAGE = [
    ({"grant_kind": "present"}, "ck_usage_daily_known_kind"),
    ({"credits": -1}, "ck_usage_daily_not_negative"),
    ({"count": -1}, "ck_usage_daily_not_negative"),
]
BAD_LIMITS = [
    ({"credits": 0}, "ck_spend_limits_credits_in_range"),
    ({"credits": 10**9 + 1}, "ck_spend_limits_credits_in_range"),
    ({"key_id": -1}, "ck_spend_limits_key_or_none"),
    ({"period": "year"}, "ck_spend_limits_known_period"),
]
BAD_WINDOWS = [
    ({"used": -1}, "ck_limit_windows_not_negative"),
    ({"held": -1}, "ck_limit_windows_not_negative"),
    ({"ends_at": MIDNIGHT}, "ck_limit_windows_lasts"),
]
BAD = (BAD_ACCOUNTS, BAD_ENTRIES, BAD_GRANTS, BAD_HOLDS, BAD_USAGE, BAD_LIMITS, BAD_WINDOWS)


@pytest.fixture
def lot(session, account_id, give):
    """An account with one grant: entry 1."""
    give(10)
    return account_id


def put_grant(session, account_id, now, **facts):
    insert_entry(session, account_id, seq=2, kind="grant", credits=10, now=now)
    row = GRANT | {"seq": 2, "expires_at": NEVER, "created_at": now, "source_kind": "hand", "source_id": "1"} | facts
    insert(session, "grants", account_id=account_id, **row)


def put_hold(session, account_id, now, **facts):
    insert(session, "holds", account_id=account_id, **HOLD | {"expires_at": now, "created_at": now} | facts)


def put_posting(session, account_id, source, target, credits=1, **facts):
    row = {"entry_seq": 1, "grant_seq": 1, "from_book": source, "to_book": target, "credits": credits} | facts
    insert(session, "postings", account_id=account_id, **row)


def refused(session, constraint):
    session.flush()
    return pytest.raises(IntegrityError, match=constraint)


@pytest.mark.parametrize(("facts", "constraint"), BAD_ACCOUNTS)
def test_an_account_out_of_range_is_refused(session, now, facts, constraint):
    with refused(session, constraint):
        insert(session, "accounts", **ACCOUNT | {"created_at": now} | facts)


@pytest.mark.parametrize(("facts", "constraint"), BAD_ENTRIES)
def test_an_entry_that_contradicts_itself_is_refused(session, account_id, now, facts, constraint):
    with refused(session, constraint):
        insert_entry(session, account_id, now=now, **facts)


@pytest.mark.parametrize(("facts", "constraint"), BAD_GRANTS)
def test_a_lot_that_contradicts_itself_is_refused(session, lot, now, facts, constraint):
    with refused(session, constraint):
        put_grant(session, lot, now, **facts)


@pytest.mark.parametrize(("facts", "constraint"), BAD_HOLDS)
def test_a_hold_that_contradicts_itself_is_refused(session, lot, now, facts, constraint):
    with refused(session, constraint):
        put_hold(session, lot, now, **facts)


@pytest.mark.parametrize(("facts", "constraint"), BAD_USAGE)
def test_usage_out_of_range_is_refused(session, account_id, facts, constraint):
    with refused(session, constraint):
        insert(session, "usage_daily", account_id=account_id, **USAGE | facts)


@pytest.mark.parametrize(("facts", "constraint"), BAD_LIMITS)
def test_a_limit_out_of_range_is_refused(session, account_id, now, facts, constraint):
    with refused(session, constraint):
        insert(session, "spend_limits", account_id=account_id, **LIMIT | {"changed_at": now} | facts)


@pytest.mark.parametrize(("facts", "constraint"), BAD_WINDOWS)
def test_a_window_out_of_range_is_refused(session, account_id, now, facts, constraint):
    insert(session, "spend_limits", account_id=account_id, **LIMIT | {"changed_at": now})
    with refused(session, constraint):
        insert(session, "limit_windows", account_id=account_id, **WINDOW | facts)


def test_a_window_needs_its_limit_and_an_account_has_one_limit_a_key_and_period(session, account_id, now):
    with refused(session, "(?i)foreign key"), session.begin_nested():
        insert(session, "limit_windows", account_id=account_id, **WINDOW)
    insert(session, "spend_limits", account_id=account_id, **LIMIT | {"changed_at": now})
    insert(session, "limit_windows", account_id=account_id, **WINDOW)
    columns = "spend_limits.account_id, spend_limits.key_id, spend_limits.period"
    with refused(session, is_unique(session, columns, "pk_spend_limits")):
        insert(session, "spend_limits", account_id=account_id, **LIMIT | {"changed_at": now})


BOOKS_AND_ISSUED = ("issued", "available", "held", "frozen", "spent", "expired", "voided", "owed", "elsewhere")
NOT_MOVES = sorted({(a, b) for a in BOOKS_AND_ISSUED for b in BOOKS_AND_ISSUED} - set(MOVES))


@pytest.mark.parametrize(("source", "target"), NOT_MOVES)
def test_credits_cannot_move_where_the_ledger_never_moves_them(session, lot, source, target):
    with refused(session, "ck_postings_known_move"):
        put_posting(session, lot, source, target)


@pytest.mark.parametrize("credits", [0, -1])
def test_a_posting_moves_at_least_one_credit(session, lot, credits):
    with refused(session, "ck_postings_positive"):
        put_posting(session, lot, "available", "spent", credits)


def test_every_allowed_move_is_accepted(session, lot):
    for source, target in MOVES[1:]:
        put_posting(session, lot, source, target)
    assert session.execute(text("SELECT count(*) FROM postings")).scalar() == len(MOVES)


def is_unique(session, sqlite_columns, name):
    return sqlite_columns if session.get_bind().dialect.name == "sqlite" else name


def test_a_key_is_used_once_in_an_account(session, lot, now):
    insert_entry(session, lot, seq=2, kind="expire", key="twice", now=now)
    with refused(session, is_unique(session, "entries.account_id, entries.key", "uq_entries_account_id_key")):
        insert_entry(session, lot, seq=3, kind="expire", key="twice", now=now)


def test_a_number_is_used_once_in_an_account(session, lot, now):
    with refused(session, is_unique(session, "entries.account_id, entries.seq", "pk_entries")):
        insert_entry(session, lot, seq=1, kind="expire", key="other", now=now)


def test_a_source_is_granted_once_in_an_account(session, lot, now):
    columns = "grants.account_id, grants.source_kind, grants.source_id"
    with refused(session, is_unique(session, columns, "uq_grants_account_id_source_kind_source_id")):
        put_grant(session, lot, now, source_kind="test", source_id="1")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO entry_details (account_id, seq, description) VALUES (:id, 99, '')",
        "INSERT INTO postings VALUES (:id, 99, 1, 'available', 'spent', 1)",
        "INSERT INTO postings VALUES (:id, 1, 99, 'available', 'spent', 1)",
        "INSERT INTO usage_daily VALUES (99, '2026-11-20', '', 0, 'bonus', 1, 1)",
        "INSERT INTO spend_limits VALUES (99, 0, 'day', 5, true, false, '2026-11-20 00:00:00')",
        "DELETE FROM accounts WHERE id = :id",
        "DELETE FROM grants WHERE account_id = :id",
    ],
)
def test_nothing_refers_to_what_is_not_there(session, lot, statement):
    with refused(session, "(?i)foreign key"):
        session.execute(text(statement), {"id": lot})


@pytest.mark.parametrize(
    "facts",
    [
        {"kind": "reverse", "credits": 1, "reverses_seq": 99, "used_on": TODAY},
        {"kind": "release", "credits": 0, "hold_seq": 99},
    ],
)
def test_an_entry_refers_to_entries_of_its_own_account_only(session, lot, now, facts):
    with refused(session, "(?i)foreign key"):
        insert_entry(session, lot, seq=2, now=now, **facts)


def test_an_entry_and_a_hold_and_a_grant_need_their_account_or_entry(session, lot, now):
    for put in (
        lambda: insert_entry(session, 99, **SPEND, now=now),
        lambda: put_hold(session, lot, now, seq=99),
        lambda: insert(
            session,
            "grants",
            account_id=lot,
            **GRANT | {"seq": 99, "expires_at": NEVER, "created_at": now, "source_kind": "hand", "source_id": "1"},
        ),
    ):
        with refused(session, "(?i)foreign key"), session.begin_nested():
            put()


def test_every_check_and_unique_of_the_ledger_is_tried_above():
    tried = {name for bad in BAD for _, name in bad}
    tried |= {"ck_postings_known_move", "ck_postings_positive"}
    tried |= {f"ck_grants_{book}_in_range" for book in ("available", "held", "frozen", "spent", "expired", "voided")}
    tables = ("accounts", "entries", "grants", "holds", "usage_daily", "postings", "entry_details")
    tables += ("spend_limits", "limit_windows")
    checks = {
        constraint.name
        for table in tables
        for constraint in Base.metadata.tables[table].constraints
        if constraint.name and constraint.name.startswith("ck_")
    }
    assert checks <= tried


def test_an_entry_by_hand_is_accepted_when_it_contradicts_nothing(session, account_id, now):
    insert_entry(session, account_id, **ENTRY | SPEND, now=now)
    assert session.execute(text("SELECT count(*) FROM entries")).scalar() == 1
