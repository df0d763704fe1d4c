"""One call to Stripe: plain dicts in, plain dicts out, and our own errors. Nobody may hold a transaction meanwhile."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import stripe
import structlog

from webapp.billing.errors import StripeDenied, StripeRefused, StripeUnreachable
from webapp.billing.stripe_objects import SIMULATED_MARK

PAGE = 100

Mode = Literal["simulated", "test", "live"]

log = structlog.get_logger("refill")


class Calls:
    """One key of Stripe's. Safe to share between threads: the SDK keeps a connection for each."""

    def __init__(self, client: stripe.StripeClient, mode: Mode) -> None:
        self._v1 = client.v1
        self.mode: Mode = mode

    def refuse_simulated(self, object_id: str) -> None:
        """Raise StripeRefused for an id of the simulated Stripe, which the real one must never be asked about."""
        if self.mode != "simulated" and SIMULATED_MARK in object_id:
            raise StripeRefused("simulated_id", "id")


def asked(operation: str, call: Callable[[], stripe.StripeObject]) -> dict[str, Any]:
    """The object that a call answers."""
    with own_errors(operation):
        return call().to_dict()


def all_of(operation: str, listing: Callable[..., Any], params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every object of a list, page by page."""
    with own_errors(operation):
        return [item.to_dict() for item in listing(typed(params)).auto_paging_iter()]


def pages(operation: str, listing: Callable[..., Any], params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects of a list as plain dicts; the next page is asked for when the one before is used up."""
    return (item.to_dict() for item in items(operation, listing, params))


def items(operation: str, listing: Callable[..., Any], params: Mapping[str, Any]) -> Iterator[stripe.StripeObject]:
    """The objects of a list as the SDK has them, page by page."""
    with own_errors(operation):
        page = listing(typed(params))
    while page.data:
        yield from page.data
        with own_errors(operation):
            page = page.next_page()


@contextmanager
def own_errors(operation: str) -> Iterator[None]:
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


def typed(given: Mapping[str, Any]) -> Any:
    """Our plain dicts where the SDK has a TypedDict for each call: a test checks them against those types."""
    return dict(given)
