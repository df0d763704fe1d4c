"""The console as a test uses it: somebody with the role billing, and a shop to look at."""

import html
import re

import pytest

from tests.api.calling import csrf_token_of
from tests.billing.buying import Buying
from tests.billing.test_reconcile import change
from tests.support.browsing import sign_in
from tests.support.people import make_operator
from webapp.billing.models import Purchase


@pytest.fixture
def buying(app, user):
    return Buying(app, user, [])


@pytest.fixture
def console(app):
    """The console as somebody of the role billing sees it; `post` sends the token too."""
    client = sign_in(app, make_operator("billing"))
    client.send = lambda path, **form: client.post(path, data=form, headers={"X-CSRFToken": csrf_token_of(app, client)})
    return client


def quarantined(buying, **facts) -> Purchase:
    purchase = buying.paid()
    change(purchase, **(facts or {"amount_minor": 3400}))
    buying.tell_all()
    found = buying.purchase(purchase)
    assert found.state == "quarantined"
    return found


def words(page) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text)))
