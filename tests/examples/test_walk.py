"""`make example` as a person walks it: its link, and on the pages the very numbers that it prints."""

import re
import urllib.request
from urllib.error import HTTPError

import pytest

from tests.examples.walking import Walk, rows_of, walk
from tests.support.pages import Node

LAST_SECONDS = 6
PATHS = {"history": "/dashboard/history", "dashboard": "/dashboard", "credits": "/dashboard/credits"}


def test_the_pages_show_what_the_example_prints_and_ctrl_c_throws_all_away(tmp_path):
    with walk(tmp_path, "--seconds", str(LAST_SECONDS)) as walked:
        on_hold = walked.wait_for(r"talking for \d+ seconds: (\d+) credits on hold, (\d+) available")
        address = walked.wait_for(r"Dashboard +(\S+)/dashboard\n")[1]
        check_link(walked, walked.wait_for(r"History +(\S+)")[1], address)
        check_during(pages(walked, address), *on_hold.groups())
        assert "7 min" not in walked.told, "the pages came when the call was over"
        walked.wait_for("7 min: .* left\n")
        after = pages(walked, address)
        check_charged(after, walked.told)
        check_not_charged(after, walked.told)
        assert walked.stop() == 0
        assert list(walked.folder.iterdir()) == []


def pages(walked: Walk, address: str) -> dict[str, Node]:
    return {name: walked.open(address + path)[1] for name, path in PATHS.items()}


def check_link(walked: Walk, link: str, address: str) -> None:
    """It leads to the history, once."""
    assert walked.open(link)[0] == f"{address}/dashboard/history"
    with pytest.raises(HTTPError) as refused:
        urllib.request.build_opener().open(link, timeout=20)
    refused.value.close()
    assert refused.value.code == 410


def check_during(shown: dict[str, Node], held: str, available: str) -> None:
    """Credits on hold are told while the call goes on."""
    assert (held, available) == ("24", "2")
    card = shown["dashboard"].with_id("balance-card").text
    assert f"Available balance {available} credits" in card
    assert f"{held} on hold for work in progress." in card
    assert f"Adds up to your balance of 26: {available} available, {held} on hold." in shown["history"].text
    assert rows_of(shown["history"])[0] == ("Call to +1 555 0108", "0 balance after: 26")


def check_charged(shown: dict[str, Node], told: str) -> None:
    """Each charged call stands in the history with its credits and what was left, and the last one on the dashboard."""
    charged = re.findall(r"^  (\+\S+ \S+ \S+)  \d+ min: (\d+) credits, (\d+) left$", told, re.MULTILINE)
    assert len(charged) == 4
    lines = [(f"Call to {number}", f"−{taken} balance after: {left}") for number, taken, left in reversed(charged)]
    assert [row for row in rows_of(shown["history"]) if row[1].startswith("−")] == lines
    assert rows_of(shown["dashboard"])[0] == lines[0]
    card, left = shown["dashboard"].with_id("balance-card").text, charged[-1][2]
    assert f"Available balance {left} credits" in card
    assert "on hold" not in card
    assert f"Adds up to your balance of {left}." in shown["history"].text


def check_not_charged(shown: dict[str, Node], told: str) -> None:
    """Failed calls changed nothing; refused ones left no line, and are led to a pack that is there."""
    rows = rows_of(shown["history"])
    assert told.count("not charged") == 2
    assert [row for row in rows if row[0] == "Not charged"] == [("Not charged", "0 balance after: 68")] * 2
    refused = re.findall(r"^  (\+\S+ \S+ \S+)  not placed.* Buy: \S+#(\S+)$", told, re.MULTILINE)
    assert len(refused) == 2
    assert not {f"Call to {number}" for number, _ in refused} & {what for what, _ in rows}
    assert all(shown["credits"].has_id(pack) for _, pack in refused)
