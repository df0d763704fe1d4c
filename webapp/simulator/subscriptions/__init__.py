"""Subscriptions of the simulated Stripe: how they begin, renew, change and end, and the invoices this makes.

Each function takes the `Happening` first. The API, the control room, the portal and tests call the same ones.
"""

from webapp.simulator.subscriptions.billing import retry_payment, void_invoice
from webapp.simulator.subscriptions.cards import card_of, change_card
from webapp.simulator.subscriptions.collecting import COURSES, Course
from webapp.simulator.subscriptions.ending import (
    BEHAVIORS,
    ENDS,
    Behavior,
    End,
    cancel,
    end_all_of,
    give_up,
    pause_collection,
    resume,
    resume_collection,
)
from webapp.simulator.subscriptions.finding import invoices_of, subscriptions_of
from webapp.simulator.subscriptions.renewing import end_trial, renew, renew_due, resume_paused
from webapp.simulator.subscriptions.starting import start
from webapp.simulator.subscriptions.switching import WHENS, When, planned_switch, switch_plan

__all__ = [
    "BEHAVIORS", "COURSES", "ENDS", "WHENS", "Behavior", "Course", "End", "When", "cancel", "card_of",
    "change_card", "end_all_of", "end_trial", "give_up", "invoices_of", "pause_collection", "planned_switch",
    "renew", "renew_due", "resume", "resume_collection", "resume_paused", "retry_payment",
    "start", "subscriptions_of", "switch_plan", "void_invoice",
]  # fmt: skip
