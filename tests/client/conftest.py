import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

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


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the application is served by threads of this process."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join(10)
    server.server_close()
