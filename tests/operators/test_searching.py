"""Looking for people: by all of their names, in pages, and by an index each time, however many there are."""

import datetime as dt
import re

import pytest
from sqlalchemy import event, text

from webapp.billing.models import Purchase, StripeCustomer, WebhookEvent
from webapp.billing.money_back.models import PurchaseDispute, PurchaseRefund
from webapp.ledger.operations import open_account, pause_spending
from webapp.operators.searching import people
from webapp.people.models import HostAccount

MANY = 100_000
FIRST = 5 * 10**15
THEN = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)


# A walk through a whole table. The newest people are the first 25 steps of one.
WALKS = re.compile(r"SCAN (users|accounts|purchases)(?! USING COVERING INDEX)|Seq Scan on (users|accounts)")


def found(session, looked_for, **more):
    page = people(session, looked_for, **more)
    return [person.email or person.account_id for person in (*page.exact, *page.listed)]


@pytest.fixture
def bought(session, customer, now):
    """A purchase with everything that Stripe may call it by."""
    account_id = customer.account_id
    terms = {"pack_slug": "small", "pack_name": "Small", "credits": 500, "amount_minor": 2000, "currency": "usd"}
    sent = {"takeback": "debt", "price_id": "price_1", "open_key": "form:1", "open_fingerprint": "e" * 64, "params": {}}
    named = {"session_id": "cs_test_1", "payment_intent_id": "pi_1", "reference": "P-7K2MQX", "stripe_mode": "test"}
    when = {"opened_at": now, "expires_at": now, "asked_at": now}
    session.add(
        Purchase(account_id=account_id, id="abcpurchase1", user_id=customer.id, **terms, **sent, **named, **when)
    )
    session.add(StripeCustomer(account_id=account_id, stripe_mode="test", customer_id="cus_1", created_at=now))
    session.flush()
    of = {"account_id": account_id, "purchase_id": "abcpurchase1", "amount_minor": 1, "currency": "usd", "reason": ""}
    seen = {"made_at": now, "changed_at": now}
    session.add(PurchaseRefund(id="re_1", state="pending", **of, **seen))
    session.add(PurchaseDispute(id="du_1", state="lost", is_withdrawn=True, **of, **seen))
    facts = {
        "stripe_mode": "test",
        "type": "x",
        "state": "handled",
        "body": "{}",
        "created_at": now,
        "received_at": now,
    }
    session.add(WebhookEvent(id="evt_1", account_id=account_id, **facts))
    session.add(WebhookEvent(id="evt_2", **facts))
    session.flush()


def test_somebody_is_found_by_each_id(session, customer, operator, bought):
    session.add(HostAccount(external_id="team/42", account_id=customer.account_id, created_at=THEN))
    session.flush()
    ids = ["cus_1", "cs_test_1", "pi_1", "re_1", "du_1", "evt_1", "abcpurchase1", "P-7K2MQX", "p-7k2mqx", "team/42"]
    for looked_for in (*ids, str(customer.account_id), f"  {customer.account_id} "):
        assert found(session, looked_for) == [customer.email], looked_for
    for looked_for in ("evt_2", "cus_2", "pi", "P-7K2M", "team", "TEAM/42", "0", str(2**70), "-1", "re_%", "1.5"):
        assert found(session, looked_for) == [], looked_for


def test_somebody_is_found_by_how_their_email_begins_in_any_spelling(session, person, customer):
    person("Strasse@Example.com")
    person("stra_e@example.com")
    person("zoë@example.com")
    assert found(session, "CUST") == found(session, "customer@example.com") == [customer.email]
    assert found(session, "straß") == ["Strasse@Example.com"]  # ß is ss in the key of an address
    assert found(session, "stra_") == ["stra_e@example.com"]
    assert found(session, "zoe\u0308@") == ["zoë@example.com"]
    for nobody in ("%", "_", "ustomer", "customer@example.com.", "\\", "'; --", "\U0010ffff"):
        assert found(session, nobody) == [], nobody


@pytest.mark.parametrize("hostile", ["\x00", "a\x00b", "\ud800", "x" * 300, "\u202e", "a\nb", "é" * 254])
def test_what_nobody_can_be_called_finds_nobody(session, customer, hostile):
    assert found(session, hostile) == []


def test_an_account_without_a_user_is_found_by_its_ids(session, now):
    account_id = open_account(session, now=now)
    session.add(HostAccount(external_id="usr_42", account_id=account_id, created_at=now))
    session.flush()
    pause_spending(session, account_id, now=now)
    (one,) = people(session, "usr_42").exact
    assert (one.account_id, one.user_id, one.email, one.external_id, one.is_paused) == (
        account_id,
        None,
        "",
        "usr_42",
        True,
    )
    assert found(session, str(account_id)) == [account_id]


def test_nothing_looked_for_lists_the_newest_in_pages(session, person):
    emails = [person(f"{number}@example.com").email for number in range(7)][::-1]
    first = people(session, "", limit=3)
    second = people(session, "", after=first.next_after, limit=3)
    third = people(session, "", after=second.next_after, limit=3)
    listed = [one.email for page in (first, second, third) for one in page.listed]
    assert listed == emails
    assert third.next_after is None


def test_a_search_goes_on_where_its_page_ended_and_leaves_out_nobody(session, person):
    emails = sorted(person(f"ann{number}@example.com").email for number in range(7))
    person("bob@example.com")
    listed, after = [], None
    while True:
        page = people(session, "ann", after=after, limit=3)
        listed += [one.email for one in page.listed]
        after = page.next_after
        if after is None:
            break
    assert listed == emails
    assert people(session, "ann", after=10**9).listed == ()


def test_who_is_named_by_an_id_and_by_an_email_is_listed_once(session, person, now):
    user = person("team42@example.com")
    session.add(HostAccount(external_id="team42@example.com", account_id=user.account_id, created_at=now))
    session.flush()
    assert found(session, "team42@example.com") == [user.email]


def crowd(session):
    """A hundred thousand people, written by the database itself."""
    if session.get_bind().dialect.name == "sqlite":
        at, of = "'2026-11-20 14:32:00'", "n"
        counted = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) SELECT"
    else:
        at, of, counted = "now()", f"generate_series(1, {MANY}) AS n(i)", "SELECT"
    account, email = f"{FIRST} + i", "'person' || i || '@example.com'"
    for into, values in (
        (
            "accounts (id, available, held, frozen, debt, seq, time_zone, created_at)",
            f"{account}, 0, 0, 0, 0, 0, 'UTC'",
        ),
        (
            "users (account_id, email, email_key, name, password_hash, role, theme, locale, created_at)",
            f"{account}, {email}, {email}, '', '!', 'user', 'device', 'en_US'",
        ),
    ):
        session.execute(text(f"INSERT INTO {into} {counted} {values}, {at} FROM {of}"))
    for table in ("accounts", "users"):  # the others are small: walking through them would be right
        session.execute(text(f"ANALYZE {table}"))


def plans_of(session, work):
    """How the database answers each statement of some work."""
    asked = []

    def see(_connection, _cursor, statement, parameters, *_):
        asked.append((statement, parameters))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", see)
    answer = work()
    event.remove(engine, "before_cursor_execute", see)
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    cursor = session.connection().connection.cursor()
    plans = []
    for statement, parameters in asked:
        cursor.execute(f"{explain} {statement}", parameters)
        plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))
    return answer, plans


def test_a_search_goes_by_an_index_among_a_hundred_thousand_people(session, operator, bought):
    crowd(session)
    searches = {
        "": 25,
        "person7777": 11,
        "person77777@example.com": 1,
        "p": 25,
        "P-7K2MQX": 1,
        "pi_1": 1,
        "re_1": 1,
        "du_1": 1,
        "cus_1": 1,
        "cs_test_1": 1,
        "evt_1": 1,
        "abcpurchase1": 1,
        str(FIRST + 5): 1,
    }
    for looked_for, number in searches.items():
        page, plans = plans_of(session, lambda looked_for=looked_for: people(session, looked_for))
        assert page.number == number, looked_for
        assert len(plans) <= 6, looked_for
        for plan in plans:
            assert not WALKS.search(plan) or not looked_for, (looked_for, plan)
    if session.get_bind().dialect.name == "postgresql":
        _, plans = plans_of(session, lambda: people(session, "person7777"))
        assert any("ix_users_email_begins" in plan for plan in plans)
