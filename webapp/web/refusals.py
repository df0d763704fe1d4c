"""What a request can be refused for before any inner ring is asked: who asks, and whether we can read the words.

Refusal
├── NotSignedIn
├── InvalidKey              no such API key, or not any more
├── NotAllowed
│   ├── ScopeMissing        scope
│   ├── ServiceKeyNeeded
│   ├── AccountNotYours     an account was named that this key may not name
│   ├── RoleNeeded          role
│   └── MadeByProduct       entry
├── AccountNotNamed         a service key must say for whom it acts
├── UnreadableRequest
│   ├── NotJson               the body is of another type
│   ├── InvalidJson           not one JSON object
│   ├── InvalidIdempotencyKey
│   └── IdempotencyKeyMissing
├── InvalidFields             fields: one {field, message} for each fault
├── BatchTooLarge             largest
├── UnknownMeter              meter
└── KeyUsed                   the key's work is paid for, or can't be begun again
    ├── WorkInProgress        hold
    ├── WorkDone              hold
    └── KeyWornOut
"""

from webapp.errors import Refusal


class NotSignedIn(Refusal):
    """Nobody is signed in."""

    code = "not_signed_in"


class InvalidKey(Refusal):
    """The API key opens nothing: unknown, revoked or replaced. The words are the same for each."""

    code = "invalid_key"


class NotAllowed(Refusal):
    """Who asks is known, and may not do this."""

    code = "not_allowed"


class ScopeMissing(NotAllowed):
    """The key was not given the scope for this. Fact: `scope`."""

    code = "scope_missing"


class ServiceKeyNeeded(NotAllowed):
    """Only the product itself may do this, with a service key."""

    code = "service_key_needed"


class AccountNotYours(NotAllowed):
    """The request names an account, and only a service key may."""

    code = "account_not_yours"


class RoleNeeded(NotAllowed):
    """An operator's role doesn't reach for this. Fact: `role`, the least that does."""

    code = "role_needed"


class MadeByProduct(NotAllowed):
    """The product itself took or reserved these credits, so only the product gives them back. Fact: `entry`."""

    code = "made_by_product"


class AccountNotNamed(Refusal):
    """A service key acts for the account that `Refill-Account` names, and the request has no such header."""

    code = "account_not_named"


class UnreadableRequest(Refusal):
    """The request can't be read at all."""

    code = "unreadable_request"


class NotJson(UnreadableRequest):
    """The body is not declared to be JSON."""

    code = "unsupported_media_type"


class InvalidJson(UnreadableRequest):
    """The body is not one JSON object."""

    code = "invalid_json"


class InvalidIdempotencyKey(UnreadableRequest):
    """The `Idempotency-Key` header is not 1 to 200 printable characters."""

    code = "idempotency_key_invalid"


class IdempotencyKeyMissing(UnreadableRequest):
    """What moves credits needs a key, so that it can be sent again without harm."""

    code = "idempotency_key_missing"


class InvalidFields(Refusal):
    """A field or parameter is missing or has a value it can't have. Facts: `fields`."""

    code = "invalid_request"


class BatchTooLarge(Refusal):
    """A batch has more lines than are taken at once. Fact: `largest`."""

    code = "batch_too_large"


class UnknownMeter(Refusal):
    """The catalogue has no such meter. Fact: `meter`."""

    code = "unknown_meter"


class KeyUsed(Refusal):
    """The `Idempotency-Key` of metered work was used before, and the work isn't done a second time."""

    code = "key_used"


class WorkInProgress(KeyUsed):
    """The same key's work is under way. Fact: `hold`."""

    code = "work_in_progress"


class WorkDone(KeyUsed):
    """The same key's work was done and paid for once; its answer is not kept. Fact: `hold`."""

    code = "work_done"


class KeyWornOut(KeyUsed):
    """The same key's work has failed so often that a new key is asked for."""

    code = "key_worn_out"
