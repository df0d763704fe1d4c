"""One frozen, validated object read from the environment once. Says in sentences what is wrong or missing."""

import ipaddress
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HTMX_URL = "https://cdn.jsdelivr.net/npm/htmx.org@2.0.11/dist/htmx.min.js"
HTMX_INTEGRITY = "sha384-2OatzQy1H+Zd/IIrjr1TcuDGqLXeHhbooAyJY1KdQMKnr4LZ22k31GBLdYKHmVjg"

# No path, no query, no user: addresses for people and for Stripe are made by appending to it.
ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)(:[0-9]{1,5})?")

LEAST_SECRET_CHARACTERS = 32

StripeMode = Literal["simulated", "test", "live", "off"]


class SettingsError(Exception):
    """The settings can't work. `faults` has one sentence for each fault; no value of a secret is in them."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("Refill can't start:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = faults


class Settings(BaseSettings):
    """The settings of one application. Field names in capitals are the names in the environment."""

    model_config = SettingsConfigDict(frozen=True, env_file=".env", extra="ignore", env_ignore_empty=True)

    app_env: Literal["development", "test", "production"] = "development"
    secret_key: SecretStr | None = None
    database_url: str = "sqlite:///refill.sqlite3"
    port: int = Field(default=8000, ge=1, le=65535)
    base_url: str = Field(default_factory=lambda data: f"http://127.0.0.1:{data.get('port', 8000)}")
    brand_name: str = "Refill"
    catalog: Path = Path("catalog.toml")

    stripe_mode: StripeMode | None = None
    stripe_secret_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr | None = None
    stripe_api_base: str | None = None
    simulator_path: Path = Path("simulator.sqlite3")

    trusted_proxies: int = Field(default=0, ge=0, le=5)
    ratelimit_storage_uri: str = "memory://"
    terms_url: str | None = None
    help_url: str | None = None
    log_format: Literal["json", "text"] | None = None
    htmx_url: str = HTMX_URL
    htmx_integrity: str = HTMX_INTEGRITY
    crash_file: Path | None = None

    @field_validator("database_url")
    @classmethod
    def _name_the_driver(cls, url: str) -> str:
        """Accept the `postgres://` that hosting platforms hand out; SQLAlchemy wants the driver's name."""
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        return url

    @field_validator("base_url")
    @classmethod
    def _is_an_origin(cls, url: str) -> str:
        origin = url.lower().rstrip("/")
        if not ORIGIN.fullmatch(origin):
            raise ValueError("must be an origin like https://credits.example.com, without a path")
        return origin

    @property
    def is_production(self) -> bool:
        """Whether real people's money may be at stake."""
        return self.app_env == "production"

    @property
    def payments(self) -> StripeMode:
        """Which Stripe is behind the Buy button; `off` means payments are not configured."""
        if self.stripe_mode is not None:
            return self.stripe_mode
        return _mode_of_key(self.stripe_secret_key) or "off"

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The signing secrets accepted now; more than one while a secret is being rolled."""
        text = self.stripe_webhook_secret.get_secret_value() if self.stripe_webhook_secret else ""
        return tuple(secret.strip() for secret in text.split(",") if secret.strip())


def read_settings(**given: Any) -> Settings:
    """Read the environment (and `.env`), with `given` on top; raise SettingsError naming every fault."""
    try:
        settings = Settings(**given)
    except ValidationError as error:
        found = error.errors(include_input=False)
        # A default that is made from another setting can't be made when that one is wrong: one sentence is enough.
        raise SettingsError([_sentence(one) for one in found if one["type"] != "default_factory_not_called"]) from None
    faults = _faults(settings)
    if faults:
        raise SettingsError(faults)
    return settings


def _sentence(fault: Any) -> str:
    name = str(fault["loc"][0]).upper() if fault["loc"] else "The environment"
    return f"{name}: {fault['msg'].removeprefix('Value error, ')}."


def _faults(settings: Settings) -> list[str]:
    faults = _missing_in_production(settings) if settings.is_production else []
    if settings.crash_file and settings.app_env != "test":
        faults.append("CRASH_FILE is refused unless APP_ENV=test: with it Refill kills itself where a test says.")
    key_mode = _mode_of_key(settings.stripe_secret_key)
    if settings.stripe_secret_key and key_mode is None:
        faults.append(
            "STRIPE_SECRET_KEY is not a Stripe secret key: it must begin with sk_ or rk_, then test_ or live_."
        )
    if settings.stripe_mode == "simulated":
        faults += _faults_of_simulation(settings)
    elif settings.stripe_mode in {"test", "live"}:
        if not settings.stripe_secret_key:
            faults.append(f"STRIPE_MODE={settings.stripe_mode} needs STRIPE_SECRET_KEY.")
        elif key_mode and key_mode != settings.stripe_mode:
            faults.append(f"STRIPE_MODE={settings.stripe_mode}, but STRIPE_SECRET_KEY is a {key_mode} key.")
    return faults


def _missing_in_production(settings: Settings) -> list[str]:
    given = settings.model_fields_set
    faults = [
        f"{name.upper()} is missing: {why}"
        for name, why in (
            ("secret_key", "it signs the session cookies."),
            ("database_url", "production runs on PostgreSQL."),
            ("base_url", "Stripe sends buyers back to it."),
        )
        if name not in given or not getattr(settings, name)
    ]
    if "base_url" in given and not settings.base_url.startswith("https://"):
        faults.append("BASE_URL must begin with https:// in production: sign-ins travel to it.")
    if settings.secret_key and len(settings.secret_key.get_secret_value()) < LEAST_SECRET_CHARACTERS:
        faults.append(f"SECRET_KEY is too short: use {LEAST_SECRET_CHARACTERS} random characters or more.")
    if settings.stripe_api_base:
        faults.append("STRIPE_API_BASE is for development: production talks to Stripe only.")
    return faults


def _faults_of_simulation(settings: Settings) -> list[str]:
    faults = []
    if not settings.webhook_secrets:
        faults.append("STRIPE_MODE=simulated needs STRIPE_WEBHOOK_SECRET (`make run` writes one into .env).")
    if settings.stripe_secret_key:
        faults.append("STRIPE_MODE=simulated and STRIPE_SECRET_KEY are both set: remove one.")
    if settings.is_production:
        faults.append("STRIPE_MODE=simulated is refused in production: it hands out credits without money.")
    if not _is_this_machine(urlsplit(settings.base_url).hostname or ""):
        faults.append("STRIPE_MODE=simulated is refused when BASE_URL has a public host name.")
    return faults


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _mode_of_key(key: SecretStr | None) -> Literal["test", "live"] | None:
    text = key.get_secret_value() if key else ""
    for mode in ("test", "live"):
        if text.startswith((f"sk_{mode}_", f"rk_{mode}_")):
            return mode
    return None
