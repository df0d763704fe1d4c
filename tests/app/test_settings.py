"""Settings refuse what can't work, in sentences that name the setting and never a secret."""

import re

import pytest

from tests.support.databases import ROOT
from webapp.settings import Settings, SettingsError, read_settings

SECRET = "canary-4f9a1c7e2b8d5063-of-32-or-more"
PRODUCTION = {
    "app_env": "production",
    "secret_key": SECRET,
    "database_url": "postgresql://refill@db/refill",
    "base_url": "https://credits.example.com",
}
SIMULATED = {"stripe_mode": "simulated", "stripe_webhook_secret": f"whsec_{SECRET}"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    """Nothing of the machine's own environment counts here."""
    for name in (
        *("APP_ENV", "SECRET_KEY", "DATABASE_URL", "BASE_URL", "PORT", "CATALOG", "BRAND_NAME", "STRIPE_MODE"),
        *("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "TRUSTED_PROXIES", "LOG_FORMAT"),
    ):
        monkeypatch.delenv(name, raising=False)


def read(**given):
    return read_settings(_env_file=None, **given)


def faults(**given):
    with pytest.raises(SettingsError) as refused:
        read(**given)
    return refused.value.faults


REFUSALS = [
    (
        {"app_env": "production"},
        [
            "SECRET_KEY is missing: it signs the session cookies.",
            "DATABASE_URL is missing: production runs on PostgreSQL.",
            "BASE_URL is missing: Stripe sends buyers back to it.",
        ],
    ),
    (PRODUCTION | {"secret_key": "x" * 31}, ["SECRET_KEY is too short: use 32 random characters or more."]),
    (
        PRODUCTION | {"base_url": "http://credits.example.com"},
        ["BASE_URL must begin with https:// in production: sign-ins travel to it."],
    ),
    (PRODUCTION | {"secret_key": None}, ["SECRET_KEY is missing: it signs the session cookies."]),
    (
        PRODUCTION | {"stripe_api_base": "http://127.0.0.1:9"},
        ["STRIPE_API_BASE is for development: production talks to Stripe only."],
    ),
    (
        {"stripe_secret_key": SECRET},
        ["STRIPE_SECRET_KEY is not a Stripe secret key: it must begin with sk_ or rk_, then test_ or live_."],
    ),
    ({"stripe_mode": "test"}, ["STRIPE_MODE=test needs STRIPE_SECRET_KEY."]),
    ({"stripe_mode": "live"}, ["STRIPE_MODE=live needs STRIPE_SECRET_KEY."]),
    (
        {"stripe_mode": "test", "stripe_secret_key": f"sk_live_{SECRET}"},
        ["STRIPE_MODE=test, but STRIPE_SECRET_KEY is a live key."],
    ),
    (
        {"stripe_mode": "live", "stripe_secret_key": f"rk_test_{SECRET}"},
        ["STRIPE_MODE=live, but STRIPE_SECRET_KEY is a test key."],
    ),
    (
        {"stripe_mode": "simulated"},
        ["STRIPE_MODE=simulated needs STRIPE_WEBHOOK_SECRET (`make run` writes one into .env)."],
    ),
    (
        SIMULATED | {"stripe_secret_key": f"sk_test_{SECRET}"},
        ["STRIPE_MODE=simulated and STRIPE_SECRET_KEY are both set: remove one."],
    ),
    (
        SIMULATED | PRODUCTION | {"base_url": "https://localhost"},
        ["STRIPE_MODE=simulated is refused in production: it hands out credits without money."],
    ),
    (
        SIMULATED | {"base_url": "https://credits.example.com"},
        ["STRIPE_MODE=simulated is refused when BASE_URL has a public host name."],
    ),
    (
        {"crash_file": "/tmp/crash"},
        ["CRASH_FILE is refused unless APP_ENV=test: with it Refill kills itself where a test says."],
    ),
    (
        PRODUCTION | {"crash_file": "/tmp/crash"},
        ["CRASH_FILE is refused unless APP_ENV=test: with it Refill kills itself where a test says."],
    ),
    ({"app_env": "staging"}, ["APP_ENV: Input should be 'development', 'test' or 'production'."]),
    ({"stripe_mode": "fake"}, ["STRIPE_MODE: Input should be 'simulated', 'test', 'live' or 'off'."]),
    ({"log_format": "xml"}, ["LOG_FORMAT: Input should be 'json' or 'text'."]),
    ({"port": 0}, ["PORT: Input should be greater than or equal to 1."]),
    ({"port": 65536}, ["PORT: Input should be less than or equal to 65535."]),
    ({"trusted_proxies": -1}, ["TRUSTED_PROXIES: Input should be greater than or equal to 0."]),
]


@pytest.mark.parametrize(("given", "sentences"), REFUSALS, ids=[words[0][:60] for _, words in REFUSALS])
def test_settings_that_cant_work_are_refused_in_sentences(given, sentences):
    assert faults(**given) == sentences


@pytest.mark.parametrize(
    "base_url",
    [
        *("credits.example.com", "ftp://example.com", "https://", "https://example.com/app", "https://example.com?x=1"),
        *(
            "https://example.com/#top",
            "https://user:pass@example.com",
            "https://exa mple.com",
            "https://a.example:port",
        ),
    ],
)
def test_a_base_url_that_is_no_origin_is_refused(base_url):
    (sentence,) = faults(base_url=base_url)
    assert sentence.startswith("BASE_URL: ")
    assert "origin like https://credits.example.com" in sentence


def test_a_base_url_is_kept_as_an_origin_in_small_letters():
    assert read(base_url="HTTPS://Credits.Example.COM/").base_url == "https://credits.example.com"


def test_without_a_base_url_it_is_this_machine_at_the_port():
    assert read(port=8123).base_url == "http://127.0.0.1:8123"


def test_every_fault_is_told_at_once():
    found = faults(app_env="production", stripe_mode="simulated", base_url="http://127.0.0.1:8000")
    assert [sentence.split(" ")[0] for sentence in found] == [
        *("SECRET_KEY", "DATABASE_URL", "BASE_URL"),
        *("STRIPE_MODE=simulated", "STRIPE_MODE=simulated"),
    ]


@pytest.mark.parametrize("given", [given for given, _ in REFUSALS if SECRET in str(given)], ids=str)
def test_no_refusal_repeats_a_secret(given):
    with pytest.raises(SettingsError) as refused:
        read(**given)
    assert SECRET not in str(refused.value)
    assert SECRET not in repr(refused.value.__cause__) + repr(refused.value.__context__)


def test_secrets_are_not_in_the_text_of_the_settings():
    settings = read(**PRODUCTION, stripe_secret_key=f"sk_live_{SECRET}", stripe_webhook_secret=f"whsec_{SECRET}")
    assert SECRET not in repr(settings) + str(settings)


@pytest.mark.parametrize("prefix", ["postgres", "postgresql"])
def test_a_platforms_database_address_is_given_its_driver(prefix):
    assert read(database_url=f"{prefix}://u:p@db:5432/refill").database_url == "postgresql+psycopg://u:p@db:5432/refill"


def test_a_database_address_with_a_driver_or_of_sqlite_is_left_alone():
    for url in ("postgresql+psycopg://u@db/refill", "sqlite:///refill.sqlite3"):
        assert read(database_url=url).database_url == url


def test_complete_production_settings_are_accepted():
    settings = read(**PRODUCTION, stripe_secret_key="sk_live_x", stripe_webhook_secret="whsec_x")
    assert settings.is_production
    assert settings.payments == "live"


def test_production_without_keys_starts_with_payments_off():
    assert read(**PRODUCTION).payments == "off"


@pytest.mark.parametrize(
    ("key", "mode"),
    [("sk_test_1", "test"), ("rk_test_1", "test"), ("sk_live_1", "live"), ("rk_live_1", "live"), (None, "off")],
)
def test_the_mode_is_read_from_the_key(key, mode):
    assert read(stripe_secret_key=key).payments == mode


@pytest.mark.parametrize("key", ["pk_test_1", "sk_test", "SK_TEST_1", " sk_test_1", "whsec_1", "sk_prod_1"])
def test_what_is_no_secret_key_is_refused(key):
    assert "is not a Stripe secret key" in faults(stripe_secret_key=key)[0]


@pytest.mark.parametrize(
    "base_url",
    ["http://127.0.0.1:8000", "http://localhost", "http://app.localhost:5000", "http://[::1]:8000", "http://127.1.2.3"],
)
def test_simulated_stripe_is_accepted_on_this_machine(base_url):
    assert read(**SIMULATED, base_url=base_url).payments == "simulated"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://0.0.0.0:8000",
        "http://10.0.0.7",
        "http://localhost.example.com",
        "http://127.0.0.1.nip.io",
        "http://1.1.1.1",
    ],
)
def test_simulated_stripe_is_refused_on_every_other_host(base_url):
    assert "public host name" in faults(**SIMULATED, base_url=base_url)[0]


def test_several_webhook_secrets_are_read_from_one_list():
    assert read(stripe_webhook_secret=" whsec_new , whsec_old,,").webhook_secrets == ("whsec_new", "whsec_old")
    assert read().webhook_secrets == ()


def test_a_webhook_secret_of_commas_is_none():
    assert "needs STRIPE_WEBHOOK_SECRET" in faults(stripe_mode="simulated", stripe_webhook_secret=" , ")[0]


def test_an_empty_variable_is_as_good_as_none(monkeypatch):
    monkeypatch.setenv("STRIPE_SECRET_KEY", "")
    monkeypatch.setenv("STRIPE_MODE", "")
    monkeypatch.setenv("PORT", "")
    settings = read()
    assert (settings.payments, settings.port) == ("off", 8000)


def test_an_empty_secret_key_in_production_is_missing(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "")
    given = {name: text for name, text in PRODUCTION.items() if name != "secret_key"}
    assert faults(**given) == ["SECRET_KEY is missing: it signs the session cookies."]


def test_the_environment_is_read_by_the_documented_names(monkeypatch):
    monkeypatch.setenv("BRAND_NAME", "Callbox")
    monkeypatch.setenv("BASE_URL", "https://callbox.example/")
    settings = read()
    assert (settings.brand_name, settings.base_url) == ("Callbox", "https://callbox.example")


def test_an_env_file_is_read_and_the_environment_stands_above_it(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("BRAND_NAME=FromFile\nPORT=8123\nUNKNOWN_TO_US=1\n")
    monkeypatch.setenv("PORT", "8124")
    settings = read_settings(_env_file=tmp_path / ".env")
    assert (settings.brand_name, settings.port) == ("FromFile", 8124)


def test_settings_cant_be_changed_afterwards():
    with pytest.raises(ValueError, match="frozen"):
        read().port = 9000


def test_every_setting_stands_in_the_example_and_no_other():
    text = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#([A-Z_]+)=", text, re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}
