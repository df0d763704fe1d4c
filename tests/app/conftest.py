from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.support.browsing import Browser
from webapp import create_app
from webapp.extensions import db
from webapp.settings import Settings, read_settings


@pytest.fixture
def make_app(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Makes applications of their own, with some settings changed; their connections are closed at the end."""
    made: list[Flask] = []

    def make(**changes: Any) -> Flask:
        app = create_app(read_settings(_env_file=None, **settings.model_dump() | changes))
        app.test_client_class = Browser
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
