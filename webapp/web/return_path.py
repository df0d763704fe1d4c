"""Where to go after sign-in. `next` comes from strangers: only a path of our own pages is taken. Pure."""

import re
from urllib.parse import urlsplit

MOST_CHARACTERS = 2000

# Every path of ours is made of these characters, so nothing needs decoding: no `//host`, `/\host`, `%2f%2fhost`,
# no scheme, no control character can pass. `.` and `..` alone are refused, for browsers resolve them.
SEGMENT = r"(?!\.{1,2}(?:/|\?|$))[A-Za-z0-9._~-]+"
PAGE = re.compile(rf"(?=/)(?:/{SEGMENT})*/?(?:\?[A-Za-z0-9._~!$'()*+,;:@/?&=%-]*)?")

# Under these there are no pages to come back to: parts of pages, machines' addresses, the way in and out itself.
NO_PAGES = (
    "/partials",
    "/api",
    "/static",
    "/login",
    "/logout",
    "/register",
    "/sign-in",
    "/healthz",
    "/readyz",
    "/metrics",
)

NAMES = {
    "/dashboard": "Dashboard",
    "/dashboard/credits": "Credits",
    "/dashboard/credits/success": "your purchase",
    "/dashboard/history": "History",
    "/dashboard/usage": "Usage",
    "/dashboard/settings": "Settings",
    "/dashboard/settings/keys": "API keys",
    "/billing": "Billing",
    "/operator": "Operator",
}


def page_path(target: str | None) -> str | None:
    """The target if it is a path (and query) of a page of our own, else None."""
    if not target or len(target) > MOST_CHARACTERS or not PAGE.fullmatch(target):
        return None
    path = target.partition("?")[0]
    return None if any(path == root or path.startswith(f"{root}/") for root in NO_PAGES) else target


def path_of_own_address(address: str | None, *, host: str) -> str | None:
    """The page of a full address (a Referer, HX-Current-URL) if it is on `host`, else None."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return None
    if parts.netloc != host or parts.scheme not in {"http", "https"}:
        return None
    return page_path(parts.path + (f"?{parts.query}" if parts.query else ""))


def page_name(path: str) -> str:
    """What a page is called in a sentence: “we'll take you back to Credits”."""
    return NAMES.get(path.partition("?")[0].rstrip("/"), "the page you were on")
