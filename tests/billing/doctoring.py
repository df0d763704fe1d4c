"""Looking at an application as its doctor does, with other settings where a test says so."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from webapp.billing.gateway import build_gateway
from webapp.doctor import run as doctor

URL = "http://127.0.0.1:8000/api/stripe/webhook"
PUBLIC = "https://credits.example.com"
SECRET = "whsec_canary_of_the_test"


def look(name):
    """One check, made as the command makes it."""
    (found,) = doctor.all_checks(diagnoses=[one for one in doctor.DIAGNOSES if one.name == name])
    assert found.name == name
    return found


def states():
    return {check.name: check.state for check in doctor.all_checks()}


@pytest.fixture
def with_settings(buying):
    """Change settings of the running application; its Stripe stays the simulated one, in whatever mode is said."""

    def change_settings(**changes):
        parts = buying.app.extensions["refill"]
        settings = parts.settings.model_copy(update=changes)
        gateway = build_gateway(settings, http_client=buying.simulator)
        buying.app.extensions["refill"] = replace(parts, settings=settings, gateway=gateway)

    return change_settings


@pytest.fixture
def real(buying, with_settings):
    """As with a test key, at a public address; nothing is bought."""
    with_settings(
        stripe_mode="test",
        stripe_secret_key=SecretStr("sk_test_simulated"),
        base_url=PUBLIC,
        stripe_webhook_secret=SecretStr(SECRET),
    )
    return buying
