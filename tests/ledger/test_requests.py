"""Keys, words, texts, details and times that the ledger does not take."""

import datetime as dt
import itertools

import pytest
from sqlalchemy import text

from webapp.ledger.errors import InvalidRequest, LedgerRefusal, UnknownAccount
from webapp.ledger.operations import expire, grant, lock_account, open_account, spend
from webapp.ledger.queries import balance, history

NAIVE = dt.datetime(2026, 11, 20, 12)  # noqa: DTZ001  # that is the point
LONG = "x" * 251


@pytest.fixture
def spending(session, account_id, give, now):
    give(100)
    return lambda **facts: spend(session, account_id, **{"credits": 1, "key": "k", "now": now} | facts)


@pytest.fixture
def granting(session, account_id, now):
    given = {"kind": "bonus", "credits": 5, "key": "k", "source_kind": "test", "source_id": "1", "now": now}
    return lambda **facts: grant(session, account_id, **given | facts)


@pytest.mark.parametrize("key", ["", LONG, "a\nb", "\x00", "a\ud800", None, 7, b"k"], ids=repr)
def test_a_key_is_printable_and_not_too_long(spending, key):
    with pytest.raises(InvalidRequest, match="key must be 1 to 250 printable"):
        spending(key=key)


@pytest.mark.parametrize("key", ["expire:1:0", "expire:", "release:7", "takeback:3:9", "regrant:4:1"])
def test_a_key_can_not_stand_in_the_way_of_the_ledgers_own(spending, key):
    with pytest.raises(InvalidRequest, match="own entries"):
        spending(key=key)


@pytest.mark.parametrize("key", ["k" * 250, "api:ключ 🔑", "expired", "api:expire:1:0", "a # b"])
def test_any_other_printable_key_is_taken(spending, key):
    assert spending(key=key).entry.credits == -1


@pytest.mark.parametrize("fingerprint", ["", "x" * 65, "with space", "ü", 7], ids=repr)
def test_a_fingerprint_is_short_and_visible(spending, fingerprint):
    with pytest.raises(InvalidRequest, match="fingerprint must be 1 to 64"):
        spending(fingerprint=fingerprint)


@pytest.mark.parametrize(
    "description",
    ["x" * 201, "two\nlines", "tab\t", "\x00", "\x7f", "\u2028", "gnp.\u202eexe", "\ud800", 7, None],
    ids=repr,
)
def test_a_description_is_one_short_line_of_text(spending, granting, description):
    for operation in (spending, granting):
        with pytest.raises(InvalidRequest, match="description"):
            operation(description=description)


@pytest.mark.parametrize("description", ["", "x" * 200, "Anruf 👩‍💻 – 12 min, “gut”", "<b>&amp;", "=1+1", "مكالمة"])
def test_any_other_line_of_text_comes_back_as_it_went(session, spending, description):
    assert spending(description=description).entry.description == description
    assert spending(description=description).entry.description == description


@pytest.mark.parametrize(
    "details",
    [
        [1],
        "text",
        7,
        {1: 2},
        {"a": (1, 2)},
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": {1, 2}},
        {"a": "\ud800"},
        {"a": dt.date(2026, 1, 1)},
    ],
    ids=repr,
)
def test_details_are_an_object_that_json_can_hold(spending, details):
    with pytest.raises(InvalidRequest, match="JSON object"):
        spending(details=details)


def test_details_nested_beyond_reason_are_refused(spending):
    nested = {}
    for _ in range(5000):
        nested = {"a": nested}
    with pytest.raises(InvalidRequest):
        spending(details=nested)


def test_details_are_at_most_two_kilobytes_of_utf_8(spending):
    empty_bytes = len('{"a":""}')
    with pytest.raises(InvalidRequest, match="2048 bytes"):
        spending(details={"a": "é" * 1021})
    with pytest.raises(InvalidRequest, match="2048 bytes"):
        spending(details={"a": "x" * (2049 - empty_bytes)})
    full = {"a": "x" * (2048 - empty_bytes)}
    assert spending(details=full).entry.details == full


@pytest.mark.parametrize("details", [{}, {"a": {"b": [1, 2.5, None, True, "\x00", "é"]}, "z": 1, "a b": 2**60}])
def test_details_come_back_as_they_went(spending, details):
    first, again = spending(details=details), spending(details=details)
    assert first.entry.details == again.entry.details == details
    assert list(again.entry.details) == list(details)


@pytest.mark.parametrize("meter", ["with space", "x" * 65, "-", "zwölf", 7, None], ids=repr)
def test_a_meter_is_named_by_a_slug(spending, meter):
    with pytest.raises(InvalidRequest, match="meter is named"):
        spending(meter=meter)


@pytest.mark.parametrize("quantity", [-1, 1.5, True, "1", 2**63], ids=repr)
def test_a_quantity_is_a_whole_number(spending, quantity):
    with pytest.raises(InvalidRequest, match="whole number"):
        spending(meter="call_minute", quantity=quantity)


def test_a_quantity_needs_a_meter(spending):
    with pytest.raises(InvalidRequest, match="needs a meter"):
        spending(quantity=1)


@pytest.mark.parametrize("key_id", [-1, True, "1", 2**63, None], ids=repr)
def test_an_api_keys_number_is_a_whole_number(spending, key_id):
    with pytest.raises(InvalidRequest, match="API key"):
        spending(key_id=key_id)


@pytest.mark.parametrize("actor_kind", ["", "cat", None], ids=repr)
def test_an_actor_is_one_of_those_known(spending, granting, actor_kind):
    for operation in (spending, granting):
        with pytest.raises(InvalidRequest, match="actor must be"):
            operation(actor_kind=actor_kind)


@pytest.mark.parametrize("kind", ["", "present", None, "Bonus"], ids=repr)
def test_a_grant_is_of_a_known_kind(granting, kind):
    with pytest.raises(InvalidRequest, match="kind of a grant"):
        granting(kind=kind)


@pytest.mark.parametrize(
    "source",
    [{"source_kind": kind} for kind in ("", "Purchase", "x" * 33, "a b", None)]
    + [{"source_id": number} for number in ("", "x" * 256, "a\nb", None, 7)],
    ids=repr,
)
def test_a_source_has_a_kind_and_an_id(granting, source):
    with pytest.raises(InvalidRequest, match="of a source"):
        granting(**source)


def test_the_source_of_what_a_reverse_grants_anew_is_the_ledgers_own(granting):
    with pytest.raises(InvalidRequest, match="Only a reverse"):
        granting(source_kind="reverse")


@pytest.mark.parametrize("seconds", [0, -1, -3600])
def test_credits_are_not_granted_into_the_past(granting, now, seconds):
    with pytest.raises(InvalidRequest, match="in the future"):
        granting(expires_at=now + dt.timedelta(seconds=seconds))


@pytest.mark.parametrize("expires_at", [NAIVE, "2026-12-31", dt.date(2027, 1, 1)], ids=repr)
def test_an_expiry_says_its_zone(granting, expires_at):
    with pytest.raises(InvalidRequest, match="zone"):
        granting(expires_at=expires_at)


def test_an_expiry_lies_before_the_date_that_means_never(granting):
    with pytest.raises(InvalidRequest, match="9999"):
        granting(expires_at=dt.datetime(9999, 1, 1, 0, 0, 1, tzinfo=dt.UTC))


def test_use_may_be_told_late_but_not_ahead(spending, now):
    late, skewed = now - dt.timedelta(days=400), now + dt.timedelta(minutes=5)
    assert spending(key="late", occurred_at=late).entry.occurred_at == late
    assert spending(key="skewed", occurred_at=skewed).entry.occurred_at == skewed
    with pytest.raises(InvalidRequest, match="can't be in the future"):
        spending(key="ahead", occurred_at=skewed + dt.timedelta(microseconds=1))
    with pytest.raises(InvalidRequest, match="before the year 2000"):
        spending(key="ancient", occurred_at=dt.datetime(1999, 12, 31, tzinfo=dt.UTC))
    with pytest.raises(InvalidRequest, match="zone"):
        spending(key="naive", occurred_at=NAIVE)


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "America", "../../etc/passwd", "/etc/passwd", "x" * 65, None, 7], ids=repr
)
def test_an_account_lives_in_a_zone_that_exists(session, now, zone):
    with pytest.raises(InvalidRequest, match="time zone"):
        open_account(session, time_zone=zone, now=now)


def test_account_numbers_are_random_and_exact_in_json(session, now):
    numbers = [open_account(session, time_zone="Europe/Vienna", now=now) for _ in range(50)]
    assert len(set(numbers)) == 50
    assert all(0 < number < 2**53 for number in numbers)
    assert max(numbers) > 2**48


@pytest.mark.parametrize("account", [0, -1, 1, 2**53, 2**63, 2**70, "1", True, None], ids=repr)
def test_there_is_no_such_account(session, now, account):
    operations = [
        lambda: lock_account(session, account),
        lambda: expire(session, account, now=now),
        lambda: spend(session, account, credits=1, key="k", now=now),
        lambda: grant(session, account, kind="bonus", credits=1, key="k", source_kind="t", source_id="1", now=now),
    ]
    for operation in operations:
        with pytest.raises(UnknownAccount, match="no such account"):
            operation()


def test_there_is_no_balance_of_an_unknown_account(session, now):
    with pytest.raises(UnknownAccount):
        balance(session, 1, now=now)


def test_lock_account_answers_the_row_fresh(session, account_id, give):
    held_on_to = lock_account(session, account_id)
    assert held_on_to.available == 0
    give(10)
    assert lock_account(session, account_id) is held_on_to
    assert held_on_to.available == 10


def test_a_refusal_writes_nothing(session, account_id, spending, granting, now):
    before = history(session, account_id, now=now)
    bad = [{"key": ""}, {"description": "\n"}, {"actor_kind": "cat"}, {"credits": 0}]
    for operation, facts in itertools.product((spending, granting), bad):
        with pytest.raises(LedgerRefusal):
            operation(**facts)
    assert history(session, account_id, now=now) == before
    assert session.execute(text("SELECT count(*) FROM usage_daily")).scalar() == 0
