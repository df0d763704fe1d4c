"""The ledger's operations: the only writers. Each takes a session first, may flush, and never commits."""

from webapp.ledger.accounts import lock_account, open_account, set_time_zone
from webapp.ledger.expiry import expire
from webapp.ledger.facts import EntryFacts, LotTouched, Posted
from webapp.ledger.grants import grant
from webapp.ledger.spends import spend

__all__ = [
    "EntryFacts",
    "LotTouched",
    "Posted",
    "expire",
    "grant",
    "lock_account",
    "open_account",
    "set_time_zone",
    "spend",
]
