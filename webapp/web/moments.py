"""Dates and instants as people and clients write them, made into instants of an account's time zone."""

import datetime as dt
from zoneinfo import ZoneInfo

Moment = dt.datetime | dt.date

YEARS = range(1970, 9000)  # beyond, adding a day or a zone would leave what Python can count
INSTANT_SENTENCE = "must be an instant with its zone, like 2026-11-20T14:32:00Z"
SENTENCE = "must be a date like 2026-11-20 or an instant like 2026-11-20T14:32:00Z"


def moment_of(given: object) -> object:
    """The date or instant that an ISO 8601 text means; anything but text is handed back. Raises ValueError."""
    if not isinstance(given, str):
        return given
    found = _parsed(given)
    if found.year not in YEARS:
        raise ValueError(SENTENCE)
    return found


def instant_of(given: object) -> object:
    """The instant that an ISO 8601 text with a zone means; anything but text is handed back. Raises ValueError."""
    if not isinstance(given, str):
        return given
    try:
        found = dt.datetime.fromisoformat(given)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found.year not in YEARS:
        raise ValueError(INSTANT_SENTENCE)
    return found


def begins_at(moment: Moment, zone: ZoneInfo) -> dt.datetime:
    """The first instant of a date, or the instant itself; what names no zone is meant in `zone`."""
    if not isinstance(moment, dt.datetime):
        moment = dt.datetime.combine(moment, dt.time())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(dt.UTC)


def ends_at(moment: Moment, zone: ZoneInfo) -> dt.datetime:
    """The first instant after a date, so that its last hour is included; an instant ends at itself."""
    if isinstance(moment, dt.datetime):
        return begins_at(moment, zone)
    return begins_at(moment + dt.timedelta(days=1), zone)


def _parsed(text: str) -> Moment:
    for read in (dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    raise ValueError(SENTENCE)
