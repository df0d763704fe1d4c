"""What happens by itself: delayed payments settle or fail, refunds arrive or come back, open sessions expire."""

from dataclasses import asdict
from typing import Literal, get_args

from webapp.simulator.aftermath import do_planned, plan_after
from webapp.simulator.calls import Call
from webapp.simulator.charges import outcome
from webapp.simulator.events import Happening, Sending, emit
from webapp.simulator.intents import intent_of
from webapp.simulator.refunding import DELAY_SECONDS, end_due_refunds
from webapp.simulator.store import Json, State, Store

FAILURE_CODE = "payment_intent_payment_attempt_failed"

Settlement = Literal["succeeds", "fails"]
SETTLEMENTS: tuple[Settlement, ...] = get_args(Settlement)


def plan_settlement(state: State, intent: Json, end: Settlement, sending: Sending, *, now: int) -> None:
    """Remember how a processing payment will end; the delivery thread settles it after twenty seconds."""
    state.hide(intent["id"], end=end, sending=asdict(sending))
    state.wake(intent["id"], now + DELAY_SECONDS)


def settle(state: State, intent_id: str, end: Settlement | None = None, *, base_url: str, now: int) -> Json:
    """End a processing payment as planned, or as `end` says; the intent. Nothing happens to any other payment."""
    intent = state.load("payment_intent", intent_id)
    if intent["status"] != "processing":
        return intent
    hidden = state.hidden(intent_id)
    sending = Sending(**hidden["sending"])
    if (end or hidden["end"]) == "succeeds":
        return _succeed(state, intent, sending, base_url=base_url, now=now)
    return _fail(state, intent, sending, now=now)


def settle_due(store: Store, *, base_url: str, now: int) -> int:
    """Let happen what is due to payments and refunds; how many. Takes the write lock only when there are any."""
    with store.reading() as state:
        if not (state.due("payment_intent", now=now) or state.due("refund", now=now)):
            return 0
    with store.writing() as state:
        due = state.due("payment_intent", now=now)  # again: another process may have been quicker
        for intent in due:
            if intent["status"] == "processing":
                settle(state, intent["id"], base_url=base_url, now=now)
            else:
                do_planned(state, intent, now=now)
        return len(due) + end_due_refunds(Happening(state, now))


def expire_session(state: State, session: Json, *, now: int, call: Call | None = None) -> Json:
    """End an open session, and with it the payment intent of attempts that failed."""
    session = state.save({**session, "status": "expired", "url": None})
    state.wake(session["id"], None)
    if intent := intent_of(state, session):
        canceled = {"status": "canceled", "canceled_at": now, "cancellation_reason": "automatic", "next_action": None}
        intent = state.save({**intent, **canceled})
        emit(state, "payment_intent.canceled", intent, now=now, call=call)
    emit(state, "checkout.session.expired", session, now=now, call=call)
    return session


def expire_due(store: Store, *, now: int) -> int:
    """Expire the open sessions whose time has come; how many. Takes the write lock only when there are any."""
    with store.reading() as state:
        if not state.due("checkout.session", now=now):
            return 0
    with store.writing() as state:
        due = state.due("checkout.session", now=now)
        for session in due:
            expire_session(state, session, now=session["expires_at"])
        return len(due)


def _succeed(state: State, intent: Json, sending: Sending, *, base_url: str, now: int) -> Json:
    charge = state.load("charge", intent["latest_charge"])
    receipt_url = f"{base_url}/_stripe/receipts/{charge['id']}"
    captured = {"amount_captured": charge["amount"], "captured": True, "receipt_url": receipt_url}
    charge = state.save({**charge, **captured, "status": "succeeded"})
    emit(state, "charge.succeeded", charge, now=now, sending=sending)
    received = {"status": "succeeded", "amount_received": intent["amount"], "next_action": None}
    intent = _ended(state, {**intent, **received})
    emit(state, "payment_intent.succeeded", intent, now=now, sending=sending)
    session = state.save({**_session_of(state, intent), "payment_status": "paid"})
    emit(state, "checkout.session.async_payment_succeeded", session, now=now, sending=sending)
    plan_after(state, intent["id"], now=now)
    return intent


def _fail(state: State, intent: Json, sending: Sending, *, now: int) -> Json:
    message = "The payment failed."
    failure = {"failure_code": FAILURE_CODE, "failure_message": message}
    charge = state.load("charge", intent["latest_charge"])
    charge = state.save({**charge, **failure, "status": "failed", "paid": False, "outcome": outcome("issuer_declined")})
    emit(state, "charge.failed", charge, now=now, sending=sending)
    error = {"type": "invalid_request_error", "code": FAILURE_CODE, "message": message, "charge": charge["id"]}
    failed = {"status": "requires_payment_method", "last_payment_error": error, "payment_method": None}
    intent = _ended(state, {**intent, **failed})
    emit(state, "payment_intent.payment_failed", intent, now=now, sending=sending)
    emit(state, "checkout.session.async_payment_failed", _session_of(state, intent), now=now, sending=sending)
    return intent


def _ended(state: State, intent: Json) -> Json:
    state.wake(intent["id"], None)
    return state.save(intent)


def _session_of(state: State, intent: Json) -> Json:
    return state.load("checkout.session", state.hidden(intent["id"])["session"])
