"""How often one user may ask for what costs a call to Stripe or tells of others. By user: offices share an address."""

import re

from flask import request
from flask_limiter.util import get_remote_address
from flask_login import current_user

from webapp.extensions import limiter
from webapp.web.keys import has_key, key_asking
from webapp.web.refusals import InvalidKey

# The one-time key of a form: what our pages make, and nothing that could not be stored.
FORM_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")

# What stands in the address of the billing page when somebody comes from Stripe.
FROM_STRIPE = {"session_id", "checkout", "portal"}


def asker() -> str:
    """Whose requests are counted together: those of one API key, of the signed-in user, or of one address."""
    if has_key(request):
        return _key_asking()
    if current_user.is_authenticated:
        return f"user:{current_user.id}"
    return f"address:{get_remote_address()}"


def _key_asking() -> str:
    try:
        key = key_asking()
    except InvalidKey:
        key = None  # the route will say so; until then it counts for its address
    return f"key:{key.id}" if key else f"address:{get_remote_address()}"


# One count for every way to open a checkout, so that a second route is no second allowance.
checkout_limit = limiter.shared_limit("10 per minute", scope="checkout", key_func=asker)
# The card of the plan asks ten times within 20 s when somebody comes from Stripe; else that page asks Stripe nothing.
plan_limit = limiter.limit("20 per minute", key_func=asker, exempt_when=lambda: not request.args.keys() & FROM_STRIPE)
portal_limit = limiter.shared_limit("10 per minute", scope="portal", key_func=asker)
refund_limit = limiter.shared_limit("10 per minute", scope="refunds", key_func=asker)
# Renewing counts as making: each leaves a row for good.
key_limit = limiter.shared_limit("60 per hour", scope="keys", key_func=asker)
# A link is asked for by its secret, which nobody guesses; a flood of guesses would cost the database a read each.
link_limit = limiter.limit("120 per minute", key_func=lambda: f"address:{get_remote_address()}")
# Each new address that is refused hints at who has one.
email_limit = limiter.shared_limit("20 per hour", scope="email", key_func=asker)
verify_limit = limiter.limit("20 per minute", key_func=asker)
