"""Claims: what refunds and disputes ask back of a payment, stored, and its lot brought to what they ask for."""

import datetime as dt
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.ledger.accounts import locked
from webapp.ledger.checks import check_source
from webapp.ledger.errors import InvalidRequest
from webapp.ledger.facts import EntryFacts
from webapp.ledger.lots import open_sheet
from webapp.ledger.models import MAX_CLAIM_MINOR, claims, grants
from webapp.ledger.takebacks import Claim
from webapp.ledger.writing import entry_of, write

_FACTS = tuple(Claim.__dataclass_fields__)
_CLAIM = select(*(claims.c[name] for name in _FACTS)).where(
    *(claims.c[name] == bindparam(f"of_{name}") for name in ("account_id", "source_kind", "source_id"))
)
_LOT_OF_SOURCE = select(grants.c.seq).where(
    *(grants.c[name] == bindparam(f"of_{name}") for name in ("account_id", "source_kind", "source_id"))
)


def _upsert(insert: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    told = {name: insert.excluded[name] for name in (*_FACTS, "told_at")}
    return insert.on_conflict_do_update(index_elements=list(claims.primary_key), set_=told)


_TELL = {"sqlite": _upsert(sqlite.insert(claims)), "postgresql": _upsert(postgresql.insert(claims))}


def settle_takeback(
    session: Session,
    account_id: int,
    *,
    source_kind: str,
    source_id: str,
    total_minor: int,
    returned_minor: int,
    disputed_minor: int,
    is_floor: bool = False,
    now: dt.datetime,
) -> list[EntryFacts]:
    """Take from the source's lot what refunds and disputes ask back now, and give back what they ask no more.

    Locks the account. Amounts in minor units of the payment's currency, fetched, not added up: `total_minor` was
    paid, `returned_minor` is asked back by refunds and withdrawn disputes, `disputed_minor` by other open disputes.
    They replace the facts told before, so telling them again changes nothing; every later operation on the lot, its
    grant included, keeps to them. What was already spent becomes debt, or is let go with `is_floor`.
    Answers the entries written. Raises InvalidRequest, UnknownAccount.
    """
    check_source(source_kind, source_id)
    claim = Claim(total_minor, returned_minor, disputed_minor, is_floor)
    _check(claim)
    account = locked(session, account_id)
    source = {"account_id": account_id, "source_kind": source_kind, "source_id": source_id}
    lot = session.execute(_LOT_OF_SOURCE, _of(source)).scalar_one_or_none()
    sheet = open_sheet(session, account, now=now, lots=[] if lot is None else [lot])
    sheet.settle_due(now)  # before the claim counts: what time has ended until now, it did without it
    _tell(session, claim, source, now)
    if lot is not None:
        sheet.lots[lot].claim = claim
        sheet.finish(now)
    write(session, [sheet], now=now)
    return [entry_of(line, now=now) for line in sheet.lines]


def claim_on(session: Session, account_id: int, source_kind: str, source_id: str) -> Claim | None:
    """What is asked back of the source, told before its grant or after; None if nothing ever was."""
    source = {"account_id": account_id, "source_kind": source_kind, "source_id": source_id}
    row = session.execute(_CLAIM, _of(source)).one_or_none()
    return None if row is None else Claim(*row)


def _check(claim: Claim) -> None:
    amounts = (claim.total_minor, claim.returned_minor, claim.disputed_minor)
    if any(type(minor) is not int or not 0 <= minor <= MAX_CLAIM_MINOR for minor in amounts):
        raise InvalidRequest(f"An amount of money must be a whole number from 0 to {MAX_CLAIM_MINOR:,}.")
    if type(claim.is_floor) is not bool:
        raise InvalidRequest("Whether spent credits are let go must be true or false.")


def _tell(session: Session, claim: Claim, source: dict[str, Any], now: dt.datetime) -> None:
    facts = {name: getattr(claim, name) for name in _FACTS}
    session.execute(_TELL[session.connection().dialect.name], {**source, **facts, "told_at": now})


def _of(source: dict[str, Any]) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in source.items()}
