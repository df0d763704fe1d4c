"""The client's folder in another project, under another name: it works there alone, and its types are checked there."""

import shutil
import subprocess
import sys

import pytest

from tests.support.databases import ROOT

PROGRAM = """
import sys
sys.path.insert(0, ".")
from billing_client import InsufficientCredits, Refill

refill = Refill(sys.argv[1], "rk_test_secret", account="user-7")
with refill.hold(meter="call_minute", quantity=10) as hold:
    booked = hold.capture(quantity=4)
try:
    refill.spend(credits=1000)
except InsufficientCredits as error:
    print(booked.entry.credits, booked.available, error.needed)
refill.close()
print(sorted({name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names - {"__main__"}))
"""
WRONGLY_TYPED = """
from billing_client import Refill

booked = Refill("https://credits.example.com", "key").spend(credits=10, key="call-1")
left: int = booked.available
Refill("https://credits.example.com", "key").spend(credits="10")
for entry in Refill("https://credits.example.com", "key").history():
    entry.credits = 5
"""


@pytest.fixture
def project(tmp_path):
    shutil.copytree(ROOT / "webapp/client", tmp_path / "billing_client", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(project, *words):
    command = [sys.executable, "-I", *words]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120)


def test_the_folder_works_alone_under_another_name(project, played):
    ended = run(project, "-S", "-c", PROGRAM, played.url)  # without what is installed beside Python
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["-12 918 1000", "['billing_client']"]


def test_the_copys_types_are_strict_and_catch_mistakes(project):
    (project / "program.py").write_text(WRONGLY_TYPED)
    ended = run(project, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary", "program.py")
    found = [line.partition(" error: ")[::2] for line in ended.stdout.splitlines()]
    assert [place for place, _ in found] == ["program.py:6:", "program.py:8:"], ended.stdout + ended.stderr
    assert "incompatible type" in found[0][1]
    assert "read-only" in found[1][1]
