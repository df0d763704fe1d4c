"""The shapes of spends, batches, holds, estimates, reverses and grants: what is read, and what is answered."""

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from webapp.api.bodies import LONGEST_KEY
from webapp.api.schemas import Answer, EntryAnswer, Name, Read, ShortBalance
from webapp.ledger.batches import MAX_LINES
from webapp.ledger.checks import MAX_DESCRIPTION_LENGTH, MAX_HOLD_SECONDS
from webapp.ledger.models import MAX_OPERATION_CREDITS
from webapp.metering import LARGEST_QUANTITY
from webapp.web.moments import instant_of

Credits = Annotated[int, Field(ge=1, le=MAX_OPERATION_CREDITS)]
Quantity = Annotated[int, Field(ge=1, le=LARGEST_QUANTITY)]
Words = Annotated[str, Field(max_length=MAX_DESCRIPTION_LENGTH)]
Instant = Annotated[dt.datetime, BeforeValidator(instant_of)]
Key = Annotated[str, Field(min_length=1, max_length=LONGEST_KEY, pattern="^[ -~]*$")]
Details = Annotated[
    dict[str, Any], Field(description="Any JSON object of at most 2 KB and 50 levels, kept with the entry.")
]


class PricedBody(Read):
    """Credits as a number, or as metered work: `quantity` units of `meter`, which the catalogue prices."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["credits"]}, {"required": ["meter", "quantity"]}]}
    )

    credits: Credits | None = None
    meter: Name | None = None
    quantity: Quantity | None = None

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.credits is None) == (self.meter is None):
            raise ValueError('Send either "credits", or "meter" and "quantity".')
        if (self.meter is None) != (self.quantity is None):
            raise ValueError('"meter" and "quantity" belong together.')
        return self


class WorkBody(PricedBody):
    """Work, and what the history says of it."""

    description: Words = ""
    details: Details | None = None


class UseBody(WorkBody):
    """What was used, and when, if not just now."""

    occurred_at: Instant | None = None


class SpendBody(UseBody):
    """A spend."""


class CaptureBody(UseBody):
    """What was used of a hold."""


class BatchLine(UseBody):
    """One spend of a batch. `account` is for service keys: a number, or `external:` and the product's own id."""

    key: Key
    account: int | Annotated[str, Field(min_length=1, max_length=300)] | None = None


class BatchBody(Read):
    """Spends, each of which succeeds or fails by itself."""

    spends: Annotated[
        list[Any],
        Field(min_length=1),
        WithJsonSchema(
            {
                "type": "array",
                "items": {"$ref": "#/components/schemas/BatchLine"},
                "minItems": 1,
                "maxItems": MAX_LINES,
            }
        ),
    ]


class HoldBody(WorkBody):
    """What to reserve, and for how long."""

    lasts_seconds: Annotated[int, Field(ge=1, le=MAX_HOLD_SECONDS)] = 900


class ReleaseBody(Read):
    """Why nothing was used."""

    description: Words = ""
    details: Details | None = None


class ReverseBody(ReleaseBody):
    """How many credits to return; all that are left, if none are named."""

    credits: Credits | None = None


class EstimateBody(PricedBody):
    """What the work would be."""


class GrantBody(Read):
    """Credits to give. `reason` is the line in the account's history."""

    kind: Literal["bonus", "gift", "adjustment"]
    credits: Credits
    reason: Annotated[str, Field(min_length=1, max_length=MAX_DESCRIPTION_LENGTH)]
    expires_at: Instant | None = None


class PostedAnswer(Answer):
    """The entry that was written, and what the account had then."""

    entry: EntryAnswer
    balance: ShortBalance


class HoldAnswer(Answer):
    """Credits on hold. `captured` is what was used of them in the end."""

    id: int
    credits: int
    captured: int
    state: Literal["open", "captured", "released", "expired"]
    expires_at: dt.datetime


class HeldAnswer(Answer):
    """The hold, and what the account had then."""

    hold: HoldAnswer
    balance: ShortBalance


class EstimateAnswer(Answer):
    """What the work would cost, and whether the account has it now; `missing` is what it lacks."""

    credits: int
    meter: str | None
    quantity: int | None
    available: int
    missing: int
    is_covered: bool


class LineSpent(Answer):
    """A line that was spent: its entry, and the status of a spend."""

    key: str
    status: Literal[201]
    entry: EntryAnswer


class LineRefused(Answer):
    """A line that was refused: the problem and its status, as a spend by itself would have had them."""

    key: str | None
    status: int
    problem: dict[str, Any]


class BatchAnswer(Answer):
    """One result for each line, in their order."""

    results: list[LineSpent | LineRefused]
