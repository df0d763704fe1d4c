"""What those are told who must sign in first, by the path they asked for."""

import pytest

from tests.support.forms import send, sign_in_by_form

PARTIAL = "/partials/balance-badge"
OWN = "http://localhost"


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/dashboard", "/login?next=/dashboard"),
        ("/dashboard/credits?pack=popular", "/login?next=/dashboard/credits?pack%3Dpopular"),
        ("/dashboard/credits?x=%0d%0aSet-Cookie:a", "/login?next=/dashboard/credits?x%3D%250d%250aSet-Cookie:a"),
        ("/dashboard/credits?x=%3Cscript%3E", "/login?next=/dashboard/credits?x%3D%253Cscript%253E"),
        ("/dashboard/credits?x=<script>", "/login"),
    ],
)
def test_a_page_is_come_back_to_with_its_query(client, path, location):
    answer = client.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].replace("%2F", "/").replace("%3F", "?").replace("%3A", ":") in {
        location,
        location.replace("%3Cscript%3E", "<script>"),
    }


@pytest.mark.parametrize(
    ("current_url", "redirect"),
    [
        (f"{OWN}/dashboard/credits#packs", "/login?next=/dashboard/credits"),
        (f"{OWN}/dashboard", "/login?next=/dashboard"),
        ("http://evil.example/dashboard/credits", "/login"),
        (f"{OWN}//evil.example", "/login"),
        (f"{OWN}{PARTIAL}", "/login"),
        ("javascript:alert(1)", "/login"),
        (None, "/login"),
    ],
)
def test_a_partial_sends_htmx_to_sign_in_and_back_to_the_page_around_it(client, current_url, redirect):
    headers = {"HX-Request": "true"} | ({"HX-Current-URL": current_url} if current_url else {})
    answer = client.get(PARTIAL, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].replace("%2F", "/") == redirect
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.text == "Please sign in."


def test_an_expired_session_in_a_partial_ends_on_the_page_after_sign_in(client, user):
    expired = client.get(PARTIAL, headers={"HX-Request": "true", "HX-Current-URL": f"{OWN}/dashboard/credits"})
    page = client.get(expired.headers["HX-Redirect"])
    assert "take you back to <strong>Credits</strong>." in page.text
    answer = send(
        client,
        "/login",
        page=expired.headers["HX-Redirect"],
        email="someone@example.com",
        password="a long enough password",
        next="/dashboard/credits",
    )
    assert answer.headers["Location"] == "/dashboard/credits"


@pytest.mark.parametrize(
    ("referer", "location"),
    [
        (f"{OWN}/dashboard/credits", "/login?next=/dashboard/credits"),
        ("http://evil.example/dashboard/credits", "/login"),
        (None, "/login"),
    ],
)
def test_a_form_is_come_back_to_by_its_page(client, referer, location):
    headers = {"Referer": referer} if referer else {}
    answer = send(client, "/dashboard/credits/checkout", pack="popular", headers=headers)
    assert answer.status_code == 303
    assert answer.headers["Location"].replace("%2F", "/") == location


def test_the_api_answers_with_a_problem(client):
    answer = client.get("/api/credits/balance")
    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == 401
    assert "Location" not in answer.headers


def test_an_expired_session_still_leads_back_after_a_real_sign_in(app, client, user):
    sign_in_by_form(client, "someone@example.com")
    assert client.get("/dashboard").status_code == 200
    send(client, "/logout", page="/logout")
    assert client.get("/dashboard").status_code == 303
