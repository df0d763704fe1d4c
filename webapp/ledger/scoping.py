"""Statements about all accounts or about one: the same text, with or without the condition."""

import re

_PLACE = re.compile(r"{one:([a-z_.]+)}")


def scoped(sql: str, *, is_one: bool) -> str:
    """The statement with each `{one:<column>}` made the condition that the column is `:account`, or left out."""
    return _PLACE.sub(r"AND \1 = :account" if is_one else "", sql)
