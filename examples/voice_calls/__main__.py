"""`make example`: a throw-away Refill, a caller with credits, a few calls; then it serves until Ctrl-C.

With `--once` it ends when the calls have.
"""

import secrets
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from examples.voice_calls.calls import Call, place
from examples.voice_calls.serving import Served, served_refill
from webapp.client import Refill

EMAIL = "caller@example.com"
ONE_BY_ONE = (
    Call("1", "+1 555 0100", talked_seconds=4 * 60 - 20),
    Call("2", "+1 555 0101", talked_seconds=2 * 60, is_dropped=True),
    Call("3", "+1 555 0102"),
    Call("4", "+1 555 0103", talked_seconds=9 * 60),
)
TOGETHER = tuple(Call(str(number), f"+1 555 01{number:02}", talked_seconds=5 * 60) for number in (5, 6, 7))


def main() -> None:
    """Set up, run the calls, say where to look, and stay until somebody stops it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="refill-example-") as folder:
        run(Path(folder), is_once="--once" in sys.argv[1:])


def run(folder: Path, *, is_once: bool) -> None:
    """The whole example."""
    print("\n  Starting Refill on a throw-away database, with a simulated Stripe …\n", flush=True)
    with served_refill(folder) as served:
        key = served.flask("keys", "create", "--service", "--scopes", "read,spend,manage", "--name", "Voice calls")
        refill = Refill(served.url, key)
        account = refill.account(external_id="caller-1", email=EMAIL)
        caller = refill.for_account("caller-1")
        caller.grant(kind="bonus", credits=60, reason="For the example", key="example-bonus")
        print(f"  Account {account.account} has {caller.balance().available} credits.\n", flush=True)
        make_calls(caller)
        print(f"\n  {served.flask('credits', 'verify')}")
        if not is_once:
            print(where_to_look(served, caller), flush=True)
            stay()
        refill.close()


def make_calls(caller: Refill) -> None:
    """Some calls one by one, then three at once, of which credits on hold let one begin."""
    for call in ONE_BY_ONE:
        print(f"  {call.number}  {place(caller, call)}", flush=True)
    print("\n  Three calls at the same moment:", flush=True)
    with ThreadPoolExecutor(len(TOGETHER)) as threads:
        for call, told in zip(TOGETHER, threads.map(partial(place, caller), TOGETHER), strict=True):
            print(f"  {call.number}  {told}", flush=True)


def where_to_look(served: Served, caller: Refill) -> str:
    """What a person needs to see it."""
    password = secrets.token_urlsafe(12)
    served.flask("user", "password", EMAIL, "--password", password)
    link = caller.login_link(next="/dashboard")
    return (
        f"\n  Dashboard      {served.url}/dashboard\n  Sign in with   {EMAIL}  /  {password}\n"
        f"  or once by     {link.url}\n  Stop with      Ctrl-C\n"
    )


def stay() -> None:
    """Serve until somebody stops it."""
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
