"""`make check-mutants`: plant one logic bug after the other in a copy of the ledger; the model test must catch each.

    python -m tests.ledger.mutants                 all of them
    python -m tests.ledger.mutants floor refund    those with one of these words in their name

Nothing in this tree is changed. The model test tells 300 stories of a fixed seed on SQLite and stops at the first that
fails. A planted text that is no longer found exactly once is an error: the list must follow the code.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.ledger.mutants.planted import PLANTED, Planted

ROOT = Path(__file__).parents[3]
PARTS = ("webapp", "tests", "migrations", "pyproject.toml", "catalog.toml")
WORKERS = min(os.cpu_count() or 1, 4)
STORIES = "300"  # the gate's sample is too small to meet every bug
LONGEST_SECONDS = 900
TESTS = ["tests/ledger/test_model.py", "-k", "sqlite"]
PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-x",
    "-q",
    "--no-header",
    "--tb=no",
    "-p",
    "no:cacheprovider",
    "--hypothesis-seed=1",
]


class PlantError(Exception):
    """The list of planted bugs no longer fits the code."""


def copied_tree(folder: Path) -> Path:
    """A copy of what the test needs, without compiled files: they would outlive a change of the same size."""
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    for part in PARTS:
        source, target = ROOT / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy(source, target)
    return folder


def planted_text(planted: Planted, text: str) -> str:
    """The file's text with the bug in it."""
    if (found := text.count(planted.right)) != 1:
        raise PlantError(f"“{planted.name}”: its text is {found} times in {planted.file}, and must be there once.")
    return text.replace(planted.right, planted.wrong)


def is_caught(tree: Path) -> bool:
    """Whether the model test fails in this tree. A test that can't even start proves nothing."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REFILL_")}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "REFILL_STORIES": STORIES}
    try:
        done = subprocess.run(
            [*PYTEST, *TESTS],
            check=False,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise PlantError(f"The model test did not end within {LONGEST_SECONDS} seconds.") from None
    if done.returncode not in {0, 1} or " error" in done.stdout.splitlines()[-1]:
        raise PlantError(f"The model test could not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1


def try_planted(planted: Planted | None, trees: SimpleQueue[Path]) -> tuple[bool, float]:
    """Plant a bug, run the test, and put the file right again; without a bug only run."""
    tree, began = trees.get(), time.monotonic()
    try:
        if planted is None:
            return is_caught(tree), time.monotonic() - began
        file = tree / planted.file
        right = file.read_text()
        file.write_text(planted_text(planted, right))
        try:
            return is_caught(tree), time.monotonic() - began
        finally:
            file.write_text(right)
    finally:
        trees.put(tree)


def main(words: list[str]) -> int:
    for planted in PLANTED:
        planted_text(planted, (ROOT / planted.file).read_text())
    chosen = [planted for planted in PLANTED if not words or any(word in planted.name for word in words)]
    with tempfile.TemporaryDirectory(prefix="refill-mutants-") as folder, ThreadPoolExecutor(WORKERS) as pool:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            trees.put(copied_tree(Path(folder) / str(number)))
        control, *runs = [pool.submit(try_planted, planted, trees) for planted in (None, *chosen)]
        if control.result()[0]:
            pool.shutdown(cancel_futures=True)
            print("The model test fails without any planted bug: it proves nothing.")
            return 1
        survivors = 0
        for planted, run in zip(chosen, runs, strict=True):
            caught, seconds = run.result()
            survivors += not caught
            print(f"{'caught  ' if caught else 'SURVIVED'}  {seconds:5.1f} s  {planted.name}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} planted bugs caught.")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
