"""`flask stripe quarantined`: what a person must look at, and why."""

from webapp.billing.queries import purchase
from webapp.extensions import transact
from webapp.orm import utc_now
from webapp.web.checkout import start_purchase


def test_quarantined_purchases_are_listed_with_what_differs(app, user):
    bought = start_purchase(user=user, pack_slug="popular", terms=None, open_key="form:1", now=utc_now())
    runner = app.test_cli_runner()
    assert runner.invoke(args=["stripe", "quarantined"]).output == ""

    def quarantine(session):
        stored = purchase(session, user.account_id, bought.id)
        stored.state, stored.reason = "quarantined", "subtotal"
        stored.differences = {"subtotal": {"expected": 3500, "found": 1}}

    transact(quarantine)
    lines = runner.invoke(args=["stripe", "quarantined"]).output.splitlines()
    assert lines[0].startswith(f"{bought.reference} account {user.account_id} cs_test_sim_")
    assert lines[1] == "  subtotal: expected 3500, found 1"
