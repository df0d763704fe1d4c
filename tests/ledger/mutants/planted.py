"""The planted bugs: each a small change of one file that makes the ledger wrong in one thing."""

from dataclasses import dataclass

LEDGER = "webapp/ledger"


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug in words, the file, the right text (there exactly once) and the wrong one."""

    name: str
    file: str
    right: str
    wrong: str


PLANTED = (
    # Which lots pay, and until when
    Planted(
        "burn order ignores expiry",
        f"{LEDGER}/burndown.py",
        "(lot.priority, lot.expires_at, lot.grant)",
        "(lot.priority, lot.grant)",
    ),
    Planted(
        "a lot expires one instant late",
        f"{LEDGER}/burndown.py",
        "return self.expires_at <= at",
        "return self.expires_at < at",
    ),
    Planted(
        "a hold gives back one instant late",
        f"{LEDGER}/lots.py",
        'holds.c.expires_at <= bindparam("now"',
        'holds.c.expires_at < bindparam("now"',
    ),
    Planted(
        "a hold can be captured at the instant at which it ends",
        f"{LEDGER}/reading.py",
        "found.expires_at <= now else found",
        "found.expires_at < now else found",
    ),
    Planted(
        "what is due is settled the latest first",
        f"{LEDGER}/sheet.py",
        "return min(ends, default=None)",
        "return max(ends, default=None)",
    ),
    Planted(
        "held credits can be spent",
        f"{LEDGER}/spends.py",
        "if sheet.available < credits:",
        "if sheet.available + sheet.held < credits:",
    ),
    # Holds
    Planted(
        "a capture keeps the rest on hold",
        f"{LEDGER}/holds.py",
        '("available", has - spent.get(grant, 0))):',
        "):",
    ),
    Planted(
        "a capture charges the lots in the wrong order",
        f"{LEDGER}/holds.py",
        "dict(allocate(used - above, held))",
        "dict(allocate(used - above, held[::-1]))",
    ),
    Planted(
        "what a capture takes above its hold is not held against the balance",
        f"{LEDGER}/holds.py",
        'taken(sheet, above, to_book="spent", key_id=key_id)',
        'taken(sheet, min(above, sheet.available), to_book="spent", key_id=key_id)',
    ),
    Planted(
        "what a capture takes above its hold comes from the last lots first",
        f"{LEDGER}/holds.py",
        'taken(sheet, above, to_book="spent", key_id=key_id)',
        """(
            taken(sheet, above, to_book="spent", key_id=key_id),
            [
                Move(lot.grant, lot.kind, "available", "spent", part)
                for lot, part in allocate(above, sheet.spendable()[::-1])
            ],
        )[1]""",
    ),
    Planted(
        "nothing follows from what a capture or release gives back",
        f"{LEDGER}/holds.py",
        "    sheet.finish(now)\n",
        "",
    ),
    Planted(
        "a hold told again is answered as it is now",
        f"{LEDGER}/keys.py",
        "replace(found, state=_HOLD_STATES[entry.kind], captured=-entry.credits)",
        "found",
    ),
    # Reverses
    Planted(
        "a reverse doesn't count earlier reverses",
        f"{LEDGER}/lots.py",
        "[entry_seq, *reverses]",
        "[entry_seq]",
    ),
    Planted(
        "a reverse gives back to the last lot first",
        f"{LEDGER}/reverses.py",
        "in left)), left)",
        "in left)), left[::-1])",
    ),
    Planted(
        "a reverse does not reduce the usage of the day",
        f"{LEDGER}/usage.py",
        "session.execute(_RETURN, returned)",
        "pass",
    ),
    Planted(
        "a reverse reduces the usage of its own day",
        f"{LEDGER}/reverses.py",
        "used_on=use.used_on",
        "used_on=now.date()",
    ),
    Planted(
        "what is granted anew lasts from now on",
        f"{LEDGER}/reverses.py",
        "expires_at=lot.expires_at + GRACE)",
        "expires_at=now + GRACE)",
    ),
    Planted(
        "credits are granted anew even when a day has passed",
        f"{LEDGER}/reverses.py",
        "now < lot.expires_at + GRACE",
        "now <= lot.expires_at + GRACE",
    ),
    # Debt
    Planted(
        "a debt is not paid by the next grant",
        f"{LEDGER}/grants.py",
        "    sheet.finish(now)\n",
        "",
    ),
    Planted(
        "a debt that is no more goes back to the oldest payer",
        f"{LEDGER}/sheet.py",
        "key=lambda lot: -lot.grant",
        "key=lambda lot: lot.grant",
    ),
    # Take-back
    Planted(
        "a failed refund gives nothing back",
        f"{LEDGER}/sheet.py",
        "            if not taken:\n",
        "            if False:\n",
    ),
    Planted(
        "a failed refund makes spent credits available",
        f"{LEDGER}/takebacks.py",
        'books = (("owed", to_owed), ',
        'books = (("available", to_owed), ',
    ),
    Planted(
        "frozen counts returned money twice",
        f"{LEDGER}/takebacks.py",
        "min(asked, most) - min(returned, most)",
        "min(asked, most)",
    ),
    Planted(
        "a take-back takes available credits before frozen ones",
        f"{LEDGER}/takebacks.py",
        '(("frozen", lot.frozen), ("available", lot.available),',
        '(("available", lot.available), ("frozen", lot.frozen),',
    ),
    Planted(
        "a take-back takes held credits, as debt",
        f"{LEDGER}/takebacks.py",
        "lot.spent + lot.owed",
        "lot.spent + lot.owed + lot.held",
    ),
    Planted(
        "a floor takes what was spent",
        f"{LEDGER}/takebacks.py",
        "0 if is_floor else lot.spent",
        "lot.spent",
    ),
    Planted(
        "a refund takes credits that had expired once more",
        f"{LEDGER}/takebacks.py",
        "(lot.voided - lot.voided_by_operator) - lot.expired",
        "(lot.voided - lot.voided_by_operator)",
    ),
    Planted(
        "a refund takes what an operator took once more",
        f"{LEDGER}/voids.py",
        "        lot.voided_by_operator += share\n",
        "        pass\n",
    ),
    Planted(
        "an operator takes the newest lots first",
        f"{LEDGER}/voids.py",
        "allocate(credits, sheet.spendable())",
        "allocate(credits, sheet.spendable()[::-1])",
    ),
    Planted(
        "a refund told before its grant is forgotten",
        f"{LEDGER}/grants.py",
        "    sheet.lots[line.seq].claim = claim\n",
        "",
    ),
    # Spend limits
    Planted(
        "holds don't count toward a limit",
        f"{LEDGER}/limits/facts.py",
        "return self.used + self.held",
        "return self.used",
    ),
    Planted(
        "what would go above a limit by one goes",
        f"{LEDGER}/limits/checking.py",
        "one.left < credits",
        "one.left < credits - 1",
    ),
    Planted(
        "the limit of a key is forgotten",
        f"{LEDGER}/limits/facts.py",
        "self.limit.key_id in {0, key_id}",
        "self.limit.key_id == 0",
    ),
    Planted(
        "a line that is refused for too few credits counts",
        f"{LEDGER}/spends.py",
        """    if sheet.available < credits:
        raise InsufficientCredits(sheet.account.id, needed=credits, available=sheet.available)
    count_taken(sheet.limits, credits, key_id=key_id)
""",
        """    count_taken(sheet.limits, credits, key_id=key_id)
    if sheet.available < credits:
        raise InsufficientCredits(sheet.account.id, needed=credits, available=sheet.available)
""",
    ),
    Planted(
        "a capture counts in the window in which it is written",
        f"{LEDGER}/limits/counting.py",
        "yield hold.seq, min(hold.captured, hold.credits), -hold.credits",
        "yield from ((own, min(hold.captured, hold.credits), 0), (hold.seq, 0, -hold.credits))",
    ),
    Planted(
        "a reverse counts in the window in which it is written",
        f"{LEDGER}/limits/counting.py",
        "yield draft.reverses_seq, of_hold[1] - draft.credits, 0",
        "yield own, of_hold[1] - draft.credits, 0",
    ),
    Planted(
        "a reverse of a capture above its hold takes off first what was within",
        f"{LEDGER}/reverses.py",
        "return returned - min(returned, above_left)",
        "return min(returned, left - above_left)",
    ),
    Planted(
        "what a hold that is over gives back is not let go at once",
        f"{LEDGER}/limits/counting.py",
        "    _let_go(session, sheet)\n",
        "",
    ),
    Planted(
        "a limit that only tells refuses",
        f"{LEDGER}/limits/checking.py",
        "one.limit.pauses and ",
        "",
    ),
    Planted(
        "another time zone keeps the windows of the one before",
        f"{LEDGER}/accounts.py",
        "    session.execute(delete(limit_windows).where(limit_windows.c.account_id == account_id))\n",
        "",
    ),
    # Keys, batches, days
    Planted(
        "a key used for another request is answered",
        f"{LEDGER}/keys.py",
        "if (stored.kind, stored.fingerprint) != (draft.kind, draft.fingerprint):",
        "if stored.kind != draft.kind:",
    ),
    Planted(
        "a batch that is refused writes what was due",
        f"{LEDGER}/batches.py",
        "        sheet.lines.clear()\n",
        "        pass\n",
    ),
    Planted(
        "the lines of a batch say what is available after all of it",
        f"{LEDGER}/batches.py",
        "    sheet.end_operation()\n",
        "",
    ),
    Planted(
        "days are counted in UTC",
        f"{LEDGER}/usage.py",
        "moment.astimezone(ZoneInfo(time_zone)).date()",
        "moment.date()",
    ),
)
