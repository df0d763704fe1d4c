"""The shapes of plans: what the API reads and answers about subscriptions. As in `schemas`, they are a promise."""

import datetime as dt
from typing import Literal

from pydantic import RootModel

from webapp.api.schemas import Answer, PurchaseAnswer, Read
from webapp.billing.subscriptions.portal import PortalFlow
from webapp.catalog.shapes import Interval


class PortalBody(Read):
    """Where in the customer portal the subscriber shall begin; its front page, if nothing is said."""

    flow: PortalFlow | None = None


class PortalAnswer(Answer):
    """The customer portal's address for one visit. It lives for minutes, and leads back to the billing page."""

    url: str


class PlanCheckoutAnswer(Answer):
    """A checkout of a plan that was opened: where to send the subscriber."""

    checkout: str
    session_id: str
    url: str
    plan: str


class CheckoutAnswer(RootModel[PurchaseAnswer | PlanCheckoutAnswer]):
    """What was opened, a purchase of a pack or the checkout of a plan: where to send the buyer."""


class SpanAnswer(Answer):
    """From an instant to before another."""

    starts_at: dt.datetime
    ends_at: dt.datetime


class AllowanceAnswer(Answer):
    """The allowance that runs now: what was given, with what rolled over, what of it can be spent, when it resets."""

    given: int
    left: int
    resets_at: dt.datetime


class PaymentProblemAnswer(Answer):
    """Why the last invoice is not paid: its payment "failed", or the bank wants "action". `url` puts it right."""

    kind: Literal["failed", "action"]
    since: dt.datetime
    retries_at: dt.datetime | None
    url: str | None


class CardAnswer(Answer):
    """What pays: the brand and last four digits of a card, or the kind of another payment method."""

    brand: str
    last4: str


class SubscriptionAnswer(Answer):
    """The account's subscription as Stripe last told it, and the plan that decides what is open to the account.

    `state` is none, or Stripe's word (trialing, active, past_due, paused, incomplete, unpaid, …: new ones may come);
    it is paused too while Stripe collects nothing. `plan` is what counts now: in the states none, paused, incomplete
    and unpaid that is the plan that costs nothing, or null. `subscribed_to` is the plan of the subscription itself.
    `period` is what Stripe bills. `ends_at` is when it ends if nobody changes that; `ended_at` when the last one did.
    """

    plan: str | None
    state: str
    subscribed_to: str | None
    next_plan: str | None
    amount_minor: int | None
    currency: str | None
    interval: Interval | None
    period: SpanAnswer | None
    allowance: AllowanceAnswer | None
    trial_ends_at: dt.datetime | None
    is_ending: bool
    ends_at: dt.datetime | None
    ended_at: dt.datetime | None
    resumes_at: dt.datetime | None
    problem: PaymentProblemAnswer | None
    paid_with: CardAnswer | None
