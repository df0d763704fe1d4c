"""Where the tests write: into memory, if there is enough of it. Thousands of small databases are no work for a disk."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 6 * 2**30


def write_into_memory() -> None:
    """Let temporary files of this process, and of those it starts, lie in memory; else where they always do.

    A folder that the user has chosen (TMPDIR) stays chosen.
    """
    if "TMPDIR" in os.environ or not _has_room():
        return
    folder = MEMORY / f"refill-{os.getuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)


def copy_strategy() -> str:
    """How PostgreSQL copies a database fastest: file by file in memory, through its log on a disk."""
    return "FILE_COPY" if tempfile.gettempdir().startswith(str(MEMORY)) else "WAL_LOG"


def _has_room() -> bool:
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH_BYTES
