import pytest
from flask import Flask

from tests.billing.buying import Buying
from webapp.people.models import User


@pytest.fixture
def buying(app: Flask, user: User) -> Buying:
    return Buying(app, user)
