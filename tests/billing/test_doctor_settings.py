"""What the doctor says of keys, secrets, endpoints and prices: the same on both databases, so on one."""

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, update

from tests.app.one_database import database_url
from tests.billing.doctoring import PUBLIC, SECRET, look, real, with_settings
from webapp.billing.models import StripePrice
from webapp.billing.webhooks import event_types
from webapp.extensions import transact

__all__ = ["database_url", "real", "with_settings"]


class TestModeAndSecrets:
    def test_without_payments_it_says_what_to_set(self, buying, with_settings):
        with_settings(stripe_mode="off")
        assert look("stripe").state == "warn"
        assert "STRIPE_SECRET_KEY" in look("stripe").sentence
        assert {"bad"} & {look(name).state for name in ("endpoint", "webhooks", "prices", "reconciliation")} == set()

    @pytest.mark.parametrize(
        ("mode", "app_env", "state"),
        [("live", "production", "ok"), ("live", "development", "warn"), ("test", "production", "warn")],
    )
    def test_the_mode_must_fit_where_we_run(self, real, with_settings, mode, app_env, state):
        key = SecretStr("sk_test_simulated")
        with_settings(stripe_mode=mode, app_env=app_env, stripe_secret_key=key)
        assert look("stripe").state == state

    def test_a_missing_webhook_secret_is_bad_and_one_of_the_wrong_kind_is_told(self, real, with_settings):
        assert look("webhook secret").state == "ok"
        with_settings(stripe_webhook_secret=SecretStr("sk_test_pasted_here"))
        assert look("webhook secret").state == "warn"
        with_settings(stripe_webhook_secret=None)
        found = look("webhook secret")
        assert found.state == "bad"
        assert f"flask stripe sync --webhook {PUBLIC}/api/stripe/webhook" in found.sentence

    def test_no_secret_is_in_anything_it_says(self, real):
        for args in (["doctor"], ["doctor", "--json"]):
            ran = real.app.test_cli_runner().invoke(args=args)
            assert SECRET not in ran.output
            assert "sk_test" not in ran.output


class TestEndpoint:
    def make(self, real, **more):
        params = {"url": f"{PUBLIC}/api/stripe/webhook", "enabled_events": list(event_types())} | more
        gateway = real.app.extensions["refill"].gateway
        params.setdefault("api_version", "2026-10-28.endive")
        return gateway._v1.webhook_endpoints.create({name: fact for name, fact in params.items() if fact})

    def test_none_at_our_address_is_bad_with_the_exact_address_to_paste(self, real):
        self.make(real, url=f"{PUBLIC}/stripe/webhook")
        found = look("endpoint")
        assert found.state == "bad"
        assert f"its address must be {PUBLIC}/api/stripe/webhook" in found.sentence
        assert [one["url"] for one in found.facts["endpoints"]] == [f"{PUBLIC}/stripe/webhook"]

    def test_one_that_tells_everything_is_right(self, real):
        self.make(real)
        assert look("endpoint").state == "ok"

    def test_one_that_tells_all_there_is_is_right(self, real):
        self.make(real, enabled_events=["*"])
        assert look("endpoint").state == "ok"

    def test_one_that_lacks_an_event_is_bad_and_names_it(self, real):
        self.make(real, enabled_events=[one for one in event_types() if one != "refund.failed"])
        found = look("endpoint")
        assert (found.state, "doesn't tell us refund.failed:" in found.sentence) == ("bad", True)

    def test_a_disabled_one_is_bad(self, real):
        made = self.make(real)
        real.app.extensions["refill"].gateway._v1.webhook_endpoints.update(made.id, {"disabled": True})
        assert (look("endpoint").state, "is disabled" in look("endpoint").sentence) == ("bad", True)

    @pytest.mark.parametrize("version", ["2024-06-20", None])
    def test_one_of_another_version_works_and_is_told(self, real, version):
        self.make(real, api_version=version)
        assert (look("endpoint").state, "API version" in look("endpoint").sentence) == ("warn", True)

    def test_two_of_the_same_address_tell_everything_twice(self, real):
        self.make(real)
        self.make(real)
        assert (look("endpoint").state, "2 times" in look("endpoint").sentence) == ("warn", True)

    def test_a_machine_of_ones_own_is_told_to_listen(self, real, with_settings):
        with_settings(base_url="http://127.0.0.1:8000")
        assert (look("endpoint").state, "flask stripe listen" in look("endpoint").sentence) == ("warn", True)

    @pytest.mark.parametrize(("status", "words"), [(401, "STRIPE_SECRET_KEY"), (403, "may not"), (500, "reached")])
    def test_a_stripe_that_says_no_or_nothing_is_bad(self, real, status, words):
        real.simulator.faults.answer("GET", "/v1/webhook_endpoints", status=status, times=9)
        assert (look("endpoint").state, words in look("endpoint").sentence) == ("bad", True)


class TestPrices:
    def test_a_pack_whose_price_differs_or_is_gone_is_bad(self, buying):
        assert look("prices").state == "ok"
        of = StripePrice.lookup_key == "refill_pack_popular"
        transact(lambda session: session.execute(update(StripePrice).where(of).values(amount_minor=1)))
        found = look("prices")
        assert (found.state, list(found.facts["packs"])) == ("bad", ["popular"])
        assert "Run: flask stripe sync" in found.sentence
        transact(lambda session: session.execute(delete(StripePrice)))
        assert len(look("prices").facts["packs"]) == 6
