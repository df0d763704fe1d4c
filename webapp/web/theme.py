"""The theme of pages that know nobody: sign-in, and errors while the database may be down.

Who is signed in has a theme with their user. The browser keeps the last one in a cookie beside the session's, which
outlives it and holds nothing but the word.
"""

from flask import Flask, Response, current_app, g, request

from webapp.people.models import THEMES

YEAR_SECONDS = 365 * 24 * 3600
DEVICE = "device"


def keep_theme(app: Flask) -> None:
    """Give the templates the theme of bare pages, and let the browser follow the person who is signed in."""
    app.jinja_env.globals["bare_theme"] = bare_theme
    app.after_request(_follow)


def bare_theme() -> str:
    """The theme of a page without the shell: that of whoever was found to be signed in, else the browser's last."""
    return str(g.get("theme") or browser_theme())


def browser_theme() -> str:
    """The theme last seen in this browser; the device's own if there was none."""
    kept = request.cookies.get(cookie_name(current_app), DEVICE)
    return kept if kept in THEMES else DEVICE


def cookie_name(app: Flask) -> str:
    """The name of the cookie: the session's, so that it is the host's own wherever that one is."""
    return f"{app.config['SESSION_COOKIE_NAME']}-theme"


def _follow(response: Response) -> Response:
    """Bring the browser to the theme of whoever was found to be signed in by this request."""
    theme = g.get("theme")
    if theme is None or theme == browser_theme() or request.endpoint == "static":
        return response
    name, config = cookie_name(current_app), current_app.config
    closed = {"secure": config["SESSION_COOKIE_SECURE"], "httponly": True, "samesite": "Lax"}
    if theme == DEVICE:
        response.delete_cookie(name, **closed)
    else:
        response.set_cookie(name, theme, max_age=YEAR_SECONDS, **closed)
    return response
