"""Plans over JSON: subscribing, the customer portal, and the subscription as it is stored."""

import datetime as dt
from typing import Any

from flask import Response

from webapp.api.answers import answer
from webapp.api.bodies import checked, object_if_any
from webapp.api.callers import caller
from webapp.api.opening import answer_opened, buyer, open_key, refuse_ended
from webapp.api.plan_shapes import (
    AllowanceAnswer,
    CardAnswer,
    PaymentProblemAnswer,
    PlanCheckoutAnswer,
    PortalAnswer,
    PortalBody,
    SpanAnswer,
    SubscriptionAnswer,
)
from webapp.billing.subscriptions.models import PlanCheckout, Subscription
from webapp.billing.subscriptions.queries import allowance_now, first_allowance, subscription_of
from webapp.billing.subscriptions.standing import PlanStanding, plan_standing
from webapp.extensions import db, end_reading, parts
from webapp.orm import utc_now
from webapp.web.balance import fresh_balance
from webapp.web.limits import checkout_limit
from webapp.web.plans import portal_address, settle_plan, start_plan

# Stripe's words for a first payment that isn't there (yet).
UNPAID_AT_FIRST = {"incomplete": "processing", "incomplete_expired": "failed"}


@checkout_limit
def open_portal() -> Response:
    """POST /api/billing/portal: opens Stripe's customer portal for the account, for one visit."""
    wanted = checked(PortalBody, object_if_any())
    fresh_balance(caller().account_id, now=utc_now())  # an account that isn't there is told first
    return answer(PortalAnswer(url=portal_address(caller().account_id, wanted.flow)))


def read_subscription() -> Response:
    """GET /api/billing/subscription: what Stripe last told, and what of the allowance is left. Asks nobody."""
    account_id, now = caller().account_id, utc_now()
    left = fresh_balance(account_id, now=now).kinds["allowance"]
    found = plan_standing(db.session(), parts().catalog, account_id, stripe_mode=parts().settings.payments)
    return answer(_subscription_answer(found, _allowance(account_id, left, now=now)))


def open_plan(plan_slug: str, body: dict[str, Any]) -> Response:
    """Open the checkout of a plan, or give the one that the client's key has opened before, as it was answered then.

    Raises CheckoutExpired when it has ended before anyone was told where to pay.
    """
    key = open_key(PlanCheckout, body)
    opened = start_plan(
        user=buyer(), plan_slug=plan_slug, open_key=key.open_key, fingerprint=key.fingerprint, now=utc_now()
    )
    refuse_ended(opened)
    facts = {"checkout": opened.id, "session_id": opened.session_id, "url": opened.session_url}
    return answer_opened(PlanCheckoutAnswer.model_validate({**facts, "plan": opened.plan_slug}), key)


def verified_plan(account_id: int, session_id: str) -> tuple[str, int]:
    """What became of a checkout of a plan, in the words of payments, and the credits of its first period so far.

    A trial is paid: nothing is owed. Raises UnknownPurchase.
    """
    opened = settle_plan(account_id, session_id, now=utc_now())
    if opened.state != "complete":
        return opened.state, 0
    row = subscription_of(db.session(), account_id, str(opened.subscription_id))
    first = None if row is None else first_allowance(db.session(), row)
    end_reading()
    if row is None or row.paid_starts_at is None:
        return UNPAID_AT_FIRST.get("incomplete" if row is None else row.status, "processing"), 0
    return "paid", 0 if first is None else first.given_credits


def _subscription_answer(found: PlanStanding, allowance: AllowanceAnswer | None) -> SubscriptionAnswer:
    last = found.subscription
    live = last if found.is_subscribed else None
    return SubscriptionAnswer(
        plan=found.plan.slug if found.plan else None,
        state=_state(live),
        subscribed_to=live.plan_slug if live else None,
        next_plan=live.next_plan_slug or None if live else None,
        amount_minor=live.amount_minor if live else None,
        currency=live.currency if live else None,
        interval=_interval(live) if live else None,
        period=SpanAnswer(starts_at=live.period_starts_at, ends_at=live.period_ends_at) if live else None,
        allowance=allowance,
        trial_ends_at=live.trial_ends_at if live and live.status == "trialing" else None,
        is_ending=live is not None and live.ends_at is not None,
        ends_at=live.ends_at if live else None,
        ended_at=last.ended_at if last and not live else None,
        resumes_at=live.resumes_at if live else None,
        problem=_problem(live) if live else None,
        paid_with=CardAnswer(brand=live.card_brand, last4=live.card_last4) if live and live.card_brand else None,
    )


def _state(live: Subscription | None) -> str:
    if live is None:
        return "none"
    return "paused" if live.is_paused else live.status


def _interval(live: Subscription) -> Any:
    return live.billed_every


def _problem(live: Subscription) -> PaymentProblemAnswer | None:
    if not live.problem:
        return None
    return PaymentProblemAnswer.model_validate(
        {
            "kind": live.problem,
            "since": live.problem_at or live.read_at,
            "retries_at": live.retries_at,
            "url": live.invoice_url or None,
        }
    )


def _allowance(account_id: int, left: int, *, now: dt.datetime) -> AllowanceAnswer | None:
    held = allowance_now(db.session(), account_id, now=now)
    if held is None:
        return None
    return AllowanceAnswer(given=held.given_credits + (held.rolled_credits or 0), left=left, resets_at=held.ends_at)
