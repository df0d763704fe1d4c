"""The table of who may ask what, and those who ask: see test_access.py, test_roles.py and test_key_access.py."""

import re
import secrets
from dataclasses import dataclass

from flask import Flask
from flask.testing import FlaskClient

from tests.api.books import hold, spend
from tests.api.calling import csrf_token_of

OPERATORS = ("support", "billing", "admin")
TO_LOGIN, IN_HTMX, IN_API = "303 to login", "401 with HX-Redirect", "401 as problem"


@dataclass(frozen=True)
class Row:
    """What one route answers: to nobody, to the owner of what its address names, to anybody else who is signed in.

    A route of the console also says what it answers to each role of an operator.
    """

    nobody: str | int
    owner: int
    other: int
    query: str = ""
    form: str = ""
    scope: str = ""  # what a key needs for it: routes of the API only
    service: int = 0  # what a service key gets that names the owner, if that isn't what the owner gets
    roles: tuple[int, ...] = ()  # what OPERATORS get


def page(owner=200, other=200, **more):
    return Row(TO_LOGIN, owner, other, **more)


def partial(owner=200, other=200, **more):
    return Row(IN_HTMX, owner, other, **more)


def api(scope, owner=200, other=200, **more):
    """Of a program's four columns two follow from the row, and two are the same everywhere: see `programs`."""
    return Row(IN_API, owner, other, scope=scope, **more)


def console(*roles, nobody=TO_LOGIN, **more):
    """Of the console: for those who are no operators it isn't there, whoever they are."""
    return Row(nobody, 404, 404, roles=roles, **more)


def public(status, signed_in=None, **more):
    return Row(status, signed_in or status, signed_in or status, **more)


# Endpoint and method; `{purchase}` and `{session}` are the owner's.
ACCESS = {
    ("alerts.dismiss", "POST"): page(404, 404),
    ("alerts.swap_dismissed", "POST"): partial(404, 404),
    ("api.balance", "GET"): api("read"),
    ("api.history", "GET"): api("read"),
    ("api.make_account", "POST"): api("manage", 403, 403, service=201, form='{"external_id": "a"}'),
    ("api.make_link", "POST"): api("manage", 403, 403, service=201, form="{}"),
    ("api.open_checkout", "POST"): api("manage", 201, 201, form='{"pack": "small"}'),
    ("api.open_pack_purchase", "POST"): api("manage", 201, 201, form='{"pack": "small"}'),
    ("api.read_catalog", "GET"): api("read"),
    ("api.verify_payment", "GET"): api("read", 200, 404, query="session_id={session}"),
    ("api.read_subscription", "GET"): api("read"),
    ("api.open_portal", "POST"): api("manage", 200, 409, form="{}"),
    ("api.spend", "POST"): api("spend", 201, 402, form='{"credits": 1}'),
    ("api.batch", "POST"): api("spend", 200, 200, form='{"spends": [{"key": "k", "credits": 1}]}'),
    ("api.estimate", "POST"): api("read", 200, 200, form='{"credits": 1}'),
    ("api.hold", "POST"): api("spend", 201, 402, form='{"credits": 1}'),
    ("api.read_hold", "GET"): api("read", 200, 404),
    ("api.capture", "POST"): api("spend", 201, 404, form='{"credits": 1}'),
    ("api.release", "POST"): api("spend", 201, 404, form="{}"),
    ("api.reverse", "POST"): api("spend", 201, 404, form="{}"),
    ("api.grant", "POST"): api("manage", 403, 403, service=201, form='{"kind": "gift", "credits": 1, "reason": "x"}'),
    ("api_docs.document", "GET"): public(200),
    ("api_docs.page", "GET"): public(200),
    ("auth.follow_link", "GET"): public(410),
    ("auth.login", "GET"): public(200, 303),
    ("auth.login", "POST"): public(422, 303),
    ("auth.logout", "GET"): public(303, 200),
    ("auth.logout", "POST"): public(303),
    ("auth.register", "GET"): public(200, 303),
    ("auth.register", "POST"): public(422, 303),
    ("checkout_return.success", "GET"): page(200, 404, query="session_id={session}"),
    ("billing.billing", "GET"): page(),
    ("billing.checkout", "POST"): page(303, 303, form="plan=plus&key={new}"),
    ("billing.portal", "POST"): page(303, 409),
    ("closing.close", "POST"): page(422, 422, form="key={key}&present=wrong"),
    ("closing.closing", "GET"): page(),
    ("credits.checkout", "POST"): page(303, 303, form="pack=small&key={key}&terms={terms}"),
    ("credits.credits", "GET"): page(),
    ("credits.receipt", "GET"): page(200, 404),
    ("dashboard.dashboard", "GET"): page(),
    ("dashboard.home", "GET"): Row(TO_LOGIN, 303, 303),
    ("health.healthz", "GET"): public(200),
    ("health.metrics", "GET"): public(200),
    ("health.readyz", "GET"): public(200),
    ("keys.back", "GET"): page(303, 303),
    ("keys.confirm", "GET"): page(200, 404),
    ("keys.create", "POST"): page(422, 422),
    ("keys.key", "GET"): page(200, 404),
    ("keys.keys", "GET"): page(),
    ("keys.limit", "POST"): page(422, 404),
    ("keys.rename", "POST"): page(422, 404),
    ("keys.renew", "POST"): page(200, 404, form="overlap=24"),
    ("keys.revoke", "POST"): page(303, 404),
    ("history.export", "GET"): page(),
    ("history.history", "GET"): page(),
    ("history.long_export", "GET"): page(),
    ("legacy.account_credits", "GET"): public(308),
    ("legacy.account_credits_success", "GET"): public(308),
    ("legacy.dashboard_customer", "GET"): public(308),
    ("operator.access", "GET"): console(200, 200, 200),
    ("operator.act", "GET"): console(200, 200, 200),
    ("operator.acts", "GET"): console(200, 200, 200),
    ("operator.acts_on", "GET"): console(200, 200, 200),
    ("operator.event", "GET"): console(200, 200, 200),
    ("operator.events", "GET"): console(200, 200, 200),
    ("operator.finding", "GET"): console(200, 200, 200),
    ("operator.op_events", "GET"): console(200, 200, 200, nobody=IN_HTMX),
    ("operator.op_health", "GET"): console(200, 200, 200, nobody=IN_HTMX),
    ("operator.op_purchases", "GET"): console(200, 200, 200, nobody=IN_HTMX),
    ("operator.purchase", "GET"): console(200, 200, 200),
    ("operator.purchases", "GET"): console(200, 200, 200),
    ("operator.reconciliation", "GET"): console(200, 200, 200),
    ("operator.reconciliations", "GET"): console(200, 200, 200),
    ("operator.settle", "GET"): console(403, 409, 409, query="purchase={purchase}"),
    ("operator.close", "POST"): console(403, 422, 422),
    ("operator.replay", "POST"): console(403, 303, 303),
    ("operator.do_settle", "POST"): console(403, 409, 409, form="step=do&key={key}&reason=x&purchase={purchase}"),
    ("operator.end_lot", "GET"): console(403, 200, 200, query="lot=1"),
    ("operator.grant", "GET"): console(403, 200, 200),
    ("operator.ledger", "GET"): console(200, 200, 200),
    ("operator.op_balance_card", "GET"): console(200, 200, 200, nobody=IN_HTMX),
    ("operator.op_entries", "GET"): console(200, 200, 200, nobody=IN_HTMX),
    ("operator.op_people", "GET"): console(200, 200, 200, nobody=IN_HTMX),
    ("operator.overview", "GET"): console(200, 200, 200),
    ("operator.pause", "GET"): console(403, 200, 200),
    ("operator.people", "GET"): console(200, 200, 200),
    ("operator.person", "GET"): console(200, 200, 200),
    ("operator.purchases_of", "GET"): console(200, 200, 200),
    ("operator.refund", "GET"): console(403, 200, 200, query="purchase={purchase}"),
    ("operator.request", "GET"): console(200, 200, 200),
    ("operator.requests", "GET"): console(200, 200, 200),
    ("operator.resume", "GET"): console(403, 409, 409),
    ("operator.role", "GET"): console(403, 403, 200),
    ("operator.sign_out", "GET"): console(403, 200, 200),
    ("operator.take", "GET"): console(403, 200, 200),
    ("operator.decide", "POST"): console(403, 422, 422, form="decision=decline&key={key}"),
    ("operator.do_end_lot", "POST"): console(403, 422, 422, form="step=do&lot=1&key={key}"),
    ("operator.do_grant", "POST"): console(403, 303, 303, form="step=do&kind=gift&credits=1&key={new}&reason=x"),
    ("operator.do_pause", "POST"): console(403, 422, 422, form="step=do&key={key}"),
    ("operator.do_refund", "POST"): console(403, 422, 422, form="step=do&purchase={purchase}&key={key}"),
    ("operator.do_resume", "POST"): console(403, 409, 409, form="step=do&key={key}&reason=x"),
    ("operator.do_role", "POST"): console(403, 403, 422, form="step=do&key={key}&reason=x&role=king"),
    ("operator.do_sign_out", "POST"): console(403, 422, 422, form="step=do&key={key}"),
    ("operator.do_take", "POST"): console(403, 422, 422, form="step=do&credits=0&key={key}&reason=x"),
    ("partials.alerts", "GET"): partial(),
    ("partials.allowance_card", "GET"): partial(),
    ("partials.balance_badge", "GET"): partial(),
    ("partials.balance_card", "GET"): partial(),
    ("partials.breakdown_card", "GET"): partial(),
    ("partials.checkout_status", "GET"): partial(200, 404),
    ("partials.controls_card", "GET"): partial(),
    ("partials.export_progress", "GET"): partial(200, 200),
    ("partials.forecast_card", "GET"): partial(),
    ("partials.history_rows", "GET"): partial(),
    ("partials.history_summary", "GET"): partial(),
    ("partials.invoices", "GET"): partial(),
    ("partials.notice", "GET"): partial(),
    ("partials.pack_estimate", "GET"): partial(),
    ("partials.pack_grid", "GET"): partial(),
    ("partials.plan_card", "GET"): partial(),
    ("partials.plans", "GET"): partial(),
    ("partials.plus_pack", "GET"): partial(),
    ("partials.purchases", "GET"): partial(),
    ("partials.recent_activity", "GET"): partial(),
    ("partials.usage_panel", "GET"): partial(),
    ("partials.usage_report", "GET"): partial(),
    ("refunds.ask", "POST"): page(303, 404, form="key={key}&credits=1&amount_minor=1"),
    ("refunds.back", "GET"): page(303, 303),
    ("refunds.refund", "GET"): page(200, 404),
    ("refunds.withdraw", "POST"): page(303, 404),
    ("settings.alerts", "GET"): partial(),
    ("settings.balance", "GET"): partial(),
    ("settings.browsers", "GET"): partial(),
    ("settings.close", "GET"): partial(),
    ("settings.email", "GET"): partial(),
    ("settings.keys", "GET"): partial(),
    ("settings.limits", "GET"): partial(),
    ("settings.look", "GET"): partial(),
    ("settings.password", "GET"): partial(),
    ("settings.save_alerts", "POST"): page(303, 303),
    ("settings.save_browsers", "POST"): page(303, 303),
    ("settings.save_email", "POST"): page(422, 422),
    ("settings.save_limits", "POST"): page(422, 422),
    ("settings.save_look", "POST"): page(422, 422),
    ("settings.save_password", "POST"): page(422, 422),
    ("settings.save_spending", "POST"): page(303, 303, form="act=resume"),
    ("settings.section", "GET"): page(404, 404),
    ("settings.settings", "GET"): page(),
    ("settings.spending", "GET"): partial(),
    ("settings.swap_alerts", "POST"): partial(),
    ("settings.swap_browsers", "POST"): partial(),
    ("settings.swap_email", "POST"): partial(422, 422),
    ("settings.swap_limits", "POST"): partial(422, 422),
    ("settings.swap_look", "POST"): partial(422, 422),
    ("settings.swap_password", "POST"): partial(422, 422),
    ("settings.swap_spending", "POST"): partial(form="act=resume"),
    ("static", "GET"): public(200),
    ("usage.usage", "GET"): page(),
    ("webhook.receive", "POST"): public(400),
    # The simulated Stripe stands for another company's site: it knows no users of ours, and only this machine.
    ("simulator.control_room", "GET"): public(200),
    ("simulator.event", "GET"): public(404),
    ("simulator.stored_object", "GET"): public(200),
    ("simulator.checkout", "GET"): public(200),
    ("simulator.authentication", "GET"): public(303),
    ("simulator.closed", "GET"): public(200),
    ("simulator.confirming", "GET"): public(303),
    ("simulator.receipt", "GET"): public(404),
    ("simulator.static", "GET"): public(200),
    ("simulator.pay", "POST"): public(303, form="outcome=declined&webhook=never"),
    ("simulator.authenticate", "POST"): public(303, form="answer=fail"),
    ("simulator.resend", "POST"): public(404),
    ("simulator.settle", "POST"): public(404, form="end=succeeds"),
    ("simulator.payment", "GET"): public(404),
    ("simulator.refund", "POST"): public(404),
    ("simulator.dispute", "POST"): public(404),
    ("simulator.end_refund", "POST"): public(404),
    ("simulator.step_dispute", "POST"): public(404),
    ("simulator.expire", "POST"): public(303),
    ("simulator.subscription", "GET"): public(404),
    ("simulator.renew", "POST"): public(404),
    ("simulator.act_on_subscription", "POST"): public(404, form="act=cancel"),
    ("simulator.switch_subscription", "POST"): public(404),
    ("simulator.change_subscription_card", "POST"): public(404),
    ("simulator.invoice", "GET"): public(404),
    ("simulator.pay_invoice", "POST"): public(404),
    ("simulator.act_on_invoice", "POST"): public(404),
    ("simulator.all_deliveries", "POST"): public(303, form="act=let_go"),
    ("simulator.chosen_deliveries", "POST"): public(303, form="act=send&manner=plain"),
    ("simulator.move_clock", "POST"): public(303, form="by=hour&course=paid"),  # an old page: it moves nothing
    ("simulator.use_code", "POST"): public(303, form="act=apply&code=NONE"),
    ("simulator.make_code", "POST"): public(303, form="percent=0"),
    ("simulator.portal", "GET"): public(404),
    ("simulator.portal_switch", "GET"): public(404),
    ("simulator.portal_cancel", "GET"): public(404),
    ("simulator.portal_card", "GET"): public(404),
    ("simulator.switch_in_portal", "POST"): public(404),
    ("simulator.cancel_in_portal", "POST"): public(404),
    ("simulator.resume_in_portal", "POST"): public(404),
    ("simulator.change_card_in_portal", "POST"): public(404),
    ("simulator.arm_fault", "POST"): public(303, form="call=POST%20/v1/prices&fault=500&times=1"),
    ("simulator.clear_faults", "POST"): public(303),
}
REQUEST_ID = "refundrequest1"  # the owner's, of their purchase
WITHOUT_TOKEN = {"webhook.receive"}
LAST = {"auth.logout", "keys.revoke"}  # what they end the others need
EVENT_ID, FINGERPRINT = "evt_1", "f" * 64
PLACE = {"form": "name"}  # of addresses that take one of a few words
FILES = {"static": "app.css", "simulator.static": "simulator.css"}


@dataclass(frozen=True)
class Shop:
    """The owner's purchase, paid, with a key and an act on the account; what Stripe told; and those who ask."""

    app: Flask
    purchase_id: str
    session_id: str
    owner_id: int
    key_id: int
    act_id: str
    run_id: int
    nobody: FlaskClient
    owner: FlaskClient
    other: FlaskClient
    support: FlaskClient
    billing: FlaskClient
    admin: FlaskClient

    def path(self, endpoint: str) -> str:
        (rule,) = [rule for rule in self.app.url_map.iter_rules() if rule.endpoint == endpoint]
        known = {"purchase_id": self.purchase_id, "session_id": self.session_id, "object_id": self.session_id}
        known |= {"filename": FILES.get(endpoint, ""), "key_id": str(self.key_id), "account": str(self.owner_id)}
        known |= {"account_id": str(self.owner_id), "act_id": self.act_id}
        known |= {"event_id": EVENT_ID, "number": str(self.run_id), "fingerprint": FINGERPRINT}
        known |= {"request_id": REQUEST_ID}
        known |= {"export_id": "e" * 16} | PLACE | self._made(rule.arguments)
        return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", lambda found: known.get(found[1], "unknown"), rule.rule)

    def _made(self, names: set[str]) -> dict[str, str]:
        """A hold or a use of the owner's that nobody has closed or returned yet."""
        makers = {name: make for name, make in {"hold": hold, "entry": spend}.items() if name in names}
        return {name: str(make(self.owner_id, 1, actor_kind="user").entry.seq) for name, make in makers.items()}

    def filled(self, text: str) -> str:
        from webapp.extensions import parts

        known = {"{purchase}": self.purchase_id, "{session}": self.session_id, "{key}": "k" * 16}
        known |= {"{terms}": parts().catalog.pack("small").terms, "{new}": secrets.token_hex(8)}
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    def ask(self, client: FlaskClient, endpoint: str, method: str, *, token: str | None = "own", **headers: str):
        """One request as the row says; `token` None sends no CSRF token."""
        row = ACCESS[endpoint, method]
        form = self.filled(row.form)
        sent = dict(headers) | ({"Idempotency-Key": secrets.token_hex(8)} if method == "POST" else {})
        if method == "POST" and token:
            sent["X-CSRFToken"] = csrf_token_of(self.app, client)
        return client.open(
            self.path(endpoint),
            method=method,
            query_string=self.filled(row.query),
            data=form or None,
            content_type="application/json" if form.startswith("{") else "application/x-www-form-urlencoded",
            headers=sent,
        )


def insider(endpoint):
    """Who may use most of such a route: its owner, or, in the console, an admin."""
    return "admin" if endpoint.startswith("operator.") else "owner"


def routes(app):
    """Every endpoint with each method that does something."""
    return {
        (rule.endpoint, method) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def told(response):
    """The answer in the words of the table."""
    if response.status_code == 303 and response.headers["Location"].partition("?")[0] == "/login":
        return TO_LOGIN
    if response.status_code == 401:
        return IN_HTMX if response.headers.get("HX-Redirect", "").startswith("/login") else IN_API
    return response.status_code
