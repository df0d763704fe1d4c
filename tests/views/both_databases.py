"""Import `database_url` from here to run a module's tests on SQLite and on PostgreSQL."""

from tests.conftest import database_url

__all__ = ["database_url"]
