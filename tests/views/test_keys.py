"""API keys in the settings: a secret is seen once, in one answer; each account sees and changes its own keys only."""

import datetime as dt
import re

import pytest
import time_machine
from sqlalchemy import select

from tests.api.calling import answer, problem
from tests.support.keys import KeyClient, make_key
from webapp.extensions import db, end_reading, limiter, transact
from webapp.orm import utc_now
from webapp.people.keyring import MOST_KEYS, renew_key
from webapp.people.models import ApiKey, ApiKeySecret

SETTINGS = "/dashboard/settings"
KEYS = f"{SETTINGS}/keys"
BALANCE = "/api/credits/balance"
LONG = "A name as long as a name may be, without a space: " + "x" * 10


def send(shopper, form, *, page=KEYS, **typed):
    """Send a form of a page with all that a browser would send."""
    return shopper.pages.submit(shopper.pages.open(page), form, **typed)


def made(shopper, name="Build server", scopes=("read", "spend")):
    """Make a key by the form; the page that shows it, and the secret."""
    page = shopper.pages.page_of(send(shopper, "key-form", name=name, scopes=list(scopes)))
    return page, page.with_id("secret").attributes["value"]


def rows():
    end_reading()
    found = db.session.scalars(select(ApiKey).order_by(ApiKey.created_at)).all()
    end_reading()
    return found


def works(app, secret):
    return KeyClient(app, secret).get(BALANCE).status_code == 200


def test_settings_lead_to_the_keys_and_say_how_many_there_are(shopper):
    section = shopper.pages.open(SETTINGS).with_id("settings-keys")
    assert "No keys yet." in section.text
    (link,) = section.all("a")
    assert (link.text, link.attributes["href"]) == ("Create an API key", KEYS)
    make_key(shopper.user.account_id)
    section = shopper.pages.open(SETTINGS).with_id("settings-keys")
    assert "1 key, never used." in section.text
    _, secret = make_key(shopper.user.account_id)
    answer(KeyClient(shopper.app, secret).get(BALANCE))
    assert "2 keys, last used Today" in shopper.pages.open(SETTINGS).with_id("settings-keys").text


def test_without_keys_the_page_says_what_one_is_for(shopper):
    page = shopper.pages.open(KEYS)
    assert page.heading == "API keys"
    assert "No API keys yet" in page.with_id("keys").text
    assert "with a key" in page.with_id("keys").text
    ticked = [box.attributes["value"] for box in page.root.all("input", type="checkbox") if "checked" in box.attributes]
    assert ticked == ["read"], "as little as may be of use"


def test_a_key_is_made_and_its_secret_stands_in_that_answer_alone(app, shopper):
    page, secret = made(shopper)
    assert page.heading == "Your new key “Build server”"
    assert "You won’t see this again." in page.text
    assert page.html.count(secret) == 1
    assert page.response.headers["Cache-Control"] == "private, no-store"
    field = page.with_id("secret")
    assert "readonly" in field.attributes
    assert field.attributes["autocomplete"] == "off"
    assert answer(KeyClient(app, secret).get(BALANCE))["account"] == shopper.user.account_id
    (key,) = rows()
    assert (key.scopes, key.name) == ("read spend", "Build server")
    for path in (KEYS, f"{KEYS}/{key.id}", f"{KEYS}/{key.id}/revoke", SETTINGS, "/dashboard"):
        html = shopper.pages.open(path).html
        assert secret not in html
        assert secret[12:] not in html
    row = shopper.pages.open(KEYS).with_id("keys").text
    assert f"Build server {secret[:12]}… Read, spend No limit Today" in row


def test_loading_the_answer_again_makes_no_second_key_and_shows_no_secret(shopper):
    page = shopper.pages.open(KEYS)
    shown = shopper.pages.page_of(shopper.pages.submit(page, "key-form", name="Once"))
    again = shopper.pages.submit(page, "key-form", name="Once")
    assert (again.status_code, again.headers["Location"]) == (303, KEYS)
    assert len(rows()) == 1
    told = shopper.pages.open(KEYS)
    assert "That form was sent before." in told.with_id("keys-warn").text
    assert shown.with_id("secret").attributes["value"] not in told.html
    assert not shopper.pages.open(KEYS).has_id("keys-warn")


REFUSED = {
    "no name": ({"name": " "}, "Give the key a name of 1 to 60 characters that can be shown."),
    "a long name": ({"name": "x" * 61}, "Give the key a name of 1 to 60 characters that can be shown."),
    "no scope": ({"scopes": []}, "A key has one or more of the scopes read, spend, manage."),
    "a scope that is none": ({"scopes": ["read", "admin"]}, "A key has one or more of the scopes read, spend, manage."),
}


@pytest.mark.parametrize("typed", REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_form_keeps_what_was_typed(shopper, typed):
    fields, words = typed
    sent = {"name": "CI <b>", "scopes": ["read", "manage"]} | fields
    page = shopper.pages.page_of(send(shopper, "key-form", **sent), status=422)
    assert page.title.startswith("Error: API keys")
    assert words in page.with_id("key-summary").text
    assert page.with_id("key-name").attributes["value"] == sent["name"]
    ticked = {box.attributes["value"] for box in page.root.all("input", type="checkbox") if "checked" in box.attributes}
    assert ticked == set(sent["scopes"]) - {"admin"}
    assert rows() == []


def test_a_key_more_than_50_is_refused_in_words_and_the_page_stays_small(shopper):
    for _ in range(MOST_KEYS):
        make_key(shopper.user.account_id, "read", "spend", "manage", name=LONG)
    page = shopper.pages.page_of(send(shopper, "key-form", name="One more"), status=422)
    assert "An account can have 50 keys. Revoke one that nobody uses." in page.text
    assert len(rows()) == MOST_KEYS
    assert "50 keys" in shopper.pages.open(SETTINGS).text


def test_fields_that_the_form_does_not_have_change_nothing(shopper, stranger):
    extra = {"account_id": str(stranger.user.account_id), "service": "1", "id": "7", "is_service": "true"}
    shopper.pages.page_of(send(shopper, "key-form", name="Mine", **extra))
    (key,) = rows()
    assert key.account_id == shopper.user.account_id
    assert key.id != 7


class TestOneKey:
    @pytest.fixture
    def key(self, shopper):
        return make_key(shopper.user.account_id, "read", name="<b>CI</b>")

    def test_its_page_tells_all_of_it_and_text_is_inert(self, shopper, key):
        row, secret = key
        page = shopper.pages.open(f"{KEYS}/{row.id}")
        assert page.heading == "<b>CI</b>"
        assert "<b>CI" not in page.html
        for words in (f"{secret[:12]}…", "See the balance", "Never", str(row.id), "Today"):
            assert words in page.text

    def test_it_is_renamed(self, shopper, key):
        path = f"{KEYS}/{key[0].id}"
        answered = send(shopper, "rename-form", page=path, name=" Nightly ")
        assert (answered.status_code, answered.headers["Location"]) == (303, path)
        page = shopper.pages.open(path)
        assert (page.heading, page.title) == ("Nightly", f"Saved: API key {key[1][:12]} · Refill")
        refused = shopper.pages.page_of(send(shopper, "rename-form", page=path, name="\t"), status=422)
        assert refused.has_id("key-name-error")
        assert rows()[0].name == "Nightly"

    def test_it_is_renewed_and_the_old_secret_goes_on_until_the_chosen_time(self, app, shopper, key):
        row, old = key
        with time_machine.travel(utc_now(), tick=False) as clock:
            opened = shopper.pages.open(f"{KEYS}/{row.id}")
            page = shopper.pages.page_of(shopper.pages.submit(opened, "renew-form", overlap="24"))
            new = page.with_id("secret").attributes["value"]
            assert page.heading == "Your renewed key “<b>CI</b>”"
            assert "The old secret goes on until" in page.text
            assert works(app, old)
            assert works(app, new)
            again = shopper.pages.submit(opened, "renew-form", overlap="24")
            assert (again.status_code, again.headers["Location"]) == (303, KEYS)
            assert new not in shopper.pages.open(KEYS).html
            assert "Old secret ends" in shopper.pages.open(f"{KEYS}/{row.id}").text
            clock.shift(dt.timedelta(hours=24))
            assert works(app, new)
            assert not works(app, old)
        end_reading()
        assert len(db.session.scalars(select(ApiKeySecret)).all()) == 2

    def test_a_secret_that_others_may_have_seen_ends_at_once(self, app, shopper, key):
        page = shopper.pages.page_of(send(shopper, "renew-form", page=f"{KEYS}/{key[0].id}", overlap="0"))
        assert "The old secret has ended." in page.text
        assert not works(app, key[1])
        assert works(app, page.with_id("secret").attributes["value"])

    @pytest.mark.parametrize("overlap", ["", "2", "-1", "9999", "24.0", "x"])
    def test_an_end_that_is_not_offered_renews_nothing(self, app, shopper, key, overlap):
        answered = send(shopper, "renew-form", page=f"{KEYS}/{key[0].id}", overlap=overlap)
        assert answered.status_code == 422
        assert "Choose from the list" in answered.text
        assert works(app, key[1])

    def test_it_is_revoked_after_a_question_with_its_name(self, app, shopper, key):
        row, secret = key
        page = shopper.pages.open(f"{KEYS}/{row.id}")
        link = page.with_id("revoke-key")
        assert page.with_id("ask").tag == "dialog"
        asked = shopper.pages.open(link.attributes["href"])
        assert asked.heading == "Revoke “<b>CI</b>”?"
        assert works(app, secret)
        answered = shopper.pages.submit(asked, "revoke-form")
        assert (answered.status_code, answered.headers["Location"]) == (303, KEYS)
        assert "Revoked “<b>CI</b>”." in shopper.pages.open(KEYS).with_id("keys-ok").text
        problem(KeyClient(app, secret).get(BALANCE), 401, "invalid_key")
        for path in (f"{KEYS}/{row.id}", f"{KEYS}/{row.id}/revoke"):
            shopper.pages.open(path, status=404)

    def test_the_dialogs_form_does_the_same(self, app, shopper, key):
        assert send(shopper, "revoke-form", page=f"{KEYS}/{key[0].id}").status_code == 303
        assert not works(app, key[1])

    @pytest.mark.parametrize("form", ["name", "renew"])
    def test_a_forms_own_address_leads_to_its_key(self, shopper, key, form):
        answered = shopper.pages.client.get(f"{KEYS}/{key[0].id}/{form}")
        assert (answered.status_code, answered.headers["Location"]) == (303, f"{KEYS}/{key[0].id}")

    def test_for_another_account_it_is_as_if_it_were_not_there(self, app, shopper, stranger, key):
        row, secret = key
        service, _ = make_key(None)
        token = re.search(r'name="csrf_token" value="([^"]+)"', stranger.pages.open(KEYS).html)[1]
        pages = set()
        for number in (row.id, service.id, 12345, 2**53, 2**70):
            for path in (f"{KEYS}/{number}", f"{KEYS}/{number}/revoke"):
                found = stranger.pages.open(path, status=404)
                pages.add((found.heading, found.with_id("main").text))
            for act, typed in (("name", {"name": "Mine"}), ("renew", {"overlap": "0"}), ("revoke", {})):
                sent = stranger.pages.client.post(f"{KEYS}/{number}/{act}", data={"csrf_token": token} | typed)
                assert sent.status_code == 404
        assert len(pages) == 1
        assert works(app, secret)
        assert row.name not in stranger.pages.open(KEYS).text

    def test_nothing_changes_without_the_token(self, app, shopper, key):
        for path in (KEYS, *(f"{KEYS}/{key[0].id}/{act}" for act in ("name", "renew", "revoke"))):
            answered = shopper.pages.client.post(path, data={"name": "x", "scopes": "read", "overlap": "0"})
            assert answered.status_code == 400
            assert "This page got old" in answered.text
        assert works(app, key[1])
        assert [row.name for row in rows()] == ["<b>CI</b>"]


def test_secrets_are_made_60_times_an_hour_at_most(shopper, monkeypatch):
    key, _ = make_key(shopper.user.account_id)
    token = re.search(r'name="csrf_token" value="([^"]+)"', shopper.pages.open(KEYS).html)[1]
    for number in range(60):
        path = KEYS if number % 2 else f"{KEYS}/{key.id}/renew"
        assert shopper.pages.client.post(path, data={"csrf_token": token, "overlap": "bad"}).status_code == 422
    refused = shopper.pages.client.post(KEYS, data={"csrf_token": token})
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    monkeypatch.setattr(limiter, "enabled", False)
    assert shopper.pages.client.post(KEYS, data={"csrf_token": token}).status_code == 422


def test_secrets_are_in_no_log(app, shopper, capsys):
    capsys.readouterr()
    _, secret = made(shopper)
    (key,) = rows()
    new = transact(lambda session: renew_key(session, session.get_one(ApiKey, key.id), now=utc_now()))
    written = capsys.readouterr().err
    assert "outcome=made" in written
    assert f"key_id={key.id}" in written
    for shown in (secret, new):
        assert shown not in written
        assert shown[4:] not in written
