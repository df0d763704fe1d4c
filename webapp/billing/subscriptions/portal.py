"""Stripe's customer portal: what may be done there, and where a link leads.

https://docs.stripe.com/customer-management/portal-deep-links
"""

from typing import Any, Literal, get_args

from webapp.billing.subscriptions.models import Subscription

PortalFlow = Literal["payment_method", "cancel", "switch"]
FLOWS: tuple[PortalFlow, ...] = get_args(PortalFlow)


def portal_params(
    customer_id: str, row: Subscription | None, flow: PortalFlow | None, *, base_url: str
) -> dict[str, Any]:
    """The parameters of a portal session. The portal always comes back to the billing page, which reads anew."""
    return_url = f"{base_url}/billing?portal=return"
    params: dict[str, Any] = {"customer": customer_id, "return_url": return_url}
    data = _flow(row, flow)
    if data is not None:
        params["flow_data"] = data | {
            "after_completion": {"type": "redirect", "redirect": {"return_url": return_url}},
        }
    return params


def _flow(row: Subscription | None, flow: PortalFlow | None) -> dict[str, Any] | None:
    """Straight to one thing. What ends with the subscription isn't there without one that goes on."""
    if flow == "payment_method":
        return {"type": "payment_method_update"}
    if row is None or row.ended_at is not None:
        return None
    if flow == "cancel" and row.ends_at is None:
        return {"type": "subscription_cancel", "subscription_cancel": {"subscription": row.id}}
    if flow == "switch":
        return {"type": "subscription_update", "subscription_update": {"subscription": row.id}}
    return None
