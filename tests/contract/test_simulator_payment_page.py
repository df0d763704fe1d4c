"""The page of a payment in the control room: refund it, dispute it, and let what was begun end."""

import re
from pathlib import Path
from typing import Any

import pytest
import stripe
from flask import Flask
from flask.testing import FlaskClient
from flask_wtf import CSRFProtect
from werkzeug.test import TestResponse

import webapp
from tests.contract.clock import Clock
from tests.contract.payments import charge_of, pay
from webapp.simulator import SimulatedHTTPClient, register
from webapp.simulator.choices import DISPUTE_KINDS, REFUND_ENDS, STATUS_CHIPS, STEP_WORDS
from webapp.simulator.disputing import NEXT, STEPS
from webapp.simulator.refunding import COURSES, OPEN


@pytest.fixture
def browser(simulated: SimulatedHTTPClient) -> FlaskClient:
    app = Flask("bare", root_path=str(Path(webapp.__file__).parent))
    app.config.update(TESTING=True, SECRET_KEY="secret", WTF_CSRF_TIME_LIMIT=None)
    CSRFProtect(app)
    register(app, simulated)
    return app.test_client()


class Room:
    """One payment's page, and its buttons."""

    def __init__(self, browser: FlaskClient, payment: str) -> None:
        self.browser = browser
        self.path = f"/_stripe/payments/{payment}"

    @property
    def text(self) -> str:
        return self.browser.get(self.path).text

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]+)"', self.text)
        assert found is not None
        return found[1]

    def post(self, action: str, **fields: object) -> TestResponse:
        form = {"csrf_token": self.hidden("csrf_token"), "seen": self.hidden("seen"), **fields}
        return self.browser.post(f"/_stripe/{action}", data=form)

    def press(self, action: str, **fields: object) -> str:
        """Press a button; what the page says afterwards."""
        answer = self.post(action, **fields)
        assert answer.status_code == 303, answer.text
        return said(self.browser.get(answer.headers["Location"]).text)

    def refund(self, **fields: object) -> str:
        return self.press(f"{self.path.removeprefix('/_stripe/')}/refund", **fields)

    def dispute(self, **fields: object) -> str:
        return self.press(f"{self.path.removeprefix('/_stripe/')}/dispute", **fields)


def said(page: str) -> str:
    found = re.search(r'role="status">(.*?)</div>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).strip()


@pytest.fixture
def room(browser: FlaskClient, payment: str) -> Room:
    return Room(browser, payment)


def test_the_control_room_leads_to_what_was_paid_and_says_what_came_back(
    browser: FlaskClient, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, price_id: str, payment: str
) -> None:
    declined = pay(sdk, simulated, price_id, "declined")
    page = browser.get("/_stripe/").text
    assert f'href="/_stripe/payments/{payment}"' in page
    assert declined not in re.findall(r'href="/_stripe/payments/([^"]+)"', page)

    simulated.refund(payment, 1000)
    simulated.dispute(payment)

    words = re.sub(r"<[^>]+>|\s+", " ", browser.get("/_stripe/").text)
    assert "$10.00 refunded" in words
    assert "disputed" in words
    for other in (declined, "pi_none"):
        assert browser.get(f"/_stripe/payments/{other}").status_code == 404


def test_a_part_and_then_the_rest_is_refunded(room: Room, sdk: stripe.StripeClient, payment: str) -> None:
    assert "$0.00 refunded, $35.00 left" in room.text

    assert room.refund(amount="10.50") == "Refunded."
    assert "$10.50 refunded, $24.50 left" in room.text
    assert room.refund(amount="") == "Refunded."

    assert (charge_of(sdk, payment).amount_refunded, charge_of(sdk, payment).refunded) == (3500, True)
    assert [refund.amount for refund in sdk.v1.refunds.list().data] == [2450, 1050]
    assert f"{room.path}/refund" not in room.text, "nothing is left to be refunded"


@pytest.mark.parametrize("amount", ["abc", "1.005", "0", "-1", "35.01", "NaN", "Infinity", "1e30", "9" * 40, "1,00"])
def test_what_is_no_amount_is_said_on_the_page(room: Room, sdk: stripe.StripeClient, amount: str) -> None:
    for act in ("refund", "dispute"):
        answer = room.post(f"{room.path.removeprefix('/_stripe/')}/{act}", amount=amount)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert "Nothing was done." in answer.text
    assert sdk.v1.refunds.list().data == sdk.v1.disputes.list().data == []


def test_a_form_that_is_sent_twice_does_its_work_once(room: Room, sdk: stripe.StripeClient) -> None:
    path = room.path.removeprefix("/_stripe/")
    for act, listed in (("refund", sdk.v1.refunds.list), ("dispute", sdk.v1.disputes.list)):
        seen = room.hidden("seen")
        assert room.press(f"{path}/{act}", amount="1", seen=seen).endswith("ed.")
        assert room.press(f"{path}/{act}", amount="1", seen=seen).startswith("Nothing was done")
        assert len(listed().data) == 1
        assert [one.amount for one in listed().data] == [100]


@pytest.mark.parametrize("course", COURSES)
def test_a_refund_ends_by_every_button_that_its_state_offers(room: Room, sdk: stripe.StripeClient, course: Any) -> None:
    status = {"succeeds": "succeeded", "pending": "pending", "fails": "succeeded", "asks": "requires_action"}[course]
    ends = {"succeeds": "succeeded", "fails": "failed", "canceled": "canceled"}
    for end, words in REFUND_ENDS[status]:
        room.refund(amount="1", course=course)
        refund = sdk.v1.refunds.list().data[0]
        assert refund.status == status
        assert STATUS_CHIPS[status][2] in room.text
        assert f"{words}<span" in room.text

        assert room.press(f"refunds/{refund.id}/end", end=end) == "Done."
        assert sdk.v1.refunds.retrieve(refund.id).status == ends[end]
        assert room.press(f"refunds/{refund.id}/end", end=end).startswith("Nothing was done")
    assert {end for end, found in OPEN.items() if status in found} == {end for end, _ in REFUND_ENDS[status]}


@pytest.mark.parametrize("kind", [kind for kind, _ in DISPUTE_KINDS])
def test_a_dispute_is_opened_in_each_way(room: Room, sdk: stripe.StripeClient, kind: str) -> None:
    assert room.dispute(kind=kind, amount="5") == "Disputed."

    (dispute,) = sdk.v1.disputes.list().data
    assert dispute.amount == 500
    assert len(dispute.balance_transactions) == (kind == "withdrawn")
    assert dispute.status == ("warning_needs_response" if kind == "inquiry" else "needs_response")
    assert (">money withdrawn<" in room.text) == (kind == "withdrawn")


def test_the_page_says_that_an_outage_keeps_it_from_the_app(
    room: Room, simulated: SimulatedHTTPClient, clock: Clock
) -> None:
    assert "There is an outage" not in room.text

    simulated.deliveries.begin_outage(now=clock.now)

    assert "There is an outage" in room.text
    assert room.refund(amount="1") == "Refunded."


def test_a_dispute_goes_on_by_every_button_that_its_state_offers(
    room: Room, sdk: stripe.StripeClient, simulated: SimulatedHTTPClient, payment: str
) -> None:
    """Every path through a dispute's life, by its buttons; each of them ends, and ends once."""
    paths = 0
    waiting: list[tuple[bool, tuple[str, ...]]] = [(False, ()), (True, ())]
    while waiting:
        is_inquiry, steps = waiting.pop()
        dispute = simulated.dispute(payment, 1, is_inquiry=is_inquiry)
        for step in steps:
            room.press(f"disputes/{dispute['id']}/step", step=step)
        row = room.text.split(f"/_stripe/disputes/{dispute['id']}/step")
        status = sdk.v1.disputes.retrieve(dispute["id"]).status
        if len(row) == 1:
            assert status in {"won", "lost", "warning_closed"}
            paths += 1
            continue
        assert len(steps) < len(STEPS), f"it has no end: {steps}"
        offered = re.findall(r'name="step"\s+value="(\w+)"', row[1].split("</form>")[0])
        assert offered
        assert set(offered) <= set(NEXT[status])
        waiting += [(is_inquiry, (*steps, step)) for step in offered]
    assert paths == 20, "ten of a dispute and ten of an inquiry"
    assert STEP_WORDS.keys() == set(STEPS)


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("refund", {"course": "gift"}),
        ("dispute", {"kind": "gift"}),
        ("refunds/{refund}/end", {"end": "gift"}),
        ("disputes/{dispute}/step", {"step": "gift"}),
    ],
)
def test_a_choice_that_does_not_exist_is_refused(
    room: Room, simulated: SimulatedHTTPClient, payment: str, action: str, fields: dict[str, str]
) -> None:
    made = {"refund": simulated.refund(payment, 1)["id"], "dispute": simulated.dispute(payment, 1)["id"]}
    path = action.format(**made) if "{" in action else f"payments/{payment}/{action}"

    assert room.post(path, **fields).status_code == 400

    for unknown in ("payments/pi_none/refund", "payments/pi_none/dispute", "refunds/re_none/end"):
        assert room.post(unknown).status_code == 404
    assert room.post("disputes/du_none/step").status_code == 404
