"""The bugs that `make check-mutants` plants: their list follows the code, or the long proof ends in an error."""

from pathlib import Path

import pytest

from tests.ledger.mutants.planted import PLANTED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_what_is_to_be_broken_stands_in_the_code_once(planted):
    assert (ROOT / planted.file).read_text().count(planted.right) == 1
