"""kill -9 at every point of a spend; then the same key again: exactly once."""

from tests.reliability import work
from tests.reliability.passings import SPEND, deaths
from tests.reliability.serving import CrashPoint


def test_a_spend_is_written_once_wherever_its_process_dies(served, shop, tmp_path):
    """With a limit that counts along: its window is what its entries say wherever that is."""
    account_id = shop.give(100)
    shop.limit(account_id, 50)
    for number, (name, passing, stored) in enumerate(deaths(SPEND)):
        told, key = tmp_path / f"told-{number}", f"key-{number}"
        facts = (served.given, account_id, key, told)
        point = CrashPoint(served.crash_file, name, passing)
        assert work.run(work.spend_with_one_retry, *facts) == work.KILLED, name
        point.assert_reached()
        assert not told.exists(), name
        assert shop.spent(account_id) == number + stored, name
        assert work.run(work.spend_with_one_retry, *facts) == 0
        assert told.read_text() == f"{key}\n"
        assert shop.spent(account_id) == number + 1, name
    shop.assert_sound(0)
