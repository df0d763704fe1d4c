"""The JSON API: one table of its routes. Answers are shapes of `schemas`; refusals are drawn by `web.errors`."""

from flask import Blueprint

from webapp.api.accounts import make_account, make_link
from webapp.api.billing import open_checkout, open_pack_purchase, verify_payment
from webapp.api.callers import admit, needs, service_only
from webapp.api.catalog import read_catalog
from webapp.api.credits import balance, history
from webapp.extensions import csrf

bp = Blueprint("api", __name__, url_prefix="/api")
bp.before_request(admit)
csrf.exempt(bp)  # `admit` looks at the token itself, after the sign-in

bp.get("/credits/balance")(needs("read")(balance))
bp.get("/credits/history")(needs("read")(history))
bp.get("/catalog")(needs("read")(read_catalog))
bp.post("/billing/checkout")(needs("manage")(open_checkout))
bp.post("/credits/purchase")(needs("manage")(open_pack_purchase))
bp.get("/billing/verify-payment")(needs("read")(verify_payment))
bp.post("/accounts")(needs("manage")(service_only(make_account)))
bp.post("/accounts/<path:account>/login-link")(needs("manage")(service_only(make_link)))  # its id may have slashes
