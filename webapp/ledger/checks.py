"""What the ledger takes as credits, keys, words, texts, details and times; everything else is refused in a sentence."""

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from webapp.ledger.errors import InvalidCredits, InvalidRequest
from webapp.ledger.models import ACTOR_KINDS, GRANT_KINDS, MAX_OPERATION_CREDITS
from webapp.orm import NEVER

MAX_KEY_LENGTH = 250
MAX_DESCRIPTION_LENGTH = 200
MAX_DETAILS_BYTES = 2048
MAX_DETAILS_LEVELS = 50  # what is stored must be readable from any depth of the stack
MAX_BIGINT = 2**63 - 1
MAX_HOLD_SECONDS = 24 * 3600
OWN_SOURCE = "reverse"  # of what a reverse grants anew
CLOCK_SKEW = dt.timedelta(minutes=5)
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

_METER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_FINGERPRINT = re.compile(r"[\x21-\x7e]{1,64}")
# Control characters, line separators, half characters, and marks that turn the direction of text around.
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# The keys of the ledger's own entries: what time ends, and what follows from an operation.
_OWN_KEY = re.compile(r"(expire|release|takeback|regrant):.*")


def check_credits(credits: int) -> None:
    """Raise InvalidCredits unless it is an int (no bool, float or text) from 1 to the largest of one operation."""
    if type(credits) is not int or not 1 <= credits <= MAX_OPERATION_CREDITS:
        raise InvalidCredits(
            f"Credits must be a whole number from 1 to {MAX_OPERATION_CREDITS:,}.", largest=MAX_OPERATION_CREDITS
        )


def check_lasts_seconds(lasts_seconds: int) -> None:
    """Raise InvalidRequest unless it is a whole number of seconds from 1 to a day."""
    if type(lasts_seconds) is not int or not 1 <= lasts_seconds <= MAX_HOLD_SECONDS:
        raise InvalidRequest(
            f"A hold lasts a whole number of seconds from 1 to {MAX_HOLD_SECONDS:,}.", longest=MAX_HOLD_SECONDS
        )


def check_number(seq: int) -> None:
    """Raise InvalidRequest unless it can be the number of an entry, a hold or a grant."""
    if type(seq) is not int or not 1 <= seq <= MAX_BIGINT:
        raise InvalidRequest("The number of an entry is a whole number from 1.")


def check_key(key: str) -> None:
    """Raise InvalidRequest unless it is 1 to 250 printable characters and none of the ledger's own keys."""
    if not isinstance(key, str) or not 1 <= len(key) <= MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidRequest(f"A key must be 1 to {MAX_KEY_LENGTH} printable characters.")
    if _OWN_KEY.fullmatch(key):
        raise InvalidRequest("A key can't look like the keys of the ledger's own entries (expire:…, release:…).")


def check_fingerprint(fingerprint: str) -> None:
    """Raise InvalidRequest unless it is 1 to 64 visible ASCII characters."""
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        raise InvalidRequest("A fingerprint must be 1 to 64 visible ASCII characters.")


def check_grant_kind(kind: str) -> None:
    """Raise InvalidRequest unless it is one of the kinds of grant."""
    if kind not in GRANT_KINDS:
        raise InvalidRequest(f"The kind of a grant must be one of {', '.join(GRANT_KINDS)}.")


def check_actor(actor_kind: str) -> None:
    """Raise InvalidRequest unless it is one of the kinds of actor."""
    if actor_kind not in ACTOR_KINDS:
        raise InvalidRequest(f"The actor must be one of {', '.join(ACTOR_KINDS)}.")


def check_source(source_kind: str, source_id: str) -> None:
    """Raise InvalidRequest unless the kind is a short lower-case word and the id 1 to 255 printable characters."""
    if not isinstance(source_kind, str) or not _WORD.fullmatch(source_kind):
        raise InvalidRequest("The kind of a source must be a short word in lower case.")
    if source_kind == OWN_SOURCE:
        raise InvalidRequest("Only a reverse grants from the source “reverse”.")
    if not isinstance(source_id, str) or not 1 <= len(source_id) <= 255 or not source_id.isprintable():
        raise InvalidRequest("The id of a source must be 1 to 255 printable characters.")


def check_meter(meter: str, quantity: int | None) -> None:
    """Raise InvalidRequest unless the meter is '' or a slug, and a quantity (a whole number from 0) has a meter."""
    if not isinstance(meter, str) or (meter and not _METER.fullmatch(meter)):
        raise InvalidRequest("A meter is named by letters, digits, dots, hyphens and underscores, 64 at most.")
    if quantity is None:
        return
    if type(quantity) is not int or not 0 <= quantity <= MAX_BIGINT:
        raise InvalidRequest("A quantity must be a whole number.")
    if not meter:
        raise InvalidRequest("A quantity needs a meter.")


def check_key_id(key_id: int) -> None:
    """Raise InvalidRequest unless it is a whole number; 0 means that no API key was used."""
    if type(key_id) is not int or not 0 <= key_id <= MAX_BIGINT:
        raise InvalidRequest("The number of an API key must be a whole number.")


def check_description(description: str) -> None:
    """Raise InvalidRequest unless it is a text of at most 200 characters without control characters."""
    if not isinstance(description, str) or len(description) > MAX_DESCRIPTION_LENGTH:
        raise InvalidRequest(f"A description must be a text of at most {MAX_DESCRIPTION_LENGTH} characters.")
    if _NOT_TEXT.search(description):
        raise InvalidRequest("A description can't have control characters or line breaks.")


def check_details(details: Mapping[str, Any] | None) -> None:
    """Raise InvalidRequest unless it is a JSON object of 2 KB and 50 levels at most that comes back as it went."""
    if details is None:
        return
    try:
        written = json.dumps(details, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size_bytes = len(written.encode())
        is_object = isinstance(details, dict) and json.loads(written) == details
    except (TypeError, ValueError, RecursionError):
        is_object, size_bytes = False, 0
    if not is_object:
        raise InvalidRequest("Details must be a JSON object.")
    if is_deeper(details, than=MAX_DETAILS_LEVELS):
        raise InvalidRequest(f"Details can't be nested more than {MAX_DETAILS_LEVELS} levels deep.")
    if size_bytes > MAX_DETAILS_BYTES:
        raise InvalidRequest(f"Details must be at most {MAX_DETAILS_BYTES} bytes of JSON.", size_bytes=size_bytes)


def is_deeper(value: Any, *, than: int) -> bool:
    """Whether lists and objects stand in one another on more levels. Goes level by level, so no depth is too much."""
    level = [value]
    for _ in range(than + 1):
        outer = [one for one in level if isinstance(one, dict | list)]
        if not outer:
            return False
        level = [inner for one in outer for inner in (one.values() if isinstance(one, dict) else one)]
    return True


def check_occurred_at(occurred_at: dt.datetime, now: dt.datetime) -> None:
    """Raise InvalidRequest unless it has a zone and lies between the year 2000 and five minutes from now.

    The past is open, because usage may be told late; five minutes are for clocks that differ.
    """
    check_zone(occurred_at)
    if not EARLIEST <= occurred_at <= now + CLOCK_SKEW:
        raise InvalidRequest("The time of use can't be in the future, nor before the year 2000.")


def check_expires_at(expires_at: dt.datetime | None) -> None:
    """Raise InvalidRequest unless it is None (never) or says its zone and lies before the far date that means never."""
    if expires_at is None:
        return
    check_zone(expires_at)
    if not EARLIEST <= expires_at <= NEVER:
        raise InvalidRequest("An expiry must lie between the years 2000 and 9999.")


def check_time_zone(time_zone: str) -> None:
    """Raise InvalidRequest unless it is a name of the time zone database, like Europe/Vienna."""
    try:
        is_known = isinstance(time_zone, str) and 1 <= len(time_zone) <= 64 and bool(ZoneInfo(time_zone))
    except (KeyError, ValueError, OSError):
        is_known = False
    if not is_known:
        raise InvalidRequest("The time zone must be a name like Europe/Vienna or UTC.")


def check_zone(moment: dt.datetime) -> None:
    """Raise InvalidRequest unless the time says its zone."""
    if not isinstance(moment, dt.datetime) or moment.tzinfo is None:
        raise InvalidRequest("A time must say its zone.")
