"""The ledger's operations: the only writers. Each takes a session first, may flush, and never commits."""

from webapp.ledger.accounts import (
    lock_account,
    open_account,
    pause_as_owner,
    pause_spending,
    resume_as_owner,
    resume_spending,
    set_time_zone,
)
from webapp.ledger.batches import spend_batch
from webapp.ledger.changes import note_change, note_seen
from webapp.ledger.claims import settle_takeback
from webapp.ledger.expiry import expire
from webapp.ledger.facts import EntryFacts, HoldFacts, LotTouched, Posted
from webapp.ledger.grants import grant
from webapp.ledger.holds import capture, hold, release
from webapp.ledger.limits.facts import SpendLimit
from webapp.ledger.limits.setting import drop_limit, drop_limits_of_key, set_limit
from webapp.ledger.reverses import reverse
from webapp.ledger.spends import SpendLine, spend
from webapp.ledger.voids import void, void_in_order

__all__ = [
    "EntryFacts",
    "HoldFacts",
    "LotTouched",
    "Posted",
    "SpendLimit",
    "SpendLine",
    "capture",
    "drop_limit",
    "drop_limits_of_key",
    "expire",
    "grant",
    "hold",
    "lock_account",
    "note_change",
    "note_seen",
    "open_account",
    "pause_as_owner",
    "pause_spending",
    "release",
    "resume_as_owner",
    "resume_spending",
    "reverse",
    "set_limit",
    "set_time_zone",
    "settle_takeback",
    "spend",
    "spend_batch",
    "void",
    "void_in_order",
]
