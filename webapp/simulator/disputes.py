"""Disputes: their endpoints. How one goes on is in `disputing`.

https://docs.stripe.com/api/disputes
"""

from webapp.simulator.calls import Call, changed, merged_metadata
from webapp.simulator.disputing import is_inquiry, steps_of, take_step
from webapp.simulator.errors import NotSimulated, StripeRefusal
from webapp.simulator.events import Happening, emit_for
from webapp.simulator.lists import Listing, check_filters, page
from webapp.simulator.store import Json


def retrieve(call: Call, dispute_id: str) -> Json:
    """One dispute."""
    return call.required("dispute", dispute_id)


def list_all(call: Call) -> Json:
    """Disputes, newest first, those that have ended too."""
    check_filters(call, "charge", "payment_intent")
    params = call.params

    def fits(dispute: Json) -> bool:
        return all(params.get(name) in {None, dispute[name]} for name in ("charge", "payment_intent"))

    return page(call, Listing("dispute", "sim_object", "/v1/disputes"), fits)


def update(call: Call, dispute_id: str) -> Json:
    """Change the metadata. Evidence is not simulated: the control room says how a dispute ends."""
    old = call.required("dispute", dispute_id)
    new = {**old, "metadata": merged_metadata(old["metadata"], call.params.get("metadata"))}
    if previous := changed(old, new):
        call.state.save(new)
        emit_for(call, "charge.dispute.updated", new, previous)
    return new


def close(call: Call, dispute_id: str) -> Json:
    """Accept a dispute: it is lost, for good."""
    dispute = call.required("dispute", dispute_id)
    if not steps_of(dispute):
        raise StripeRefusal("This dispute is already closed.")
    if is_inquiry(dispute):
        raise NotSimulated("Closing an inquiry by the API")
    return take_step(Happening(call.state, call.now, call=call), dispute_id, "lose")
