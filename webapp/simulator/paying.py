"""What the buyer does on the hosted page: pays, is declined, is asked by the bank, pays by bank debit.

Events come in Stripe's typical order, which it never promises:
payment_intent.created → charge.succeeded → payment_intent.succeeded → checkout.session.completed.
"""

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from webapp.simulator import methods
from webapp.simulator.aftermath import After, dispute_payment, plan_after
from webapp.simulator.charges import new_charge, outcome
from webapp.simulator.customers import new_customer
from webapp.simulator.discounts import redeem
from webapp.simulator.errors import StripeRefusal
from webapp.simulator.events import NORMALLY, Happening, Sending, emit
from webapp.simulator.intents import intent_of, new_intent
from webapp.simulator.sessions import buyer, delayed_method
from webapp.simulator.settling import plan_settlement
from webapp.simulator.store import Json, State
from webapp.simulator.subscriptions.collecting import charged
from webapp.simulator.subscriptions.starting import start

Outcome = Literal[
    "succeeds", "declined", "insufficient_funds", "requires_action", "delayed_succeeds", "delayed_fails", "disputed"
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
BY_CARD: tuple[Outcome, ...] = ("succeeds", "declined", "insufficient_funds", "requires_action", "disputed")
WITHOUT_MONEY: tuple[Outcome, ...] = ("succeeds",)

GUEST_EMAIL = "buyer@example.com"  # what a buyer would type when the session names nobody
DECLINES = {
    "declined": (methods.DECLINED, "generic_decline", "Your card was declined."),
    "insufficient_funds": (methods.INSUFFICIENT_FUNDS, "insufficient_funds", "Your card has insufficient funds."),
}
CARDS: dict[After, str] = {"slow_refund": methods.REFUND_PENDING, "failing_refund": methods.REFUND_FAILS}
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


@dataclass(frozen=True)
class Paying:
    """One buyer at work: the transaction, the time, how events are sent, where our pages are, what comes after."""

    state: State
    now: int
    base_url: str
    sending: Sending = NORMALLY
    after: After = "nothing"

    def emit(self, kind: str, item: Json) -> None:
        """Write an event as this payment wants it sent."""
        emit(self.state, kind, item, now=self.now, sending=self.sending)


def pay(paying: Paying, session_id: str, chosen: Outcome) -> Json:
    """Press Pay with a chosen outcome; the session afterwards. A session that is not open stays as it is.

    After a decline the session is open still and its intent has `last_payment_error`; when the bank wants to
    ask the buyer, the intent has status `requires_action`.
    """
    session = paying.state.load("checkout.session", session_id)
    if session["status"] != "open":
        return session  # a second click must not charge again
    if chosen not in outcomes_of(session):
        raise StripeRefusal(f"A session in {session['mode']} mode can't end like this: {chosen}.")
    session = _with_customer(paying, _with_email(session))
    if session["amount_total"] == 0:
        return _pay_nothing(paying, session)
    session, intent = _with_intent(paying, session)
    if chosen in DECLINES:
        _decline(paying, session, intent, chosen)
        return session
    if chosen == "requires_action":
        _ask_bank(paying, session, intent)
        return session
    if chosen in {"succeeds", "disputed"}:
        return _pay_by_card(paying, session, intent, is_disputed=chosen == "disputed")
    return _debit_bank(paying, session, intent, "succeeds" if chosen == "delayed_succeeds" else "fails")


def outcomes_of(session: Json) -> tuple[Outcome, ...]:
    """How a session may be paid: nobody subscribes by bank debit here, and nothing declines when nothing is due."""
    if session["amount_total"] == 0:
        return WITHOUT_MONEY
    return OUTCOMES if session["mode"] == "payment" else BY_CARD


def authenticate(paying: Paying, session_id: str, *, is_successful: bool) -> Json:
    """Answer the bank's question of a payment that requires action; the session afterwards."""
    session = paying.state.load("checkout.session", session_id)
    intent = intent_of(paying.state, session)
    if session["status"] != "open" or intent is None or intent["status"] != "requires_action":
        return session
    method = paying.state.load("payment_method", intent["payment_method"])
    paying = Paying(paying.state, paying.now, paying.base_url, sending_of(paying.state, intent))
    if is_successful:
        return _charge(paying, session, {**intent, "next_action": None}, method)
    error = {
        "type": "invalid_request_error",
        "code": "payment_intent_authentication_failure",
        "message": AUTHENTICATION_FAILED,
        "payment_method": method,
    }
    _fail(paying, {**intent, "next_action": None}, error)
    return session


def sending_of(state: State, intent: Json) -> Sending:
    """How the buyer asked for this payment's events to be sent."""
    return Sending(**state.hidden(intent["id"])["sending"])


def _with_email(session: Json) -> Json:
    details = session["customer_details"] or {}
    if details.get("email"):
        return session
    return {**session, "customer_details": {**buyer(GUEST_EMAIL, None), **details, "email": GUEST_EMAIL}}


def _with_customer(paying: Paying, session: Json) -> Json:
    if session["customer_creation"] != "always" or session["customer"]:
        return session
    details = session["customer_details"]
    customer = paying.state.add(new_customer(paying.now, email=details["email"], name=details["name"]))
    paying.emit("customer.created", customer)
    return {**session, "customer": customer["id"]}


def _with_intent(paying: Paying, session: Json) -> tuple[Json, Json]:
    state = paying.state
    if intent := intent_of(state, session):
        state.hide(intent["id"], sending=asdict(paying.sending), after=paying.after)
        return session, intent
    intent_data = state.hidden(session["id"])["payment_intent_data"]
    kinds = session["payment_method_types"]
    intent = new_intent(
        session["amount_total"], session["currency"], session["customer"], kinds, intent_data, now=paying.now
    )
    state.add(intent, hidden={"session": session["id"], "sending": asdict(paying.sending), "after": paying.after})
    paying.emit("payment_intent.created", intent)
    state.hide(session["id"], payment_intent=intent["id"])
    shown = intent["id"] if session["mode"] == "payment" else None
    return state.save({**session, "payment_intent": shown}), intent


def _new_card(paying: Paying, session: Json, last4: str) -> Json:
    return paying.state.add(methods.new_card(last4, session["customer_details"], now=paying.now))


def _pay_by_card(paying: Paying, session: Json, intent: Json, *, is_disputed: bool) -> Json:
    last4 = methods.DISPUTED if is_disputed else CARDS.get(paying.after, methods.SUCCEEDS)
    session = _charge(paying, session, intent, _new_card(paying, session, last4))
    if is_disputed:
        paying.state.wake(intent["id"], None)  # nothing else is planned for it any more
        dispute_payment(Happening(paying.state, paying.now, paying.sending), intent["id"], is_withdrawn=True)
    return session


def _charge(paying: Paying, session: Json, intent: Json, method: Json) -> Json:
    happening = Happening(paying.state, paying.now, paying.sending)
    paid = charged(happening, intent, method, paying.base_url)
    if session["mode"] == "subscription":
        session = start(happening, session, method, paid, base_url=paying.base_url)
    else:
        paying.emit("charge.succeeded", paid.charge)
        paying.emit("payment_intent.succeeded", paid.intent)
    plan_after(paying.state, intent["id"], now=paying.now)
    return _complete(paying, session, "paid")


def _pay_nothing(paying: Paying, session: Json) -> Json:
    """Nothing is due: a discount of everything, or a trial, for which a card may be kept."""
    if session["mode"] == "subscription":
        happening = Happening(paying.state, paying.now, paying.sending)
        is_asked = session["payment_method_collection"] == "always"
        method = _new_card(paying, session, methods.SUCCEEDS) if is_asked else None
        session = start(happening, session, method, None, base_url=paying.base_url)
    return _complete(paying, session, "no_payment_required")


def _decline(paying: Paying, session: Json, intent: Json, chosen: str) -> None:
    last4, decline_code, message = DECLINES[chosen]
    method = _new_card(paying, session, last4)
    charge = new_charge(intent, method, base_url=paying.base_url, now=paying.now, status="failed")
    charge |= {"failure_code": "card_declined", "failure_message": message}
    charge["outcome"] = outcome("issuer_declined", decline_code)
    paying.emit("charge.failed", paying.state.add(charge))
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": decline_code,
        "message": message,
        "charge": charge["id"],
        "payment_method": method,
    }
    _fail(paying, {**intent, "latest_charge": charge["id"], "next_action": None}, error)


def _fail(paying: Paying, intent: Json, error: Json) -> None:
    failed = {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
    paying.emit("payment_intent.payment_failed", paying.state.save({**intent, **failed}))


def _ask_bank(paying: Paying, session: Json, intent: Json) -> None:
    method = _new_card(paying, session, methods.NEEDS_3DS)
    url = f"{paying.base_url}/_stripe/c/pay/{session['id']}/3ds"
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": session["url"]}}
    asked = {"status": "requires_action", "payment_method": method["id"], "next_action": action}
    paying.emit("payment_intent.requires_action", paying.state.save({**intent, **asked, "last_payment_error": None}))


def _debit_bank(paying: Paying, session: Json, intent: Json, end: Literal["succeeds", "fails"]) -> Json:
    state = paying.state
    method = methods.new_bank(delayed_method(session["currency"]), session["customer_details"], now=paying.now)
    state.add(method)
    charge = state.add(new_charge(intent, method, base_url=paying.base_url, now=paying.now, status="pending"))
    started = {
        "status": "processing",
        "payment_method": method["id"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "next_action": None,
    }
    intent = state.save({**intent, **started})
    plan_settlement(state, intent, end, paying.sending, now=paying.now)
    paying.emit("payment_intent.processing", intent)
    paying.emit("charge.pending", charge)
    return _complete(paying, session, "unpaid")


def _complete(paying: Paying, session: Json, payment_status: str) -> Json:
    state = paying.state
    tax = session["automatic_tax"]
    completed = {
        "status": "complete",
        "payment_status": payment_status,
        "url": None,
        "automatic_tax": {**tax, "status": "complete"} if tax["enabled"] else tax,
        "customer_details": {**session["customer_details"], "tax_ids": []},
    }
    session = state.save({**session, **completed})
    state.wake(session["id"], None)
    state.hide(session["id"], sending=asdict(paying.sending))
    redeem(state, session)
    paying.emit("checkout.session.completed", session)
    return session
