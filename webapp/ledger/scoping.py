"""Statements about all accounts, about one, or about its last entries: the same text, with or without conditions."""

import re

_ONE = re.compile(r"{one:([a-z_.]+)}")
_SINCE = re.compile(r"{since:([a-z_.]+)}")


def scoped(sql: str, *, is_one: bool, has_first: bool = False) -> str:
    """The statement with the conditions of its places, or without them.

    Each `{one:<column>}` becomes the condition that the column is `:account`, each `{since:<column>}` that it is at
    least `:first`, the number of an entry.
    """
    of_one = _ONE.sub(r"AND \1 = :account" if is_one else "", sql)
    return _SINCE.sub(r"AND \1 >= :first" if has_first else "", of_one)
