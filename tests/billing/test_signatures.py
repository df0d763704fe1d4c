"""Who may tell us something: every trap of Stripe's webhook verification, with the SDK's own signing."""

import datetime as dt
import json

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from webapp.billing.errors import InvalidWebhook
from webapp.billing.gateway import verified_event

NOW = dt.datetime(2026, 11, 20, 14, 32, tzinfo=dt.UTC)
SECRET = "whsec_present"
EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "checkout.session.completed",
    "created": 1795000000,
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"id": "cs_1", "object": "checkout.session"}},
}


def signed(body: str, secret: str = SECRET, age_seconds: int = 0) -> str:
    when = int(NOW.timestamp()) - age_seconds
    return stripe.WebhookSignature.generate_signature_header(body, secret, when)


def verify(body: str | bytes, header: str | None, secrets: tuple[str, ...] = (SECRET,)):
    raw = body.encode() if isinstance(body, str) else body
    return verified_event(raw, header, secrets, now=NOW)


def refusal(body: str | bytes, header: str | None, secrets: tuple[str, ...] = (SECRET,)) -> str:
    with pytest.raises(InvalidWebhook) as caught:
        verify(body, header, secrets)
    return caught.value.reason


def event(**changes: object) -> str:
    return json.dumps({**EVENT, **changes})


def test_a_signed_event_is_believed():
    found = verify(event(), signed(event()))
    assert (found.id, found.type, found.object_id) == ("evt_1", "checkout.session.completed", "cs_1")
    assert found.created_at == dt.datetime.fromtimestamp(1795000000, dt.UTC)
    assert found.body == event()


def test_any_of_several_secrets_may_have_signed_while_one_is_rolled():
    for secret in ("whsec_old", "whsec_new"):
        assert verify(event(), signed(event(), secret), ("whsec_new", "whsec_old")).id == "evt_1"


def test_two_signatures_in_one_header_are_believed_if_either_is_right():
    good, bad = signed(event()), signed(event(), "whsec_other").split(",")[1]
    assert verify(event(), f"{good},{bad}").id == "evt_1"
    moment, right = good.split(",")
    assert verify(event(), f"{moment},{bad},{right}").id == "evt_1"


@pytest.mark.parametrize("header", [None, ""])
def test_no_signature_is_refused(header):
    assert refusal(event(), header) == "no_signature"


def test_another_secret_is_refused():
    assert refusal(event(), signed(event(), "whsec_wrong")) == "wrong_signature"


def test_a_changed_byte_is_refused():
    assert refusal(event().replace("evt_1", "evt_2"), signed(event())) == "wrong_signature"


@pytest.mark.parametrize("secrets", [(), ("",), ("  ", "")])
def test_without_a_secret_nothing_is_believed_even_when_signed_with_the_empty_one(secrets):
    assert refusal(event(), signed(event(), ""), secrets) == "wrong_signature"


def test_the_fake_scheme_of_test_mode_is_refused():
    assert refusal(event(), signed(event()).replace("v1=", "v0=")) == "wrong_signature"


def test_a_signature_may_be_five_minutes_old_and_no_older():
    assert verify(event(), signed(event(), age_seconds=300)).id == "evt_1"
    assert refusal(event(), signed(event(), age_seconds=301)) == "too_old"


def test_a_signature_may_be_five_minutes_early_and_no_earlier():
    assert verify(event(), signed(event(), age_seconds=-300)).id == "evt_1"
    assert refusal(event(), signed(event(), age_seconds=-301)) == "in_the_future"


@pytest.mark.parametrize(
    "header",
    [
        "v1=abc",
        "t=,v1=a",
        "t=now,v1=a",
        "t=-5,v1=a",
        "t=1_0,v1=a",
        "t=" + "9" * 5000,
        "t==1,v1=a",
        "t=1,t=2,v1=a",
        "t",
        ",",
    ],
)
def test_a_header_without_one_clear_time_is_refused(header):
    assert refusal(event(), header) in {"no_timestamp", "header_too_long"}


def test_a_header_that_is_not_ascii_is_refused_where_the_sdk_would_raise_type_error():
    header = signed(event()) + "é"
    with pytest.raises(TypeError):
        stripe.WebhookSignature.verify_header(event(), header, SECRET)
    assert refusal(event(), header) == "header_not_ascii"


def test_fifty_thousand_signatures_are_refused_before_any_is_compared():
    assert refusal(event(), signed(event()) + ",v1=a" * 50_000) == "header_too_long"


def test_a_header_of_four_kibibytes_is_read():
    good = signed(event())
    padded = good + "," + "x" * (4096 - len(good) - 1)
    assert verify(event(), padded).id == "evt_1"
    assert refusal(event(), padded + "x") == "header_too_long"


def test_a_body_that_is_not_utf8_is_refused():
    assert refusal(b"\xff\xfe{}", signed("{}")) == "not_utf8"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("\ufeff" + json.dumps(EVENT), "not_json"),
        ('{"id": NaN}', "not_json"),
        ('{"id": -Infinity}', "not_json"),
        ('{"id": "evt_1", "id": "evt_2"}', "not_json"),
        ('{"created": ' + "9" * 5000 + "}", "not_json"),
        ("[]", "not_an_object"),
        ("null", "not_an_object"),
        ("1", "not_an_object"),
        ('"evt_1"', "not_an_object"),
        ("[" * 100_000, "nested_too_deep"),
        ('{"data":' * 100_000, "nested_too_deep"),
        ("{}", "not_an_event"),
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_and_nothing_else_happens(body, reason):
    assert refusal(body, signed(body)) == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": ""},
        {"id": 7},
        {"id": "evt_\x00"},
        {"id": "evt_\ud800"},
        {"id": "e" * 256},
        {"type": None},
        {"type": "Checkout Session"},
        {"type": "t" * 101},
        {"object": "list"},
        {"livemode": None},
        {"livemode": 0},
        {"created": None},
        {"created": True},
        {"created": 1.5},
        {"created": -1},
        {"created": 10**18},
        {"data": None},
        {"data": []},
        {"data": {"object": None}},
        {"data": {"object": [1]}},
    ],
)
def test_an_event_with_a_field_of_the_wrong_shape_is_refused(changes):
    body = event(**changes)
    assert refusal(body, signed(body)) == "not_an_event"


def test_a_thin_event_is_refused_by_name():
    body = event(object="v2.core.event")
    assert refusal(body, signed(body)) == "thin_event"


@pytest.mark.parametrize("text", ["a\x00b", "a b", "ü", "x" * 256, 7, None, ["a"], {"id": "a"}])
def test_what_does_not_look_like_an_id_is_no_hint(text):
    body = event(data={"object": {"id": text, "client_reference_id": text, "metadata": {"purchase_id": text}}})
    found = verify(body, signed(body))
    assert found.object_id == ""
    assert found.hint("client_reference_id") == ""
    assert found.hint("metadata.purchase_id") == ""


@given(body=st.binary(max_size=200), header=st.text(max_size=60))
def test_no_bytes_and_no_header_raise_anything_but_a_refusal(body, header):
    with pytest.raises(InvalidWebhook):
        verify(body, header)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["id", "object", "type", "created", "livemode", "data", "account"]), inner, max_size=5
            )
        ),
        max_leaves=12,
    )
)
def test_no_signed_json_raises_anything_but_a_refusal(value):
    body = json.dumps(value)
    with pytest.raises(InvalidWebhook):
        verify(body, signed(body))
