"""Python started anew for a few words, without importing Refill's packages again each time: forked from a process that
has imported them and done nothing else. `python -m tests.support.forked` is that process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

from tests.support.databases import ROOT


class Forks:
    """Runs programs, each in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, program: str, folder: Path, environment: dict[str, str]) -> CompletedProcess[str]:
        """What `python -c program` would do in this folder, with this environment and no other."""
        files = {name: str(folder / f"forked.{name}") for name in ("stdout", "stderr")}
        asked = {"program": program, "folder": str(folder), "environment": environment, **files}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        out, err = (Path(file).read_text() for file in files.values())
        for file in files.values():
            Path(file).unlink()
        return CompletedProcess(program, status, out, err)


@contextmanager
def forking() -> Iterator[Forks]:
    """The process that forks, until the end of the block."""
    command = [sys.executable, "-m", "tests.support.forked"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Forks(process)
        process.stdin.close()


def serve() -> None:
    import webapp  # noqa: F401  # what the forks need not import again

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            os._exit(_run(**asked))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _run(program: str, folder: str, environment: dict[str, str], stdout: str, stderr: str) -> int:
    """Become what was asked for; its exit status. A fault that nobody catches ends it as it ends any program."""
    for descriptor, file in ((1, stdout), (2, stderr)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    status = 0
    try:
        exec(program, {"__name__": "__main__"})
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    serve()
