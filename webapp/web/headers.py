"""Security headers on every answer, errors too."""

from flask import Flask, Request, Response, request
from flask.sessions import NullSession, SecureCookieSession, SecureCookieSessionInterface, SessionMixin

from webapp.settings import Settings
from webapp.web.keys import has_key

# A plain form may be redirected to these two hosts only (form-action covers the whole chain of redirects).
STRIPE_HOSTS = ("https://checkout.stripe.com", "https://billing.stripe.com")


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie, but static files and requests with an API key have nothing to do with it.

    flask-login reads the session after every answer; `Vary: Cookie` would make browsers fetch files anew at sign-in.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session in the cookie; an empty one that can't be written to for a request with an API key."""
        return NullSession() if has_key(request) else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Set the cookie if it changed, and say that the answer depends on it."""
        if request.endpoint != "static":
            super().save_session(app, session, response)


def add_security_headers(app: Flask, settings: Settings) -> None:
    """Set the policy headers, and keep what is behind the sign-in out of every cache."""
    fixed = _fixed_headers(settings)
    app.session_interface = Sessions()

    @app.after_request
    def add(response: Response) -> Response:
        for name, text in fixed.items():
            response.headers.setdefault(name, text)
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def _fixed_headers(settings: Settings) -> dict[str, str]:
    headers = {
        "Content-Security-Policy": _policy(settings),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        # Not no-referrer: over HTTPS the CSRF check reads our own Referer.
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.is_production:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def _policy(settings: Settings) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' {settings.htmx_url}",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            f"form-action 'self' {' '.join(STRIPE_HOSTS)}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )
