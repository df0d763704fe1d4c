"""`make example`: a throw-away Refill, a caller with credits, a few calls; then it serves until Ctrl-C."""

import argparse
import secrets
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from examples.voice_calls.calls import Call, place, talk
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
LAST = Call("8", "+1 555 0108", talked_seconds=7 * 60, longest_minutes=8)


def main() -> None:
    """Set up, run the calls, say where to look, and stay until somebody stops it."""
    asked = argparse.ArgumentParser(prog="make example", description=__doc__)
    asked.add_argument("--once", action="store_true", help="end when the calls have, without the last one")
    asked.add_argument("--seconds", type=float, default=60, help="how long the last call goes on (default: 60)")
    chosen = asked.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="refill-example-") as folder:
        run(Path(folder), is_once=chosen.once, last_seconds=chosen.seconds)


def run(folder: Path, *, is_once: bool, last_seconds: float) -> None:
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
            make_last_call(caller, last_seconds)
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
    link = caller.login_link(next="/dashboard/history")
    return (
        f"\n  History        {link.url}\n                 (signs you in once, until {link.expires_at:%H:%M} UTC)\n"
        f"  Dashboard      {served.url}/dashboard\n  Sign in with   {EMAIL}  /  {password}\n"
        f"  Stop with      Ctrl-C\n"
    )


def make_last_call(caller: Refill, seconds: float) -> None:
    """One more call, slow enough to see its credits on hold. Stopped meanwhile, it costs nothing."""

    def talk_slowly(call: Call) -> int:
        now = caller.balance()
        on_hold = f"{now.held} credits on hold, {now.available} available"
        print(f"  {call.number}  talking for {seconds:g} seconds: {on_hold}", flush=True)
        time.sleep(seconds)
        return talk(call)

    print(f"  {LAST.number}  {place(caller, LAST, talk_slowly)}", flush=True)


def stay() -> None:
    """Serve until somebody stops it."""
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
