"""Which migration the code knows."""

from alembic.script import ScriptDirectory
from flask import current_app


def migration_head() -> str | None:
    """The newest migration the code knows."""
    if "migration_head" not in current_app.extensions:
        scripts = ScriptDirectory(current_app.extensions["migrate"].directory)
        current_app.extensions["migration_head"] = scripts.get_current_head()
    head: str | None = current_app.extensions["migration_head"]
    return head
