"""What the webhook refuses before anything is stored: signatures, bodies, sizes, methods. It looks up nobody."""

import io
import json
import time
from typing import Any

import pytest
import stripe
from sqlalchemy.event import listen
from werkzeug.test import TestResponse

from tests.billing.buying import WEBHOOK
from tests.billing.telling import completed, event_about, post
from tests.support.browsing import sign_in
from webapp.extensions import Parts, db


def refused(answer: TestResponse, status: int = 400, code: str = "invalid_webhook") -> None:
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_a_wrong_or_missing_signature_is_answered_400_and_leaves_nothing(buying):
    buying.paid()
    event = completed(buying)
    refused(post(buying.app, event, secret="whsec_wrong"))
    refused(buying.app.test_client().post(WEBHOOK, data=json.dumps(event)))
    refused(buying.app.test_client().post(WEBHOOK, data=json.dumps(event), headers={"Stripe-Signature": "t=1,v1=é"}))
    assert (buying.events(), buying.bought()) == ([], [])


@pytest.mark.parametrize("body", ["[]", "null", "1", "", "{", '{"id": NaN}', "[" * 200_000, '{"a":' * 100_000])
def test_a_signed_body_that_is_no_event_is_answered_400_and_leaves_nothing(buying, body):
    refused(post(buying.app, body))
    assert buying.events() == []


def test_the_old_secret_is_good_while_it_is_listed(buying):
    buying.paid()
    assert post(buying.app, completed(buying), secret="whsec_test_old").json["reason"] == "paid"


class Unread(io.BytesIO):
    """A body that must not be read."""

    def read(self, *_: Any) -> bytes:
        raise AssertionError("the body was read before its size was known to be allowed")

    readinto = readline = readlines = read  # type: ignore[assignment]


def test_a_body_over_one_mebibyte_is_refused_before_it_is_read(buying):
    sizes = {"CONTENT_LENGTH": str((1 << 20) + 1), "wsgi.input": Unread()}
    answer = buying.app.test_client().post(WEBHOOK, environ_overrides=sizes, headers={"Stripe-Signature": "t=1,v1=a"})
    assert answer.status_code == 413


def test_a_chunked_body_is_read_to_one_mebibyte_and_no_further(buying):
    endless = io.BytesIO(b"x" * (3 << 20))
    chunked = {"wsgi.input": endless, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    environ = chunked | {"CONTENT_LENGTH": ""}
    answer = buying.app.test_client().post(WEBHOOK, environ_overrides=environ, headers={"Stripe-Signature": "t=1,v1=a"})
    assert answer.status_code == 413
    assert endless.tell() < 2 << 20


def test_a_body_of_exactly_one_mebibyte_is_read(buying):
    event = json.dumps(event_about({"id": "x", "note": ""}, "customer.created"))
    padded = event.replace('"note": ""', f'"note": "{"x" * ((1 << 20) - len(event))}"')
    assert len(padded) == 1 << 20
    assert post(buying.app, padded).json["reason"] == "unknown_type"


def test_only_post_is_answered_and_nothing_is_redirected(buying):
    client = buying.app.test_client()
    assert client.get(WEBHOOK).status_code == 405
    assert client.post(WEBHOOK + "/").status_code == 404


def test_no_cookie_is_set_and_nobody_is_looked_up_even_for_a_signed_in_browser(buying):
    buying.paid()
    event = completed(buying)
    browser = sign_in(buying.app, buying.user)
    statements: list[str] = []
    listen(db.engine, "before_cursor_execute", lambda *facts: statements.append(facts[2]))
    body = json.dumps(event)
    signature = stripe.WebhookSignature.generate_signature_header(body, "whsec_test_present", int(time.time()))
    answer = browser.post(WEBHOOK, data=body, headers={"Stripe-Signature": signature})
    assert answer.json["reason"] == "paid"
    assert "Set-Cookie" not in answer.headers
    assert statements
    assert [text for text in statements if "FROM users" in text or "browsers" in text] == []


def test_without_payments_it_is_answered_503(buying):
    parts = buying.app.extensions["refill"]
    buying.app.extensions["refill"] = Parts(parts.settings, parts.catalog, None)
    refused(post(buying.app, event_about({}, "customer.created")), 503, "payments_off")


def test_stripe_may_send_as_many_events_as_it_likes(buying):
    event = event_about({}, "customer.created")
    answers = {post(buying.app, event | {"id": f"evt_{number}"}).status_code for number in range(40)}
    assert answers == {200}
