"""`make bench`: run the contests and write docs/benchmarks.md."""

import argparse
import os
import platform
import tempfile
from functools import partial
from pathlib import Path

from bench.contest import ROUNDS, Note, Row
from bench.http import page_rows
from bench.ledger import batch_rows, size_rows, spend_rows
from bench.reading import reading_rows
from bench.spending import spending_rows
from bench.webhook import webhook_rows
from tests.support.databases import ROOT, PostgresServer, migrate, start_postgresql
from webapp.orm import utc_now

ENTRIES = 1_000_000

HEAD = f"""# Benchmarks

Ratios, not promises of speed: two contenders take turns for {ROUNDS} rounds in one run. The table shows the median of
each in microseconds for one operation, the median of the rounds' ratios, and their range. `make bench` writes this page
on the machine it runs on; durability is each database's default (SQLite with `synchronous=FULL`).

Spends on PostgreSQL go by one call of a function where they are plain, by the portable form where they are not; SQLite
has the portable form alone. Clients are threads of one process.

Over HTTP means a real server on loopback: gunicorn with 4 plain workers, a new connection for each request, 16 at a
time, an API key on each. The client works on the same cores; CPU is that of the servers and of the database.

Pages and webhooks are measured in process: CPU of the application, tests' browser included, without an HTTP server in
front, so the trivial answer is as small as it can be and the ratios are as large as they can be.

| what | ours, µs | the other, µs | ratio | range |
|---|---|---|---|---|
"""


def main() -> None:
    """Measure on both databases and write the page. A run with fewer entries is printed only."""
    entries = _entries()
    sized = (partial(size_rows, entries=entries), partial(reading_rows, entries=entries))
    measures = (spend_rows, batch_rows, spending_rows, *sized, page_rows, webhook_rows)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, start_postgresql(is_durable=True) as server:
        lines: list[Row | Note] = []
        for database in ("SQLite", "PostgreSQL"):
            for measure in measures:
                measured = measure(fresh(database, server, Path(folder)), database, Path(folder))
                lines += measured
                print(*(line.text() for line in measured), sep="\n", flush=True)
    if entries < ENTRIES:
        return
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    rows = [line.text() for line in lines if isinstance(line, Row)]
    notes = [line.text() for line in lines if isinstance(line, Note)]
    page = HEAD + "\n".join(rows) + "\n\n" + "\n\n".join(notes) + f"\n\nMeasured {utc_now():%Y-%m-%d} on {machine}.\n"
    (ROOT / "docs/benchmarks.md").write_text(page)


def _entries() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES, help="of the large account; fewer for a quick look")
    return max(1000, parser.parse_args().entries)


def fresh(database: str, server: PostgresServer, folder: Path) -> str:
    """The address of an empty, migrated database."""
    name = f"bench_{os.urandom(4).hex()}"
    if database == "SQLite":
        url = f"sqlite:///{folder}/{name}.sqlite3"
    else:
        server.run(f"CREATE DATABASE {name}")
        url = server.url(name)
    migrate(url)
    return url


if __name__ == "__main__":
    main()
