"""Every problem that the API can answer with: its status, when it comes, and the facts that it carries."""

from dataclasses import dataclass, field

from webapp.billing import errors as billing
from webapp.errors import Refusal
from webapp.ledger import errors as ledger
from webapp.people import errors as people
from webapp.web import refusals
from webapp.web.errors import status_of_kind

Schema = dict[str, object]

INTEGER: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
PERIOD: Schema = {"type": "string", "enum": ["day", "week", "month"]}
PAUSER: Schema = {"type": "string", "enum": ["owner", "operator"]}
TEXT_OR_NULL: Schema = {"type": ["string", "null"]}
FAULT: Schema = {"type": "object", "required": ["field", "message"], "properties": {"field": TEXT, "message": TEXT}}


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A `code`. Its `facts` are always there, `more_facts` in some cases; both are JSON schemas by name."""

    code: str
    status: int
    meaning: str
    facts: dict[str, Schema] = field(default_factory=dict)
    more_facts: dict[str, Schema] = field(default_factory=dict)


def _of(refusal: type[Refusal], meaning: str, **facts: Schema) -> ProblemKind:
    return ProblemKind(refusal.code, status_of_kind(refusal), meaning, facts)


KINDS = (
    ProblemKind("csrf", 400, "A signed-in person’s request lacks the X-CSRFToken header of their page."),
    _of(refusals.InvalidJson, "The body is not one JSON object."),
    _of(refusals.AccountNotNamed, "A service key must say for which account it acts."),
    _of(refusals.IdempotencyKeyMissing, "What moves credits needs an Idempotency-Key."),
    _of(refusals.InvalidIdempotencyKey, "The Idempotency-Key is not 1 to 200 printable ASCII characters."),
    _of(refusals.NotSignedIn, "The request has no key, and nobody is signed in."),
    _of(refusals.InvalidKey, "The key is unknown, revoked or replaced."),
    ProblemKind(
        "insufficient_credits",
        402,
        "Fewer credits are available; pack is the smallest that covers it.",
        {"needed": INTEGER, "available": INTEGER},
        {"pack": TEXT_OR_NULL, "buy_url": TEXT},
    ),
    _of(
        ledger.SpendLimitReached,
        "A spend limit of the account, or of the key that asks, has less left; more credits don’t help.",
        needed=INTEGER,
        limit=INTEGER,
        used=INTEGER,
        held=INTEGER,
        left=INTEGER,
        period=PERIOD,
        key={"type": ["integer", "null"]},
        resets_at=TEXT,
    ),
    _of(ledger.SpendingPaused, "The owner or an operator has paused spending.", paused_at=TEXT, paused_by=PAUSER),
    _of(refusals.ScopeMissing, "The key was not given this scope.", scope=TEXT),
    _of(refusals.ServiceKeyNeeded, "Only a service key may do that."),
    _of(refusals.AccountNotYours, "Only a service key may name an account."),
    _of(refusals.MadeByProduct, "The product took these credits, and only it gives them back.", entry=INTEGER),
    _of(billing.PackLocked, "The pack is for subscribers.", pack=TEXT, plan=TEXT_OR_NULL),
    _of(people.OperatorsOwn, "The account’s user is an operator, whom no key signs in."),
    ProblemKind("not_found", 404, "There is no such address."),
    _of(ledger.UnknownAccount, "There is no such account."),
    _of(refusals.UnknownMeter, "The catalogue has no such meter.", meter=TEXT),
    _of(ledger.UnknownHold, "The account has no such hold.", hold=INTEGER),
    _of(ledger.UnknownEntry, "The account has no such entry.", entry=INTEGER),
    _of(billing.UnknownPack, "The catalogue doesn’t sell that pack."),
    _of(billing.UnknownPlan, "The catalogue doesn’t sell that plan.", plan=TEXT),
    _of(billing.UnknownPurchase, "The account has no such purchase."),
    _of(ledger.HoldClosed, "The hold was captured or released, or its time is over.", hold=INTEGER, state=TEXT),
    _of(billing.CheckoutExpired, "The checkout of this key is over."),
    _of(billing.AlreadySubscribed, "The account has a subscription: change that one.", plan=TEXT),
    _of(billing.NotSubscribed, "There is nothing to manage: nothing was ever paid."),
    _of(people.NoUser, "Nobody signs in to the account."),
    _of(people.AccountClosed, "The account's owner has closed it."),
    _of(people.EmailOfAnother, "Another account’s user has that e-mail."),
    _of(refusals.BatchTooLarge, "A batch has more than 1,000 spends.", largest=INTEGER),
    ProblemKind("request_entity_too_large", 413, "The body is larger than 1 MiB."),
    _of(refusals.NotJson, "The body is not sent as application/json."),
    ProblemKind(
        "idempotency_conflict", 422, "The key was used before, for another request.", more_facts={"entry": INTEGER}
    ),
    _of(ledger.InvalidCredits, "More than one operation moves, or than a balance has room for.", largest=INTEGER),
    ProblemKind(
        "invalid_request",
        422,
        "A field or parameter is wrong; fields says which.",
        more_facts={"fields": {"type": "array", "items": FAULT}},
    ),
    _of(ledger.CaptureAboveHold, "More was used than is on hold.", needed=INTEGER, held=INTEGER),
    _of(ledger.NotReversible, "Only a spend or a capture can be returned.", entry=INTEGER, kind=TEXT),
    _of(ledger.ReverseAboveSpent, "More was to be returned than is left of the use.", needed=INTEGER, left=INTEGER),
    _of(people.InvalidEmail, "That is no e-mail address."),
    _of(people.UnknownTimeZone, "There is no such time zone."),
    ProblemKind("too_many_requests", 429, "Too often. Retry-After says how long to wait."),
    ProblemKind("internal", 500, "Something broke on our side. Send the same key again."),
    ProblemKind("busy", 503, "The database is busy. Send the same key again."),
    _of(billing.PaymentsOff, "Payments are not configured."),
    _of(billing.PackUnavailable, "The pack can’t be bought just now.", pack=TEXT),
    _of(billing.PlanUnavailable, "The plan can’t be subscribed to just now.", plan=TEXT),
    _of(billing.StripeUnreachable, "Stripe doesn’t answer. Nothing was charged."),
    _of(billing.StripeRefused, "Stripe can’t open this. Nothing was charged."),
)
