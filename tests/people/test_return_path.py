from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.web.return_path import NAMES, page_name, page_path, path_of_own_address

OWN = "https://credits.example"

EVIL = [
    "https://evil.example",
    "http://evil.example/dashboard",
    "HTTPS://evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    " https://evil.example",
    "/%09/evil.example",
    "/%2fevil.example",
    "/%2F%2Fevil.example",
    "/%5cevil.example",
    "%2f%2fevil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/./evil",
    "/../evil",
    "/dashboard/..",
    "/dashboard/../..//evil.example",
    "/dashboard//evil.example",
    "https:evil.example",
    "https:/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "dashboard",
    "@evil.example",
    "/dashboard\r\nSet-Cookie: a=b",
    "/dashboard\x00",
    "/dashboard\x7f",
    "/dashboard\u2028",
    "/dash board",
    "/dashboard#//evil",
    "/dashboard?a=<script>",
    "/dashboard?a=b c",
    "/dashboard?a=\\",
    "/ⓓashboard",
    "/dashboard\n",
    "",
    "?",
    "#",
    "/" + "a" * 2000,
]


@pytest.mark.parametrize("target", EVIL)
def test_what_is_not_a_path_of_our_own_is_nothing(target):
    assert page_path(target) is None


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/dashboard",
        "/dashboard/",
        "/dashboard/credits",
        "/dashboard/credits?checkout=cancelled&pack=popular",
        "/dashboard/credits/success?session_id=cs_test_a1B2",
        "/dashboard/history?q=100%25&from=2026-11-01",
        "/_stripe/c/pay/cs_test_1",
        "/billing?x=https://evil.example",
        "/loginx",
    ],
)
def test_a_path_of_our_own_is_kept_with_its_query(target):
    assert page_path(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "/partials/balance-badge",
        "/partials",
        "/api/credits/balance",
        "/login",
        "/login?next=/login",
        "/logout",
        "/register",
        "/static/app.css",
    ],
)
def test_what_is_no_page_is_nothing_to_come_back_to(target):
    assert page_path(target) is None


def test_no_target_is_no_page():
    assert page_path(None) is None


@given(st.text(alphabet="/\\.:@?#%25cF \t\r\n\x00ehttpsvilxn", max_size=30).map(lambda text: "/" + text))
def test_whatever_passes_stays_on_our_origin_in_any_browser(target):
    path = page_path(target)
    if path is None:
        return
    seen = path.replace("\\", "/").translate({9: None, 10: None, 13: None})  # as browsers read addresses
    landed = urlsplit(urljoin(f"{OWN}/login", seen))
    assert (landed.scheme, landed.netloc) == ("https", "credits.example")
    assert not landed.path.startswith("//")


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("http://127.0.0.1:8000/dashboard/credits?pack=popular#packs", "/dashboard/credits?pack=popular"),
        ("http://127.0.0.1:8000/dashboard", "/dashboard"),
        ("https://127.0.0.1:8000/dashboard", "/dashboard"),
        ("http://127.0.0.1:8001/dashboard", None),
        ("http://evil.example/dashboard", None),
        ("http://127.0.0.1:8000@evil.example/dashboard", None),
        ("http://user@127.0.0.1:8000/dashboard", None),
        ("ftp://127.0.0.1:8000/dashboard", None),
        ("//127.0.0.1:8000/dashboard", None),
        ("/dashboard", None),
        ("http://127.0.0.1:8000//evil.example", None),
        ("http://127.0.0.1:8000/login?next=/dashboard", None),
        ("http://[::1/dashboard", None),
        ("", None),
        (None, None),
    ],
)
def test_the_page_of_an_address_counts_only_on_our_own_host(address, path):
    assert path_of_own_address(address, host="127.0.0.1:8000") == path


def test_pages_are_named_as_their_navigation_names_them():
    assert page_name("/dashboard/credits?pack=popular") == "Credits"
    assert page_name("/dashboard/") == "Dashboard"
    assert page_name("/somewhere/else") == "the page you were on"
    assert all(page_path(path) == path for path in NAMES)
