"""Webhook endpoints: stored and listed. Deliveries always go to this application's own webhook address.

https://docs.stripe.com/api/webhook_endpoints
"""

import secrets

import stripe

from webapp.simulator.calls import Call, merged_metadata
from webapp.simulator.lists import Listing, page
from webapp.simulator.shapes import blank, new_id
from webapp.simulator.store import Json

CREATED_WITH = ("url", "enabled_events", "api_version", "description", "metadata")
UPDATED_WITH = ("url", "enabled_events", "description", "metadata", "disabled")


def create(call: Call) -> Json:
    """Store an endpoint. Its secret is in this one answer only, as at Stripe."""
    endpoint = blank(
        stripe.WebhookEndpoint,
        id=new_id("we"),
        object="webhook_endpoint",
        api_version=call.params.get("api_version"),
        created=call.now,
        livemode=False,
        metadata={},
        status="enabled",
    )
    call.state.add(_updated(endpoint, call.params))
    return {**_updated(endpoint, call.params), "secret": f"whsec_sim_{secrets.token_hex(24)}"}


def retrieve(call: Call, endpoint_id: str) -> Json:
    """One endpoint."""
    return call.required("webhook_endpoint", endpoint_id)


def update(call: Call, endpoint_id: str) -> Json:
    """Change the fields that were given; `disabled` sets the status."""
    endpoint = call.required("webhook_endpoint", endpoint_id)
    return call.state.save(_updated(endpoint, call.params))


def list_all(call: Call) -> Json:
    """Endpoints, newest first."""
    return page(call, Listing("webhook_endpoint", "sim_object", "/v1/webhook_endpoints"))


def _updated(endpoint: Json, params: Json) -> Json:
    new = {**endpoint, "metadata": merged_metadata(endpoint["metadata"], params.get("metadata"))}
    new |= {name: params[name] for name in ("url", "enabled_events") if name in params}
    if "description" in params:
        new["description"] = params["description"] or None
    if "disabled" in params:
        new["status"] = "disabled" if params["disabled"] else "enabled"
    return new
