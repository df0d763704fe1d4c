"""Where a process may die on the way of the money: every point of each way, in the order in which it is passed.

`GRANTED` stands where the grant is committed: a process that dies before it leaves nothing, one that dies after it
leaves all, whether or not anybody was told.
"""

GRANTED = ("the grant is committed", 0)

Passing = tuple[str, int]

WEBHOOK: list[Passing] = [
    ("webhook.verified", 1),
    ("webhook.asked", 1),
    ("commit.before", 1),
    GRANTED,
    ("commit.after", 1),
    ("webhook.answering", 1),
]
# Stripe doesn't know what the event tells of: rolled back, then noted in a transaction of its own.
FAILED_WEBHOOK: list[Passing] = [
    ("webhook.verified", 1),
    ("webhook.failed", 1),
    ("commit.before", 1),
    ("commit.after", 1),
]
RETURN_PAGE: list[Passing] = [
    ("commit.before", 1),
    ("commit.after", 1),
    ("ask.claimed", 1),
    ("ask.answered", 1),
    ("commit.before", 2),
    GRANTED,
    ("commit.after", 2),
]
# The run is noted, then each purchase is claimed and settled, then the run is noted again.
SWEEP: list[Passing] = [
    ("commit.before", 1),
    ("commit.after", 1),
    ("sweep.found", 1),
    ("commit.before", 2),
    ("commit.after", 2),
    ("ask.claimed", 1),
    ("ask.answered", 1),
    ("commit.before", 3),
    GRANTED,
    ("commit.after", 3),
    ("sweep.asked", 1),
    ("commit.before", 4),
    ("commit.after", 4),
]
# Opening a checkout: the purchase is stored, Stripe makes the session, the session is stored.
CHECKOUT: list[Passing] = [
    ("commit.before", 1),
    ("commit.after", 1),
    ("checkout.opened", 1),
    ("checkout.made", 1),
    ("commit.before", 2),
    ("commit.after", 2),
]
# Of a plan the same, and another checkout of a plan that was left open is ended in between.
PLAN_CHECKOUT: list[Passing] = [
    ("commit.before", 1),
    ("commit.after", 1),
    ("plan.opened", 1),
    ("checkout.made", 1),
    ("commit.before", 2),
    ("commit.after", 2),
]
# The run is noted, a subscription whose period is over is read and settled, then the run is noted again.
CHANGE_FOUND: list[Passing] = [
    ("commit.before", 1),
    ("commit.after", 1),
    ("sweep.found", 1),
    ("plan.asked", 1),
    ("commit.before", 2),
    GRANTED,
    ("commit.after", 2),
    ("commit.before", 3),
    ("commit.after", 3),
]
# An operator's refund: ordered, made by Stripe and noted, then all that came back of the payment is read and settled.
# `GRANTED` stands where its credits are taken back.
REFUND: list[Passing] = [
    ("commit.before", 1),
    ("commit.after", 1),
    ("refund.ordered", 1),
    ("refund.made", 1),
    ("commit.before", 2),
    ("commit.after", 2),
    ("money_back.answered", 1),
    ("commit.before", 3),
    GRANTED,
    ("commit.after", 3),
]
# The first try is refused by the database, as in a deadlock, so that there are two.
SPEND: list[Passing] = [
    ("retry.before", 1),
    ("commit.before", 1),
    GRANTED,
    ("commit.after", 1),
]
# Over HTTP the use of the key is noted before, once a minute, in a transaction of its own.
API_SPEND: list[Passing] = [
    ("commit.before", 1),
    ("commit.after", 1),
    ("commit.before", 2),
    GRANTED,
    ("commit.after", 2),
]

WAYS = {
    "webhook": WEBHOOK,
    "failed webhook": FAILED_WEBHOOK,
    "return page": RETURN_PAGE,
    "sweep": SWEEP,
    "checkout": CHECKOUT,
    "plan checkout": PLAN_CHECKOUT,
    "change found": CHANGE_FOUND,
    "refund": REFUND,
    "spend": SPEND,
    "spend over the API": API_SPEND,
}


def deaths(way: list[Passing]) -> list[tuple[str, int, int]]:
    """Each point and passing of a way, and how many grants (spends, take-backs) are stored if a process died there."""
    committed = way.index(GRANTED) if GRANTED in way else len(way)
    return [
        (name, passing, int(at > committed)) for at, (name, passing) in enumerate(way) if (name, passing) != GRANTED
    ]
