"""What each refund and dispute changed in what is asked back of its purchase: kept, so that the history can say why."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from webapp.billing.models import Purchase
from webapp.billing.money_back.asking import MoneyBack
from webapp.billing.money_back.models import MoneyBackChange
from webapp.billing.stripe_objects import Dispute, Refund
from webapp.ledger.facts import EntryFacts

_CHANGES = (
    select(MoneyBackChange)
    .where(
        MoneyBackChange.account_id == bindparam("of_account"),
        MoneyBackChange.purchase_id.in_(bindparam("of_purchases", expanding=True)),
    )
    .order_by(MoneyBackChange.purchase_id, MoneyBackChange.number, MoneyBackChange.about_id)
)


class Asked(NamedTuple):
    """What one refund or dispute asks back: as gone, or as disputed while its money is ours."""

    returned_minor: int
    disputed_minor: int


class Difference(NamedTuple):
    """One that asks for something else than it did when it was last read, by how much."""

    about: str
    about_id: str
    currency: str
    change: Asked


def differences_of(kept: MoneyBack, told: MoneyBack) -> list[Difference]:
    """What `told` changes against what was kept until now."""
    before = {item.id: _asked(item) for item in _items(kept)}
    found = []
    for item in _items(told):
        now, was = _asked(item), before.get(item.id, Asked(0, 0))
        change = Asked(now.returned_minor - was.returned_minor, now.disputed_minor - was.disputed_minor)
        if any(change):
            about = "refund" if isinstance(item, Refund) else "dispute"
            found.append(Difference(about, item.id, item.currency, change))
    return found


def keep_changes(
    session: Session,
    purchase: Purchase,
    differences: Iterable[Difference],
    *,
    after_seq: int,
    entries: Sequence[EntryFacts],
    now: dt.datetime,
) -> None:
    """Write the differences down as one settlement, with the entries that came of it: those after `after_seq`."""
    differences = list(differences)
    if not differences:
        return
    of_purchase = (MoneyBackChange.account_id == purchase.account_id, MoneyBackChange.purchase_id == purchase.id)
    last = session.scalar(select(func.max(MoneyBackChange.number)).where(*of_purchase)) or 0
    for about, about_id, currency, change in differences:
        session.add(
            MoneyBackChange(
                account_id=purchase.account_id,
                purchase_id=purchase.id,
                number=last + 1,
                about=about,
                about_id=about_id,
                currency=currency,
                returned_minor=change.returned_minor,
                disputed_minor=change.disputed_minor,
                after_seq=after_seq,
                until_seq=max([after_seq, *(entry.seq for entry in entries)]),
                seen_at=now,
            )
        )
    session.flush()


def changes_of(session: Session, account_id: int, purchase_ids: Collection[str]) -> dict[str, list[MoneyBackChange]]:
    """The changes of some of the account's purchases, the oldest first: one query, none for no purchases."""
    found: dict[str, list[MoneyBackChange]] = defaultdict(list)
    if purchase_ids:
        for change in session.scalars(_CHANGES, {"of_account": account_id, "of_purchases": list(purchase_ids)}):
            found[change.purchase_id].append(change)
    return found


def whys_of(session: Session, account_id: int) -> set[str]:
    """What has ever asked money back of the account's purchases: "refund", "dispute", both or nothing."""
    return set(
        session.scalars(select(MoneyBackChange.about).where(MoneyBackChange.account_id == account_id).distinct())
    )


def _items(told: MoneyBack) -> list[Refund | Dispute]:
    return [*told.refunds, *told.disputes]


def _asked(item: Refund | Dispute) -> Asked:
    if isinstance(item, Refund):
        return Asked(0 if item.is_undone else item.amount_minor, 0)
    if item.is_withdrawn:
        return Asked(item.amount_minor, 0)
    return Asked(0, item.amount_minor if item.is_open else 0)
