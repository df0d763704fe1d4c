"""The running example: what it prints, and its pages as a person would open them."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path

from tests.support.databases import ROOT
from tests.support.pages import Node, read_html

MOST_SECONDS = 90.0


@dataclass
class Walk:
    """One run of the example, and a browser without a script that has opened nothing yet."""

    process: subprocess.Popen[bytes]
    printed: Path
    folder: Path
    opener: urllib.request.OpenerDirector = field(
        default_factory=lambda: urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    )

    @property
    def told(self) -> str:
        """What it has printed so far."""
        return self.printed.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until it prints that."""
        deadline = time.monotonic() + MOST_SECONDS
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.told):
                return found
            assert self.process.poll() is None, self.told
            time.sleep(0.05)
        raise AssertionError(f"{pattern} was not printed:\n{self.told}")

    def open(self, address: str) -> tuple[str, Node]:
        """Open a page; where it led to, and the page."""
        with self.opener.open(address, timeout=20) as answer:
            return answer.url, read_html(answer.read().decode())

    def stop(self) -> int:
        """Press Ctrl-C; its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@contextmanager
def walk(folder: Path, *words: str) -> Iterator[Walk]:
    """Run the example until the end of the block, with the folder for whatever it leaves behind."""
    (folder / "temporary").mkdir()
    with (folder / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.voice_calls", *words],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(folder / "temporary")},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Walk(process, folder / "printed", folder / "temporary")
    finally:
        process.terminate()
        process.wait(30)


def rows_of(page: Node) -> list[tuple[str, str]]:
    """The entries that a page lists: what each says, and its credits with the balance after it."""
    return [
        (_text_of(row, "feed__what"), _text_of(row, "feed__amt"))
        for row in page.all("li")
        if row.attributes.get("id", "").startswith("entry-")
    ]


def _text_of(row: Node, name: str) -> str:
    (found,) = [node for node in row if name in node.classes]
    return found.text
