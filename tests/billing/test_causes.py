"""Why an entry took or gave back credits: the newest settlement before it that can be behind an entry of its kind."""

import pytest

from webapp.billing.money_back.causes import Cause, cause_of
from webapp.billing.money_back.models import MoneyBackChange


def change(number, about_id, after, until, *, returned=0, disputed=0):
    about = "refund" if about_id.startswith("re") else "dispute"
    seqs = {"after_seq": after, "until_seq": until}
    money = {"returned_minor": returned, "disputed_minor": disputed, "currency": "usd"}
    return MoneyBackChange(number=number, about=about, about_id=about_id, **seqs, **money)


# Entry 4 is a refund's, 5 a dispute's hold; then the bank takes (6), gives back (7), and the refund fails (8).
LIFE = [
    change(1, "re_1", 3, 4, returned=700),
    change(2, "du_1", 4, 5, disputed=2800),
    change(3, "du_1", 5, 6, returned=2800, disputed=-2800),
    change(4, "du_1", 6, 7, returned=-2800),
    change(5, "re_1", 7, 8, returned=-700),
]


@pytest.mark.parametrize(
    ("kind", "seq", "why", "minor", "is_late"),
    [
        ("takeback", 4, "refund", -700, False),
        ("freeze", 5, "dispute", 2800, False),
        ("takeback", 6, "dispute", -2800, False),
        ("giveback", 7, "dispute", 2800, False),
        ("giveback", 8, "refund", 700, False),
        ("takeback", 5, "refund", -700, True),  # a hold ended between: the dispute has only put on hold
        ("takeback", 9, "dispute", -2800, True),
        ("freeze", 6, "dispute", 2800, True),
        ("unfreeze", 6, "dispute", 2800, False),
        ("giveback", 9, "refund", 700, True),
    ],
)
def test_each_entry_is_told_with_what_can_be_behind_it(kind, seq, why, minor, is_late):
    cause = cause_of(kind, seq, LIFE)
    assert cause is not None
    assert (cause.why, cause.amount_minor, cause.is_late) == (why, minor, is_late)


def test_what_was_seen_at_once_is_one_cause():
    both = [change(1, "du_1", 3, 4, returned=2100), change(1, "re_1", 3, 4, returned=1400)]
    assert cause_of("takeback", 4, both) == Cause("both", -3500, "usd", ("du_1", "re_1"), is_late=False)
    part = [change(1, "du_1", 3, 4, returned=2100), change(1, "re_1", 3, 4, returned=-1400)]
    assert cause_of("takeback", 4, part) == Cause("dispute", -2100, "usd", ("du_1",), is_late=False)


@pytest.mark.parametrize(("kind", "seq"), [("takeback", 3), ("giveback", 6), ("grant", 9), ("void", 9), ("freeze", 4)])
def test_where_nothing_can_be_behind_it_nothing_is_said(kind, seq):
    assert cause_of(kind, seq, LIFE) is None
