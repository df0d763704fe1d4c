"""The sheet: the working copy of an account's lots during one operation. Pure; knows no database.

An operation posts its entries on the sheet and finishes it; what follows from them (credits that come back to an
expired lot, take-backs, debts) is worked out here, and `write` writes all of it at once.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from webapp.ledger import takebacks
from webapp.ledger.accounts import LockedAccount
from webapp.ledger.burndown import Lot, allocate, in_burn_order
from webapp.ledger.drafts import Draft, HoldChange, Move, NewLot
from webapp.ledger.fingerprints import fingerprint_of
from webapp.ledger.limits.facts import LimitStanding

LEFT_BOOKS = ("available", "held", "frozen")
# What follows from an operation settles in two passes; more would be a fault of the rules.
MAX_PASSES = 10


@dataclass(frozen=True, slots=True)
class DueHold:
    """An open hold whose time has passed: its credits, and how many each lot holds for it."""

    seq: int
    expires_at: dt.datetime
    lots: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Line:
    """An entry on the sheet. `available_after` and `held_after` are known when its operation has ended."""

    draft: Draft
    seq: int
    balance_after: int
    available_after: int = 0
    held_after: int = 0


@dataclass(slots=True)
class Sheet:
    """An account's lots by number, its due holds, its numbers as they change, and the lines to be written.

    `limits` are those of the account, once they were counted (`limits.counting`), for what takes credits from it.

    `debt` may be below 0 between two postings: that much has been paid for debts that no longer exist.
    `changed` are the lots whose books differ from what is stored; `made` those that are not stored yet.
    """

    account: LockedAccount
    lots: dict[int, Lot]
    due_holds: list[DueHold]
    available: int
    held: int
    frozen: int
    debt: int
    seq: int
    limits: list[LimitStanding] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    made: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    ended: int = 0

    @property
    def balance(self) -> int:
        """Available, held and frozen credits, less the debt."""
        return self.available + self.held + self.frozen - self.debt

    def spendable(self) -> list[tuple[Lot, int]]:
        """The lots with available credits and how many, in burn order. Due lots must have been settled."""
        return [(lot, lot.available) for lot in in_burn_order(self.lots.values()) if lot.available]

    def post(self, draft: Draft) -> Line:
        """Put an entry on the sheet: its moves change the lots and the account's numbers."""
        self.seq += 1
        if draft.lot is not None:
            self._add_lot(draft, draft.lot)
        for move in draft.moves:
            self._apply(move)
        line = Line(draft, self.seq, self.balance)
        self.lines.append(line)
        return line

    def settle_due(self, now: dt.datetime) -> None:
        """Write what time has ended up to `now`, in the order of time, so that it never matters who came when.

        At each instant the holds that end give back first, then lots expire, take-backs and debts follow.
        """
        while (at := self._next_end(now)) is not None:
            ended = [hold for hold in self.due_holds if hold.expires_at == at]
            for hold in sorted(ended, key=lambda hold: hold.seq):
                self.post(self._ended(hold))
            self.due_holds = [hold for hold in self.due_holds if hold.expires_at != at]
            self.finish(at)

    def _next_end(self, now: dt.datetime) -> dt.datetime | None:
        """Looked for anew after each instant: what a hold gives back may be the first that its lot can lose."""
        ends = [hold.expires_at for hold in self.due_holds]
        ends += [lot.expires_at for lot in self.lots.values() if lot.available and lot.is_due(now)]
        return min(ends, default=None)

    def finish(self, at: dt.datetime) -> None:
        """Add what follows from the lines posted, until nothing does any more."""
        for _ in range(MAX_PASSES):
            before = self.seq
            self.expire_lots(at)
            self._take_back(at)
            if not self._settle_debt(at) and self.seq == before:
                return
        raise AssertionError("What follows from an operation must come to an end.")

    def expire_lots(self, at: dt.datetime) -> None:
        """Move the available credits of every lot that has expired by `at` to `expired`, an entry for each."""
        for lot in in_burn_order(self.lots.values()):
            if lot.available and lot.is_due(at):
                self.post(
                    Draft(
                        kind="expire",
                        key=f"expire:{lot.grant}:{lot.expired}",
                        fingerprint=fingerprint_of("expire", lot.grant, lot.available),
                        moves=(Move(lot.grant, lot.kind, "available", "expired", lot.available),),
                        occurred_at=lot.expires_at,
                    )
                )

    def end_operation(self) -> None:
        """Note on the lines since the last operation what is available and held now."""
        for line in self.lines[self.ended :]:
            line.available_after, line.held_after = self.available, self.held
        self.ended = len(self.lines)

    def _ended(self, hold: DueHold) -> Draft:
        return Draft(
            kind="release",
            key=f"release:{hold.seq}",
            fingerprint=fingerprint_of("release", hold.seq),
            moves=tuple(Move(grant, self.lots[grant].kind, "held", "available", held) for grant, held in hold.lots),
            occurred_at=hold.expires_at,
            hold=HoldChange(
                seq=hold.seq,
                credits=sum(held for _, held in hold.lots),
                captured=0,
                state="expired",
                expires_at=hold.expires_at,
            ),
        )

    def _take_back(self, at: dt.datetime) -> None:
        """Bring each lot with a claim to what the claim asks for: one entry for each kind of change."""
        for lot in [lot for _, lot in sorted(self.lots.items()) if lot.claim is not None]:
            assert lot.claim is not None  # noqa: S101  # for the type checker
            voided_target, frozen_target = takebacks.targets(lot, lot.claim)
            taken = takebacks.taken(lot, voided_target, is_floor=lot.claim.is_floor)
            self._post_takeback("takeback", lot, taken, at)
            if not taken:
                self._post_takeback("giveback", lot, takebacks.given_back(lot, voided_target), at)
            self._post_takeback("freeze", lot, takebacks.frozen(lot, frozen_target), at)
            self._post_takeback("unfreeze", lot, takebacks.unfrozen(lot, frozen_target), at)

    def _post_takeback(self, kind: str, lot: Lot, moves: list[Move], at: dt.datetime) -> None:
        if moves:
            self.post(
                Draft(
                    kind=kind,
                    key=f"takeback:{lot.grant}:{self.seq + 1}",
                    fingerprint=fingerprint_of(kind, lot.grant, [move.credits for move in moves]),
                    moves=tuple(moves),
                    occurred_at=at,
                    source_kind=lot.source[0],
                    source_id=lot.source[1],
                    actor_kind="stripe",
                )
            )

    def _settle_debt(self, at: dt.datetime) -> bool:
        """Let available credits pay what is owed, or give payers back what is owed no more, within the last line.

        Neither changes the balance. Whether anything moved.
        """
        moves = self._paid_back() if self.debt < 0 else self._paid(at)
        for move in moves:
            self._apply(move)
        if moves:
            last = self.lines[-1]
            last.draft = _with_moves(last.draft, moves)
        return bool(moves)

    def _paid(self, at: dt.datetime) -> list[Move]:
        live = [(lot, lot.available) for lot in in_burn_order(self.lots.values()) if not lot.is_due(at)]
        paid = allocate(min(self.debt, sum(available for _, available in live)), live)
        return [Move(lot.grant, lot.kind, "available", "owed", share) for lot, share in paid]

    def _paid_back(self) -> list[Move]:
        newest_first = sorted(self.lots.values(), key=lambda lot: -lot.grant)
        paid_back = allocate(-self.debt, [(lot, max(0, lot.owed)) for lot in newest_first])
        return [Move(lot.grant, lot.kind, "owed", "available", share) for lot, share in paid_back]

    def _add_lot(self, draft: Draft, new: NewLot) -> None:
        self.made.add(self.seq)
        self.lots[self.seq] = Lot(
            grant=self.seq,
            kind=new.kind,
            priority=new.priority,
            granted=new.granted,
            expires_at=new.expires_at,
            source=(draft.source_kind, draft.source_id),
        )

    def _apply(self, move: Move) -> None:
        lot = self.lots[move.grant]
        self.changed.add(move.grant)
        for book, change in ((move.from_book, -move.credits), (move.to_book, move.credits)):
            if book != "issued":
                setattr(lot, book, getattr(lot, book) + change)
            if book in LEFT_BOOKS:
                setattr(self, book, getattr(self, book) + change)
            if book == "owed":
                self.debt -= change


def sheet_of(account: LockedAccount, lots: Iterable[Lot], due_holds: Iterable[DueHold]) -> Sheet:
    """A sheet with the account's numbers and nothing posted yet."""
    return Sheet(
        account,
        {lot.grant: lot for lot in lots},
        list(due_holds),
        available=account.available,
        held=account.held,
        frozen=account.frozen,
        debt=account.debt,
        seq=account.seq,
    )


def _with_moves(draft: Draft, more: list[Move]) -> Draft:
    """The draft with more moves; what goes the same way for the same lot is one posting."""
    sums: dict[tuple[int, str, str, str], int] = defaultdict(int)
    for move in (*draft.moves, *more):
        sums[move.grant, move.kind, move.from_book, move.to_book] += move.credits
    return replace(draft, moves=tuple(Move(*way, moved) for way, moved in sums.items()))
