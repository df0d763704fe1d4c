"""Refusals in Stripe's own shape. Knows the error object; must not know which endpoint refused.

https://docs.stripe.com/api/errors
"""

from typing import Any, ClassVar

DOCS = "https://docs.stripe.com/error-codes/"


class StripeRefusal(Exception):
    """A request that Stripe would refuse. The transaction it happened in is rolled back.

    `param` is the parameter at fault in bracket notation (`line_items[0][price]`).
    """

    status: ClassVar[int] = 400
    kind: ClassVar[str] = "invalid_request_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param

    def body(self) -> dict[str, Any]:
        """The error object; fields without a value are left out, as Stripe does."""
        error = {"type": self.kind, "code": self.code, "message": self.message, "param": self.param}
        if self.code:
            error["doc_url"] = DOCS + self.code.replace("_", "-")
        return {"error": {name: value for name, value in error.items() if value is not None}}


class NotFound(StripeRefusal):
    """The object in the address does not exist."""

    status = 404


class BadKey(StripeRefusal):
    """No API key, or one that is not the simulator's."""

    status = 401


class KeyReused(StripeRefusal):
    """An idempotency key came again with other parameters or at another endpoint."""

    kind = "idempotency_error"


class NotSimulated(StripeRefusal):
    """Stripe knows this endpoint or parameter, the simulator does not. Never a silent success."""

    status = 501
    kind = "api_error"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not simulated. Use a Stripe sandbox to try it.", code="not_simulated")

    def body(self) -> dict[str, Any]:
        """The error object, without an address: Stripe has no page about it."""
        body = super().body()
        del body["error"]["doc_url"]
        return body


def missing(kind: str, object_id: str, *, param: str) -> StripeRefusal:
    """A parameter names an object that does not exist."""
    return StripeRefusal(f"No such {kind}: '{object_id}'", code="resource_missing", param=param)
