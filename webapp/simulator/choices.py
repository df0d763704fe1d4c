"""What the forms of the simulated Stripe offer, each with its words: outcomes, webhooks, manners, faults, steps."""

from dataclasses import dataclass
from typing import Literal

from webapp.simulator import methods
from webapp.simulator.aftermath import After
from webapp.simulator.disputing import Step, is_inquiry
from webapp.simulator.faults import ANY, Fault, Kind
from webapp.simulator.paying import outcomes_of
from webapp.simulator.refunding import Course as RefundCourse
from webapp.simulator.refunding import End
from webapp.simulator.routes import ENDPOINTS
from webapp.simulator.signing import Manner, Secrets
from webapp.simulator.store import Json
from webapp.simulator.subscriptions import Course, When
from webapp.simulator.subscriptions.objects import ENDED
from webapp.simulator.versions import OLD_VERSION

CHOICES = (
    ("succeeds", "Payment succeeds", "Card 4242 4242 4242 4242"),
    ("declined", "Card is declined", "Card 4000 0000 0000 0002"),
    ("insufficient_funds", "Not enough money on the card", "Card 4000 0000 0000 9995"),
    ("requires_action", "The bank asks first", "Card 4000 0025 0000 3155, with a 3-D Secure page"),
    ("delayed_succeeds", "Bank payment, succeeds later", "Shows “processing”, then adds the credits"),
    ("delayed_fails", "Bank payment, fails later", "Shows “processing”, then “didn’t go through”"),
    ("disputed", "Payment succeeds and is disputed", "Card 4000 0000 0000 0259"),
)
WEBHOOKS = (
    ("normal", "At once", "As Stripe does, most of the time"),
    ("before", "Before the buyer is back", "The page waits for the app’s answer, ten seconds at most"),
    ("late", "Ten seconds late", "The buyer is back first"),
    ("never", "Never", "An outage: the app must find out by itself"),
)
WEBHOOK_CHOICES: tuple[Literal["normal", "before", "late", "never"], ...] = ("normal", "before", "late", "never")
RETURNS = (
    ("normal", "Goes back to the app", "To the success address"),
    ("none", "Closes the tab", "Only the webhook tells"),
)
AFTERWARDS: tuple[tuple[After, str, str], ...] = (
    ("nothing", "Nothing", "The payment stays as it is"),
    ("refund", "A refund of all of it", "Twenty seconds later, from Stripe’s dashboard"),
    ("dispute", "A dispute of all of it", "Twenty seconds later, the bank takes the money at once"),
    ("slow_refund", "Refunds are slow", "Card 4000 0000 0000 7726: each is pending for twenty seconds"),
    ("failing_refund", "Refunds fail", "Card 4000 0000 0000 5126: each fails twenty seconds after it succeeded"),
)
REFUND_COURSES: tuple[tuple[RefundCourse, str], ...] = (
    ("succeeds", "It succeeds"),
    ("pending", "It is pending, then succeeds"),
    ("fails", "It succeeds, then fails"),
    ("asks", "It waits for the buyer"),
)
DISPUTE_KINDS = (
    ("withdrawn", "Dispute, money withdrawn"),
    ("open", "Dispute, money not moved yet"),
    ("inquiry", "Inquiry, no money moves"),
)

# What may be done to a refund or a dispute, as its button says it.
REFUND_ENDS: dict[str, tuple[tuple[End, str], ...]] = {
    "pending": (("succeeds", "Let it succeed"), ("fails", "Let it fail")),
    "requires_action": (("succeeds", "Let it succeed"), ("fails", "Let it fail"), ("canceled", "Cancel")),
    "succeeded": (("fails", "Let it fail"),),
}
STEP_WORDS: dict[Step, str] = {
    "withdraw": "Withdraw the money",
    "answer": "Answer",
    "win": "Win",
    "lose": "Lose",
    "close": "Close",
}
# Stripe's states of refunds and disputes: what the chip looks like and says.
STATUS_CHIPS = {
    "pending": ("info", "clock", "Pending"),
    "requires_action": ("warn", "clock", "Waits for the buyer"),
    "succeeded": ("ok", "check", "Succeeded"),
    "failed": ("bad", "warn", "Failed"),
    "canceled": ("plain", "x", "Canceled"),
    "warning_needs_response": ("warn", "info", "Inquiry, needs an answer"),
    "warning_under_review": ("warn", "clock", "Inquiry, under review"),
    "warning_closed": ("ok", "check", "Inquiry closed"),
    "needs_response": ("bad", "warn", "Needs an answer"),
    "under_review": ("info", "clock", "Under review"),
    "won": ("ok", "check", "Won"),
    "lost": ("bad", "x", "Lost"),
}


# What may be done to a subscription and to its invoices, as the buttons say it.
RENEWAL_COURSES: tuple[tuple[Course, str], ...] = (
    ("paid", "The card pays"),
    ("failed", "The card is declined"),
    ("asks", "The bank asks first"),
)
INVOICE_COURSES = (
    ("paid", "Payment succeeds", "Card 4242 4242 4242 4242"),
    ("failed", "Card is declined", "Card 4000 0000 0000 0002"),
    ("asks", "The bank asks first", "Card 4000 0027 6000 3184"),
)
WHEN_CHOICES: tuple[tuple[When, str], ...] = (
    ("now", "Now, with prorations"),
    ("period_end", "When the period ends"),
)
CARD_CHOICES = (
    (methods.SUCCEEDS, "4242 4242 4242 4242, which pays"),
    (methods.FAILS_LATER, "4000 0000 0000 0341, which is declined later"),
    (methods.ASKS_EACH_TIME, "4000 0027 6000 3184, whose bank asks each time"),
)
SUBSCRIPTION_CHIPS = {
    "trialing": ("info", "clock", "Trial"),
    "active": ("ok", "check", "Active"),
    "past_due": ("bad", "warn", "Past due"),
    "unpaid": ("bad", "warn", "Unpaid"),
    "paused": ("warn", "clock", "Paused"),
    "canceled": ("plain", "x", "Canceled"),
    "draft": ("plain", "clock", "Draft"),
    "open": ("warn", "clock", "Open"),
    "paid": ("ok", "check", "Paid"),
    "void": ("plain", "x", "Void"),
    "uncollectible": ("bad", "x", "Uncollectible"),
}


@dataclass(frozen=True)
class Trouble:
    """One fault as the control room offers it."""

    name: str
    kind: Kind
    amount: int
    words: str


TROUBLES = (
    Trouble("500", "answer", 500, "500 before Stripe does anything"),
    Trouble("503", "answer", 503, "503, Stripe is down"),
    Trouble("429", "answer", 429, "429, too many requests"),
    Trouble("broken", "broken", 0, "500 that Stripe keeps under the call’s key"),
    Trouble("lost_request", "lost_request", 0, "Time-out, and nothing was done"),
    Trouble("lost_answer", "lost_answer", 0, "Time-out, but Stripe has done it"),
    Trouble("refused", "refused", 0, "Connection refused"),
    Trouble("reset", "reset", 0, "Connection reset"),
    Trouble("slow", "slow", 5, "Answers after five seconds"),
)
FIRST_CALLS = ("POST /v1/checkout/sessions", "GET /v1/checkout/sessions/{id}")
EVERY_CALL = f"{ANY} {ANY}"
CALLS = tuple(dict.fromkeys((*FIRST_CALLS, EVERY_CALL, *(f"{one.method} {one.path}" for one in ENDPOINTS))))
MOST_TIMES = 20


def choices_of(session: Json) -> tuple[tuple[str, str, str], ...]:
    """The outcomes that the page of a session offers."""
    outcomes = outcomes_of(session)
    return tuple(choice for choice in CHOICES if choice[0] in outcomes)


def acts_of(subscription: Json) -> tuple[tuple[str, str], ...]:
    """What may be done to a subscription as it is now, each with its button."""
    if subscription["status"] in ENDED:
        return ()
    is_ending, is_kept_from = subscription["cancel_at"], subscription["pause_collection"]
    is_owing = subscription["status"] in {"past_due", "unpaid"}
    return (
        ("resume", "Don’t cancel") if is_ending else ("cancel_later", "Cancel when the period ends"),
        ("cancel", "Cancel now"),
        ("resume_collection", "Collect again") if is_kept_from else ("pause", "Pause collection"),
        *((("canceled", "Give up: cancel"),) if is_owing else ()),
        *((("unpaid", "Give up: leave unpaid"),) if subscription["status"] == "past_due" else ()),
    )


def invoice_acts_of(invoice: Json) -> tuple[tuple[str, str], ...]:
    """What may be done to an invoice as it is now, each with its button."""
    if invoice["status"] not in {"open", "uncollectible"}:
        return ()
    return (("paid", "Retry, it pays"), ("failed", "Retry, it fails"), ("void", "Void"))


def call_words(call: str) -> str:
    """A call as the form and the list name it."""
    return "Every call" if call == EVERY_CALL else call


def fault_words(fault: Fault) -> str:
    """What a fault does; one that only a test can arm is named by its kind and amount."""
    for trouble in TROUBLES:
        if (trouble.kind, trouble.amount) == (fault.kind, fault.amount):
            return trouble.words
    return f"{fault.kind} {fault.amount:g}"


def manner_choices(secrets: Secrets | None) -> tuple[tuple[Manner, str], ...]:
    """In which manners a webhook can be sent, and what the app should make of each."""
    old = "still known" if secrets and secrets.knows_old else "forgotten, so refused"
    return (
        ("plain", "As it should be"),
        ("corrupt", "With a corrupt signature"),
        ("old_secret", f"Signed with the old secret ({old})"),
        ("two_secrets", "Signed with the old and the new secret"),
        ("old_version", f"As API version {OLD_VERSION}"),
    )


def step_words(dispute: Json, step: Step) -> str:
    """A step of a dispute as its button says it."""
    return "Make it a dispute" if step == "withdraw" and is_inquiry(dispute) else STEP_WORDS[step]
