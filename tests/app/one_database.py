"""Import `database_url` from here in a module whose subject is the same on both databases: it runs on SQLite only."""

from collections.abc import Callable

import pytest


@pytest.fixture
def database_url(sqlite_database: Callable[[], str]) -> str:
    return sqlite_database()


__all__ = ["database_url"]
