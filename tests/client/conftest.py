from collections.abc import Iterator

import pytest

from tests.client.played import Played
from webapp.client import Refill


@pytest.fixture
def played() -> Iterator[Played]:
    played = Played()
    yield played
    played.close()


@pytest.fixture
def refill(played: Played) -> Iterator[Refill]:
    """A client with a service key, about one user's account. It has 930 credits."""
    refill = Refill(played.url, "rk_test_secret", account="user-7", timeout_seconds=5)
    yield refill
    refill.close()
