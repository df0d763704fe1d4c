"""`POST /api/stripe/webhook`: Stripe's events. The signature is the only credential: no user, no CSRF, no limit."""

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webapp.billing.errors import InvalidWebhook, PaymentsOff
from webapp.billing.gateway import verified_event
from webapp.crashes import point
from webapp.extensions import csrf, limiter, parts
from webapp.orm import utc_now
from webapp.web.inbox import WEBHOOK_PATH, take
from webapp.web.logs import log

MAX_BODY_BYTES = 1 << 20

bp = Blueprint("webhook", __name__)
csrf.exempt(bp)
limiter.exempt(bp)


@bp.post(WEBHOOK_PATH)
def receive() -> Response:
    """Store a signed event with its effects, and answer 200; anything else makes Stripe send it again.

    400 for what Stripe didn't sign for us, 413 over 1 MiB (decided before the body is read), 503 while payments are
    off, 500 when the event failed: it is stored as failed, and the next delivery tries again.
    """
    gateway = parts().gateway
    if gateway is None:
        raise PaymentsOff
    body = _body()
    try:
        event = verified_event(
            body, request.headers.get("Stripe-Signature"), parts().settings.webhook_secrets, now=utc_now()
        )
    except InvalidWebhook as invalid:
        log.warning("webhook refused", reason=invalid.reason, bytes=len(body))
        raise
    point("webhook.verified")
    outcome = take(event, gateway)
    point("webhook.answering")
    return jsonify(received=event.id, state=outcome.state, reason=outcome.reason)


def _body() -> bytes:
    """The raw body. One that says it is too long is not read; one that doesn't say is read to a byte over the limit."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    request.max_content_length = MAX_BODY_BYTES + 1  # Werkzeug cuts a chunked body there, without a word
    body = request.get_data(cache=False)
    if len(body) > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
    return body
