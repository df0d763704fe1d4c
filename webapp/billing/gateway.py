"""The only `import stripe`: calls in, frozen facts and our own errors out. No SDK object leaves this file.

Nobody may hold a transaction or a connection while calling it. Rules of the calls: our own idempotency key on whatever
makes something, 3 s to connect and 10 s to read, no retries but one when a checkout is opened.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar, cast

import stripe
import structlog

from webapp.billing.errors import InvalidWebhook, StripeDenied, StripeRefused, StripeUnreachable
from webapp.billing.events import Event, check_header, decoded, read_event
from webapp.billing.stripe_objects import (
    SIMULATED_MARK,
    CheckoutSession,
    Dispute,
    Price,
    Refund,
    WebhookEndpoint,
    checkout_session,
    dispute,
    payment_intent_of,
    price,
    refund,
    webhook_endpoint,
)
from webapp.settings import Settings

API_VERSION: str = stripe.api_version
TIMEOUT_SECONDS = (3.05, 10)  # connect, read
SIMULATED_KEY = "sk_test_simulated"
LOOKUP_KEYS_PER_CALL = 10
TYPES_PER_CALL = 20
PAGE = 100

Mode = Literal["simulated", "test", "live"]
MoneyKind = Literal["charge", "refund", "dispute"]
T = TypeVar("T")

log = structlog.get_logger("refill")


@dataclass(frozen=True, slots=True)
class Span:
    """From one instant to before another, in whole seconds as Stripe counts them."""

    since: dt.datetime
    until: dt.datetime

    @property
    def params(self) -> dict[str, Any]:
        """What a list takes for it."""
        return {"created": {"gte": int(self.since.timestamp()), "lt": int(self.until.timestamp())}, "limit": PAGE}


def build_gateway(settings: Settings, http_client: object | None = None) -> "Gateway | None":
    """The gateway these settings ask for; None while payments are off.

    `http_client` (a `stripe.HTTPClient`) stands in for the network: the simulated Stripe's seam.
    """
    mode = settings.payments
    if mode == "off":
        return None
    if mode == "simulated" and http_client is None:
        raise ValueError("The simulated Stripe needs its HTTP client: there is no server behind its key.")
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else SIMULATED_KEY
    client = stripe.StripeClient(
        key,
        http_client=cast("stripe.HTTPClient", http_client or stripe.RequestsClient(timeout=TIMEOUT_SECONDS)),
        base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
        max_network_retries=0,
    )
    return Gateway(client, mode)


def verified_event(body: bytes, signature_header: str | None, secrets: Iterable[str], *, now: dt.datetime) -> Event:
    """The event in a webhook request, if one of our secrets signed it at most 300 s from `now`.

    Raises InvalidWebhook for anything else; no request can make it raise anything else. Several secrets are valid
    while one is being rolled: https://docs.stripe.com/webhooks#roll-endpoint-secrets
    """
    header = check_header(signature_header, now=now)
    text = decoded(body)
    if not any(_has_signed(text, header, secret) for secret in secrets if secret.strip()):
        raise InvalidWebhook("wrong_signature")
    return read_event(text)


class Gateway:
    """Stripe, through one key. Safe to share between threads: the SDK keeps a connection for each."""

    def __init__(self, client: stripe.StripeClient, mode: Mode) -> None:
        self._v1 = client.v1
        self.mode: Mode = mode

    def create_checkout(self, params: Mapping[str, Any], *, idempotency_key: str) -> CheckoutSession:
        """Open a Checkout Session. The same key with the same parameters gives the same session.

        Raises StripeUnreachable (send the same again later) or StripeRefused.
        """
        options = {"idempotency_key": idempotency_key, "max_network_retries": 1}
        return checkout_session(
            _asked("create checkout", lambda: self._v1.checkout.sessions.create(_params(params), _options(options)))
        )

    def checkout(self, session_id: str) -> CheckoutSession:
        """A Checkout Session as it is now, with its line items and its payment's status."""
        self._refuse_simulated(session_id)
        params = {"expand": ["line_items", "payment_intent"]}
        return checkout_session(
            _asked("read checkout", lambda: self._v1.checkout.sessions.retrieve(session_id, _params(params)))
        )

    def checkout_of_payment(self, payment_intent_id: str) -> CheckoutSession | None:
        """The Checkout Session that made a payment intent, as it is now; None if none did."""
        self._refuse_simulated(payment_intent_id)
        params = {"payment_intent": payment_intent_id, "limit": 1}
        try:
            found = _asked("find checkout", lambda: self._v1.checkout.sessions.list(_params(params)))
        except StripeRefused as refusal:
            if refusal.is_missing:
                return None
            raise
        return self.checkout(found["data"][0]["id"]) if found["data"] else None

    def refunds_of_payment(self, payment_intent_id: str) -> tuple[Refund, ...]:
        """Every refund of a payment, as it is now, whatever became of it."""
        self._refuse_simulated(payment_intent_id)
        params = {"payment_intent": payment_intent_id, "limit": PAGE}
        return tuple(refund(json) for json in _all("list refunds", self._v1.refunds.list, params))

    def disputes_of_payment(self, payment_intent_id: str) -> tuple[Dispute, ...]:
        """Every dispute of a payment, as it is now, whatever became of it."""
        self._refuse_simulated(payment_intent_id)
        params = {"payment_intent": payment_intent_id, "limit": PAGE}
        return tuple(dispute(json) for json in _all("list disputes", self._v1.disputes.list, params))

    def payment_of(self, kind: MoneyKind, object_id: str) -> str | None:
        """The payment intent behind a charge, a refund or a dispute, for events of API versions that don't name it."""
        self._refuse_simulated(object_id)
        reading: dict[MoneyKind, Callable[[str], stripe.StripeObject]] = {
            "charge": self._v1.charges.retrieve,
            "refund": self._v1.refunds.retrieve,
            "dispute": self._v1.disputes.retrieve,
        }
        try:
            found = _asked(f"read {kind}", lambda: reading[kind](object_id))
        except StripeRefused as refusal:
            if refusal.is_missing:
                return None
            raise
        return payment_intent_of(found)

    def create_refund(self, params: Mapping[str, Any], *, idempotency_key: str) -> Refund:
        """Ask for a refund of a payment, or of a part. The same key with the same parameters asks once.

        Raises StripeUnreachable (send the same again) or StripeRefused.
        """
        options = {"idempotency_key": idempotency_key}
        return refund(_asked("create refund", lambda: self._v1.refunds.create(_params(params), _options(options))))

    def completed_checkouts(self, made: Span) -> Iterator[CheckoutSession]:
        """Every Checkout Session made in a span that its buyer went through, newest first, without its line items.

        Asks page by page, so nothing may be held while the next one is taken. Raises as every call.
        """
        listing = self._v1.checkout.sessions.list
        for json in _pages("list checkouts", listing, {"status": "complete", **made.params}):
            yield checkout_session(json)

    def refunds(self, made: Span) -> Iterator[Refund]:
        """Every refund made in a span, newest first; page by page."""
        for json in _pages("list refunds", self._v1.refunds.list, made.params):
            yield refund(json)

    def disputes(self, made: Span) -> Iterator[Dispute]:
        """Every dispute made in a span, newest first; page by page."""
        for json in _pages("list disputes", self._v1.disputes.list, made.params):
            yield dispute(json)

    def events(self, types: Sequence[str], made: Span) -> Iterator[Event]:
        """Every event of these types that Stripe made in a span and still has (30 days), newest first; page by page.

        https://docs.stripe.com/webhooks/process-undelivered-events
        """
        for start in range(0, len(types), TYPES_PER_CALL):
            params = {"types": list(types[start : start + TYPES_PER_CALL]), **made.params}
            listed = map(_readable, _items("list events", self._v1.events.list, params))
            yield from (event for event in listed if event is not None)

    def event(self, event_id: str) -> Event:
        """One event as Stripe still has it. Raises StripeRefused (`is_missing`) after 30 days."""
        self._refuse_simulated(event_id)
        with _own_errors("read event"):
            item = self._v1.events.retrieve(event_id)
        return replace(_listed(item), came_by="replay")

    def clock(self) -> dt.datetime | None:
        """The time on Stripe's clock, to the second, as the `Date` of an answer says it; None if none does."""
        with _own_errors("read the clock"):
            answered = self._v1.webhook_endpoints.list(_params({"limit": 1})).last_response
        text = answered.headers.get("Date") if answered and answered.headers else None
        return None if text is None else parsedate_to_datetime(text)

    def prices(self, lookup_keys: Sequence[str]) -> tuple[Price, ...]:
        """The Prices, archived ones too, that hold these lookup keys now, each with its product."""
        found: list[Price] = []
        for start in range(0, len(lookup_keys), LOOKUP_KEYS_PER_CALL):
            asked = list(lookup_keys[start : start + LOOKUP_KEYS_PER_CALL])
            params = {"lookup_keys": asked, "limit": PAGE, "expand": ["data.product"]}
            page = _asked("list prices", lambda params=params: self._v1.prices.list(_params(params)))  # type: ignore[misc]  # mypy can't infer a lambda with a default
            found += [price(json) for json in page["data"]]
        return tuple(found)

    def create_price(self, params: Mapping[str, Any], *, idempotency_key: str) -> Price:
        """Make a Price of an existing product."""
        options = {"idempotency_key": idempotency_key}
        with_product = {**params, "expand": ["product"]}
        return price(_asked("create price", lambda: self._v1.prices.create(_params(with_product), _options(options))))

    def update_price(self, price_id: str, params: Mapping[str, Any]) -> Price:
        """Change what may change of a Price: whether it is active, its metadata."""
        with_product = {**params, "expand": ["product"]}
        return price(_asked("update price", lambda: self._v1.prices.update(price_id, _params(with_product))))

    def create_product(self, params: Mapping[str, Any], *, idempotency_key: str) -> bool:
        """Make a product with the id in `params`. Returns False, changing nothing, if there is one of that id."""
        options = {"idempotency_key": idempotency_key}
        try:
            _asked("create product", lambda: self._v1.products.create(_params(params), _options(options)))
        except StripeRefused as refusal:
            if refusal.stripe_code != "resource_already_exists":
                raise
            return False
        return True

    def update_product(self, product_id: str, params: Mapping[str, Any]) -> None:
        """Change a product's name, whether it is active, its metadata."""
        _asked("update product", lambda: self._v1.products.update(product_id, _params(params)))

    def webhook_endpoints(self) -> tuple[WebhookEndpoint, ...]:
        """The account's webhook endpoints (16 at most at Stripe, so one page holds them)."""
        page = _asked("list endpoints", lambda: self._v1.webhook_endpoints.list(_params({"limit": PAGE})))
        return tuple(webhook_endpoint(json) for json in page["data"])

    def create_webhook_endpoint(self, url: str, events: Sequence[str], *, idempotency_key: str) -> WebhookEndpoint:
        """Make an endpoint that is told these events in our API version. Its secret is in the answer, this once."""
        params = {"url": url, "enabled_events": list(events), "api_version": API_VERSION}
        options = {"idempotency_key": idempotency_key}
        return webhook_endpoint(
            _asked("create endpoint", lambda: self._v1.webhook_endpoints.create(_params(params), _options(options)))
        )

    def update_webhook_endpoint(self, endpoint_id: str, events: Sequence[str]) -> WebhookEndpoint:
        """Change which events an endpoint is told. Its API version can't be changed."""
        params = {"enabled_events": list(events)}
        return webhook_endpoint(
            _asked("update endpoint", lambda: self._v1.webhook_endpoints.update(endpoint_id, _params(params)))
        )

    def _refuse_simulated(self, object_id: str) -> None:
        if self.mode != "simulated" and SIMULATED_MARK in object_id:
            raise StripeRefused("simulated_id", "id")


def _all(operation: str, listing: Callable[..., Any], params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every object of a list, page by page."""
    with _own_errors(operation):
        return [item.to_dict() for item in listing(_params(params)).auto_paging_iter()]


def _pages(operation: str, listing: Callable[..., Any], params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects of a list as plain dicts; the next page is asked for when the one before is used up."""
    return (item.to_dict() for item in _items(operation, listing, params))


def _items(operation: str, listing: Callable[..., Any], params: Mapping[str, Any]) -> Iterator[stripe.StripeObject]:
    with _own_errors(operation):
        page = listing(_params(params))
    while page.data:
        yield from page.data
        with _own_errors(operation):
            page = page.next_page()


def _listed(item: stripe.StripeObject) -> Event:
    """An event out of Stripe's own list: as trustworthy as a signed one."""
    return replace(read_event(str(item)), came_by="reconcile")


def _readable(item: stripe.StripeObject) -> Event | None:
    """The event; None for a shape that is no snapshot event: it could never be handled, and must not stop the rest."""
    try:
        return _listed(item)
    except InvalidWebhook as invalid:
        log.warning("event can't be read", stripe_event=str(item["id"]), reason=invalid.reason)
        return None


def _asked(operation: str, call: Callable[[], stripe.StripeObject]) -> dict[str, Any]:
    with _own_errors(operation):
        return call().to_dict()


@contextmanager
def _own_errors(operation: str) -> Iterator[None]:
    """Turn the SDK's errors into ours and log them. Their messages may repeat parts of a key: they stay here."""
    try:
        yield
    except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
        _log(operation, error)
        raise StripeUnreachable(error.request_id) from None
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        _log(operation, error)
        raise StripeDenied(error.request_id) from None
    except stripe.StripeError as error:
        _log(operation, error)
        code = error.code or ("idempotency_error" if isinstance(error, stripe.IdempotencyError) else "")
        raise StripeRefused(code, getattr(error, "param", None) or "", error.request_id) from None


def _log(operation: str, error: stripe.StripeError) -> None:
    log.warning(
        "stripe said no" if error.http_status else "stripe didn't answer",
        operation=operation,
        error=type(error).__name__,
        status=error.http_status,
        code=error.code,
        param=getattr(error, "param", None),
        stripe_request=error.request_id,
    )


def _has_signed(text: str, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(text, header, secret)
    except stripe.SignatureVerificationError:
        return False
    return True


def _params(params: Mapping[str, Any]) -> Any:
    """Our plain dicts where the SDK has a TypedDict for each call: a test checks them against those types."""
    return dict(params)


def _options(options: Mapping[str, Any]) -> Any:
    return dict(options)
