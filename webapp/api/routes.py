"""The one table of the API's routes: from it come the addresses, the scopes and the OpenAPI document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from flask.typing import ResponseReturnValue
from pydantic import BaseModel

from webapp.api import plan_shapes, schemas, spend_shapes
from webapp.api.accounts import make_account, make_link
from webapp.api.batches import batch
from webapp.api.billing import open_checkout, open_pack_purchase, verify_payment
from webapp.api.callers import Scope
from webapp.api.catalog import read_catalog
from webapp.api.credits import balance, history
from webapp.api.holds import capture, hold, read_hold, release
from webapp.api.plans import open_portal, read_subscription
from webapp.api.spends import estimate, grant, reverse, spend

ALWAYS = ("not_signed_in", "invalid_key", "scope_missing", "account_not_yours", "unknown_account", "internal", "busy")

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address and method. `problems` are the codes that only some routes have; `all_problems` tells the rest."""

    method: Literal["GET", "POST"]
    path: str
    view: View
    scope: Scope
    title: str
    answers: dict[int, type[BaseModel]]
    body: type[BaseModel] | None = None
    body_is_optional: bool = False
    query: type[BaseModel] | None = None
    key: Literal["", "needed", "optional"] = ""
    names_account: bool = True
    is_for_service: bool = False
    is_limited: bool = False
    keeps_slashes: bool = False
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The endpoint, and the operation's id in the document."""
        return self.view.__name__

    def all_problems(self) -> set[str]:
        """Every code that this route can answer with."""
        cases = (
            (self.names_account, ("account_not_named",)),
            (self.is_for_service, ("service_key_needed",)),
            (self.is_limited, ("too_many_requests",)),
            ("<" in self.path, ("not_found",)),
            (bool(self.query or self.body), ("invalid_request",)),
            (self.method == "POST", ("csrf", "invalid_json", "request_entity_too_large", "unsupported_media_type")),
            (self.key != "", ("idempotency_key_invalid", "idempotency_conflict")),
            (self.key == "needed", ("idempotency_key_missing",)),
        )
        return {*ALWAYS, *self.problems, *(code for applies, codes in cases if applies for code in codes)}


PRICED = ("unknown_meter", "invalid_credits")
TAKING = (*PRICED, "insufficient_credits", "spend_limit_reached", "spending_paused")
BUYING = (
    *("unknown_pack", "pack_locked", "pack_unavailable", "payments_off", "no_user", "account_closed"),
    "checkout_expired",
)
SUBSCRIBING = ("unknown_plan", "plan_unavailable", "already_subscribed")
OF_STRIPE = ("stripe_unreachable", "stripe_refused")

ROUTES = (
    Route(
        method="POST",
        path="/credits/spend",
        view=spend,
        scope="spend",
        title="Spend credits, or what metered work costs: all of it, or nothing",
        body=spend_shapes.SpendBody,
        answers={201: spend_shapes.PostedAnswer},
        key="needed",
        problems=TAKING,
    ),
    Route(
        method="POST",
        path="/credits/spend/batch",
        view=batch,
        scope="spend",
        title="Spend up to 1,000 times at once; a line that is refused fails alone",
        body=spend_shapes.BatchBody,
        answers={200: spend_shapes.BatchAnswer},
        names_account=False,
        problems=("batch_too_large",),
    ),
    Route(
        method="POST",
        path="/credits/estimate",
        view=estimate,
        scope="read",
        title="Ask what work would cost and whether the balance covers it",
        body=spend_shapes.EstimateBody,
        answers={200: spend_shapes.EstimateAnswer},
        problems=PRICED,
    ),
    Route(
        method="POST",
        path="/credits/holds",
        view=hold,
        scope="spend",
        title="Reserve credits while work is in progress",
        body=spend_shapes.HoldBody,
        answers={201: spend_shapes.HeldAnswer},
        key="needed",
        problems=TAKING,
    ),
    Route(
        method="GET",
        path="/credits/holds/<seq:hold>",
        view=read_hold,
        scope="read",
        title="Read a hold",
        answers={200: spend_shapes.HoldAnswer},
        problems=("unknown_hold",),
    ),
    Route(
        method="POST",
        path="/credits/holds/<seq:hold>/capture",
        view=capture,
        scope="spend",
        title="Spend what was used of a hold; the rest goes back",
        body=spend_shapes.CaptureBody,
        answers={201: spend_shapes.PostedAnswer},
        key="needed",
        problems=(*TAKING, "unknown_hold", "hold_closed", "capture_above_hold", "made_by_product"),
    ),
    Route(
        method="POST",
        path="/credits/holds/<seq:hold>/release",
        view=release,
        scope="spend",
        title="Give a hold back: nothing was used",
        body=spend_shapes.ReleaseBody,
        body_is_optional=True,
        answers={201: spend_shapes.HeldAnswer},
        key="needed",
        problems=("unknown_hold", "hold_closed", "made_by_product"),
    ),
    Route(
        method="POST",
        path="/credits/entries/<seq:entry>/reverse",
        view=reverse,
        scope="spend",
        title="Undo a spend or a capture, in part or whole, for the lots that paid",
        body=spend_shapes.ReverseBody,
        body_is_optional=True,
        answers={201: spend_shapes.PostedAnswer},
        key="needed",
        problems=("unknown_entry", "not_reversible", "reverse_above_spent", "made_by_product"),
    ),
    Route(
        method="POST",
        path="/credits/grants",
        view=grant,
        scope="manage",
        title="Give credits",
        body=spend_shapes.GrantBody,
        answers={201: spend_shapes.PostedAnswer},
        key="needed",
        is_for_service=True,
        problems=("invalid_credits",),
    ),
    Route(
        method="POST",
        path="/accounts",
        view=make_account,
        scope="manage",
        title="Make or find the account of one of your customers",
        body=schemas.AccountBody,
        answers={201: schemas.AccountAnswer, 200: schemas.AccountAnswer},
        names_account=False,
        is_for_service=True,
        problems=("email_unavailable", "invalid_email", "unknown_time_zone"),
    ),
    Route(
        method="POST",
        path="/accounts/<path:account>/login-link",
        view=make_link,
        scope="manage",
        title="Make an address that signs an account’s user in, once",
        body=schemas.LinkBody,
        body_is_optional=True,
        answers={201: schemas.LinkAnswer},
        names_account=False,
        is_for_service=True,
        keeps_slashes=True,  # an external id may be an address of its own: its slashes are not ours to tidy
        problems=("no_user", "account_closed", "operators_own"),
    ),
    Route(
        method="GET",
        path="/credits/balance",
        view=balance,
        scope="read",
        title="Read the balance, by kind and lot",
        answers={200: schemas.BalanceAnswer},
    ),
    Route(
        method="GET",
        path="/credits/history",
        view=history,
        scope="read",
        title="Read the history, newest first, in pages",
        query=schemas.HistoryQuery,
        answers={200: schemas.HistoryAnswer},
    ),
    Route(
        method="GET",
        path="/catalog",
        view=read_catalog,
        scope="read",
        title="Read what can be bought, and what work costs",
        answers={200: schemas.CatalogAnswer},
    ),
    Route(
        method="POST",
        path="/billing/checkout",
        view=open_checkout,
        scope="manage",
        title="Open a checkout for a pack or a plan",
        body=schemas.CheckoutBody,
        answers={201: plan_shapes.CheckoutAnswer},
        key="optional",
        is_limited=True,
        problems=(*BUYING, *SUBSCRIBING, *OF_STRIPE),
    ),
    Route(
        method="POST",
        path="/credits/purchase",
        view=open_pack_purchase,
        scope="manage",
        title="Open a checkout for a pack",
        body=schemas.PurchaseBody,
        answers={201: schemas.PurchaseAnswer},
        key="optional",
        is_limited=True,
        problems=(*BUYING, *OF_STRIPE),
    ),
    Route(
        method="GET",
        path="/billing/verify-payment",
        view=verify_payment,
        scope="read",
        title="Ask what became of a payment; settles it if it can",
        query=schemas.VerifyQuery,
        answers={200: schemas.VerifyAnswer},
        is_limited=True,
        problems=("unknown_purchase",),
    ),
    Route(
        method="GET",
        path="/billing/subscription",
        view=read_subscription,
        scope="read",
        title="Read the subscription: plan, state, period and what is left of the allowance",
        answers={200: plan_shapes.SubscriptionAnswer},
    ),
    Route(
        method="POST",
        path="/billing/portal",
        view=open_portal,
        scope="manage",
        title="Open the customer portal: card, plan, invoices, the end",
        body=plan_shapes.PortalBody,
        body_is_optional=True,
        answers={200: plan_shapes.PortalAnswer},
        is_limited=True,
        problems=("payments_off", "not_subscribed", *OF_STRIPE),
    ),
)
