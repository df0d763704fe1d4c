"""Refill: prepaid credits for SaaS products. `create_app` is the only place that knows all parts."""

import secrets
from importlib import import_module
from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp.billing.gateway import build_gateway
from webapp.catalog import load_catalog
from webapp.crashes import arm
from webapp.extensions import Parts, csrf, db, limiter, login_manager, migrate
from webapp.orm import configure_engine
from webapp.settings import Settings, read_settings
from webapp.views import auth
from webapp.web import roles
from webapp.web.display import display_filters
from webapp.web.errors import register_errors
from webapp.web.headers import add_security_headers
from webapp.web.logs import configure_logs, log, log_requests
from webapp.web.metrics import count_requests
from webapp.web.pages.site import register_site
from webapp.web.start import warn_at_start
from webapp.web.theme import keep_theme

VIEWS = (
    "auth",
    "dashboard",
    "alerts",
    "credits",
    "checkout_return",
    "billing",
    "refunds",
    "usage",
    "history",
    "settings",
    "closing",
    "keys",
    "operator",
    "partials",
    "legacy",
    "webhook",
    "health",
)
COMMANDS = ("catalog", "credits", "doctor", "keys", "seed", "stripe", "user", "worker")

MAX_BODY_BYTES = 1 << 20
MONTH_SECONDS = 30 * 24 * 3600


def create_app(settings: Settings | None = None) -> Flask:
    """Build one application from its settings, else from the environment.

    Raises SettingsError or CatalogError, with every fault in a sentence, before anything is served.
    """
    settings = settings or read_settings()
    catalog = load_catalog(settings.catalog)
    app = Flask(__name__)
    configure_logs(settings)
    arm(settings.crash_file)
    app.config.from_mapping(_flask_config(settings))
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=settings.trusted_proxies)  # type: ignore[method-assign]  # Flask's documented way
    log_requests(app)  # first of all: what an extension refuses has its request id and its line in the log too
    count_requests(app)
    _init_extensions(app)
    simulated = _simulated_stripe(app, settings)
    app.extensions["refill"] = Parts(settings, catalog, build_gateway(settings, http_client=simulated))
    _register(app, settings)
    warn_at_start(app, settings)
    return app


def _flask_config(settings: Settings) -> dict[str, object]:
    is_https = settings.base_url.startswith("https://")
    return {
        "SECRET_KEY": settings.secret_key.get_secret_value() if settings.secret_key else _passing_secret(),
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "hide_parameters": True,  # an error's text goes into the log; what people typed must not
        },
        "MAX_CONTENT_LENGTH": MAX_BODY_BYTES,
        "SESSION_COOKIE_NAME": "__Host-refill" if is_https else "refill",
        "SESSION_COOKIE_SECURE": is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,  # a token lives as long as its session
        "RATELIMIT_STORAGE_URI": settings.ratelimit_storage_uri,
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,  # a limiter that is down must not stop a payment
        "RATELIMIT_SWALLOW_ERRORS": True,
        "SEND_FILE_MAX_AGE_DEFAULT": MONTH_SECONDS,
        "TEMPLATES_AUTO_RELOAD": settings.app_env == "development",
    }


def _passing_secret() -> str:
    log.warning("SECRET_KEY is not set: sessions end with this process")
    return secrets.token_hex(32)


def _init_extensions(app: Flask) -> None:
    Path(app.instance_path).mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(Path(app.root_path).parent / "migrations"))
    roles.init_app(app)  # before the CSRF token is looked at: who may not know of a page isn't told that it got old
    csrf.init_app(app)
    limiter.init_app(app)
    login_manager.init_app(app, add_context_processor=False)  # error pages are drawn without the database
    auth.init_app(app)
    with app.app_context():
        configure_engine(db.engine)


def _simulated_stripe(app: Flask, settings: Settings) -> object | None:
    """The simulated Stripe's HTTP client and pages, in the one mode that has them; its code is not imported else."""
    if settings.payments != "simulated":
        return None
    simulator = import_module("webapp.simulator")
    client: object = simulator.build_http_client(settings, app.instance_path)
    simulator.register(app, client)
    return client


def _register(app: Flask, settings: Settings) -> None:
    add_security_headers(app, settings)
    register_errors(app)
    app.jinja_env.filters.update(display_filters())
    register_site(app, settings)
    keep_theme(app)
    for name in VIEWS:
        app.register_blueprint(import_module(f"webapp.views.{name}").bp)
    app.register_blueprint(import_module("webapp.api").bp)
    app.register_blueprint(import_module("webapp.api").docs_bp)
    for name in COMMANDS:
        module = import_module(f"webapp.cli.{name}")
        app.cli.add_command(getattr(module, "group", None) or module.command)
