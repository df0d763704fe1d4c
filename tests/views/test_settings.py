"""The settings page: each section is saved on its own, as a page and as a partial, and holds everywhere at once."""

import datetime as dt
import re

import pytest
import time_machine

from tests.api.books import grant
from tests.support.browsing import sign_in
from tests.support.forms import is_signed_in
from tests.support.people import PASSWORD
from tests.views.shopper import CREDITS, Shopper
from webapp.extensions import transact
from webapp.ledger.models import Account
from webapp.orm import utc_now
from webapp.people.looks import locale_names, zone_names
from webapp.people.models import NUMBER_STYLES, THEMES, User
from webapp.web.dates import date_text
from webapp.web.pages import settings as page
from webapp.web.regions import HOUSE, STYLES

SETTINGS = "/dashboard/settings"
NEW_PASSWORD = "quite another password"
SENT = {
    "look": {"theme": "dark", "locale": "de_DE", "number_style": "region", "time_zone": "Europe/Berlin"},
    "email": {"email": "new@example.com", "present": PASSWORD},
    "password": {"present": PASSWORD, "password": NEW_PASSWORD},
}
REFUSED = {
    "look": (SENT["look"] | {"locale": "xx_XX"}, "look-locale", "Choose a language and region from the list."),
    "email": (SENT["email"] | {"email": "nowhere"}, "email", "Enter an email address like sam@example.com."),
    "password": (SENT["password"] | {"password": "short"}, "password-new", "Use a password of 12 characters or more."),
}


def send(shopper, section, *, by_htmx=False, **fields):
    """Send a section's form as the page does, with the token of that very form."""
    opened = shopper.pages.open(SETTINGS)
    token = opened.with_id(f"csrf-{section}").attributes["value"]
    path = opened.with_id(f"{section}-form").attributes["hx-post" if by_htmx else "action"]
    return shopper.pages.client.post(path, data={"csrf_token": token, **fields})


def stored(shopper):
    """The user's row and their account's zone."""
    return transact(
        lambda session: (
            session.get_one(User, shopper.user.id),
            session.get_one(Account, shopper.user.account_id).time_zone,
        )
    )


def choose(shopper, **chosen):
    """Store a choice without the page."""

    def work(session):
        user = session.get_one(User, shopper.user.id)
        for name, value in chosen.items():
            setattr(user, name, value)

    transact(work)


def test_the_account_menu_leads_to_the_page(shopper):
    menu = shopper.pages.open("/dashboard").with_id("account-menu")
    (link,) = menu.all("a")
    assert (link.text, link.attributes["href"]) == ("Settings", SETTINGS)
    (link,) = shopper.pages.open(SETTINGS).with_id("account-menu").all("a")
    assert link.attributes["aria-current"] == "page"


def test_balance_tells_monthly_and_bonus_apart_and_what_bonus_is_made_of(shopper):
    account_id = shopper.user.account_id
    resets_at = utc_now() + dt.timedelta(days=9)
    grant(account_id, 86, "allowance", expires_at=resets_at)
    grant(account_id, 1000, "purchased")
    assert shopper.pages.open(SETTINGS).with_id("settings-balance").all("dl")[0].text == (
        f"Monthly balance 86 Resets {date_text(resets_at, 'UTC', HOUSE, utc_now())} "
        "Bonus credits (bought or given) 1,020 Purchased balance 1,000 Bonus balance 20 "
        "Available balance 1,106 credits Ever purchased 1,000 Ever used 0"
    )


@pytest.mark.parametrize("section", SENT)
def test_saving_without_a_script_comes_back_to_the_section_that_says_so_once(shopper, section):
    answer = send(shopper, section, **SENT[section])
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{SETTINGS}#settings-{section}")
    saved = shopper.pages.open(SETTINGS)
    assert saved.title.startswith("Saved: Settings")
    assert saved.text.count("Saved") == 1
    assert "Saved" in saved.with_id(f"settings-{section}").text
    assert "Saved" not in shopper.pages.open(SETTINGS).text


@pytest.mark.parametrize("section", SENT)
def test_saving_by_htmx_gives_the_section_alone_and_says_so_beside_the_button_and_aloud(shopper, section):
    answer = send(shopper, section, by_htmx=True, **SENT[section])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert re.search(r'<div id="live" hx-swap-oob="innerHTML">Saved\.', answer.text)
    assert re.search(r'class="save__done">.*?</svg>Saved', answer.text, re.DOTALL)
    assert answer.text.count("<section") == 1
    assert f'id="settings-{section}"' in answer.text


@pytest.mark.parametrize("by_htmx", [False, True])
@pytest.mark.parametrize("section", REFUSED)
def test_refused_form_keeps_what_was_typed_and_puts_the_words_at_the_field(shopper, section, by_htmx):
    fields, field, words = REFUSED[section]
    before = stored(shopper)
    answer = send(shopper, section, by_htmx=by_htmx, **fields)
    assert answer.status_code == 422
    drawn = shopper.pages.page_of(answer, status=422) if not by_htmx else None
    assert not drawn or drawn.title.startswith("Error: Settings")
    assert re.search(rf'id="{section}-summary"[^>]*role="alert"[^>]*tabindex="-1"[^>]*autofocus', answer.text)
    assert answer.text.count("autofocus") == 1
    assert re.search(rf'id="{field}"[^>]*aria-describedby="[^"]*{field}-error"[^>]*aria-invalid="true"', answer.text)
    assert f'id="{field}-error"' in answer.text
    assert answer.text.count(words) == 2
    assert "hx-swap-oob" not in answer.text
    if section == "email":
        assert 'value="nowhere"' in answer.text
    if section == "look":
        assert re.search(r'value="dark" checked', answer.text)
        assert "<option selected>Europe/Berlin<" in answer.text
    assert (before[0].email, before[0].password_hash) == (stored(shopper)[0].email, stored(shopper)[0].password_hash)
    assert (stored(shopper)[0].theme, stored(shopper)[1]) == ("device", "UTC")


def test_every_fault_of_a_look_is_told_at_once_and_nothing_of_it_is_stored(shopper):
    fields = {"theme": "neon", "locale": "../de", "number_style": "roman", "time_zone": "Mars/Olympus"}
    answer = send(shopper, "look", **fields)
    summary = shopper.pages.page_of(answer, status=422).with_id("look-summary")
    assert summary.text == (
        "Choose device, light or dark. Choose a language and region from the list. "
        "Choose a style of numbers from the list. Choose a time zone from the list."
    )
    for bad in ({"time_zone": "../../etc/passwd"}, {"time_zone": ""}, {"locale": "\x00"}, {"theme": "é" * 99}):
        assert send(shopper, "look", **(SENT["look"] | bad)).status_code == 422
    user, zone = stored(shopper)
    assert (user.theme, user.locale, user.number_style, zone) == ("device", "en_US", "region", "UTC")


def test_fields_that_the_form_does_not_have_are_ignored_and_nobody_else_is_touched(shopper, stranger):
    before = stored(stranger)
    extra = {"user_id": str(stranger.user.id), "account_id": str(stranger.user.account_id), "role": "admin"}
    for section, fields in SENT.items():
        assert send(shopper, section, **fields, **extra, credits="1000", email_key="x").status_code == 303
    user, zone = stored(shopper)
    assert (user.role, user.email, user.email_key, user.theme, user.locale, zone) == (
        "user", "new@example.com", "new@example.com", "dark", "de_DE", "Europe/Berlin",
    )  # fmt: skip
    after = stored(stranger)
    assert [getattr(after[0], column.name) for column in User.__table__.columns] == [
        getattr(before[0], column.name) for column in User.__table__.columns
    ]
    assert after[1] == before[1] == "UTC"
    assert stranger.pages.open("/dashboard").heading == "Dashboard"


def test_region_holds_on_every_page_partial_notice_and_receipt_at_once(shopper):
    purchase = shopper.granted()
    zone = Shopper.of(shopper.app, shopper.user)
    assert send(shopper, "look", **SENT["look"]).status_code == 303
    for path in ("/dashboard", CREDITS, f"{CREDITS}?minutes=1000", f"{CREDITS}?checkout=success&purchase={purchase.id}",
                 f"{CREDITS}/receipts/{purchase.id}", SETTINGS):  # fmt: skip
        text = zone.pages.open(path).text
        assert "1.020" in text, path
        for english in ("1,020", "1,000", "$35.00", "30%"):
            assert english not in text, (path, english)
        assert "Times shown in Europe/Berlin." in text
    for name in ("balance-badge", "balance-card", "recent-activity", "pack-grid", "purchases", "settings/balance"):
        text = zone.pages.partial(f"/partials/{name}").text
        assert not re.search(r"[1-9],\d{3}|\$\d|\d\.\d\d\b", text), (name, text)
    sale = zone.pages.open(CREDITS).text
    assert "Save 30 %" in sale
    assert "35,00 $" in sale
    assert "Enter a number of minutes from 1 to 1.000.000." in zone.pages.open(f"{CREDITS}?minutes=9000000").text
    assert "1.020" in zone.pages.client.get("/no-such-page").text
    plain = zone.pages.client.get("/api/catalog").json["packs"]
    assert {pack["price"] for pack in plain} >= {"$35.00", "$5.00"}
    assert "1,020 credits · $51.00" in zone.pages.client.get("/api/credits/balance").json["display"]


def test_style_of_numbers_may_differ_from_the_region(shopper):
    grant(shopper.user.account_id, 1_234_567)
    for style, shown in {
        "region": "1,234,587",
        "space_comma": "1\u00a0234\u00a0587",
        "apostrophe_dot": "1’234’587",
    }.items():
        choose(shopper, number_style=style)
        assert f"{shown}</span>" in shopper.pages.client.get("/dashboard").text.replace(" credits", ""), style


def test_saved_look_is_drawn_at_once_and_the_rest_of_the_page_is_told(shopper):
    answer = send(shopper, "look", by_htmx=True, **SENT["look"])
    assert 'data-chosen-theme="dark"' in answer.text
    assert 'data-zone="Europe/Berlin"' in answer.text
    assert 'hx-swap-oob="true">Times shown in Europe/Berlin.' in answer.text
    assert answer.headers["HX-Trigger-After-Settle"] == "creditsChanged"
    assert "1.234,50 $ · 83\u00a0%" in answer.text.replace("&nbsp;", "\u00a0").replace("1.234,50\u00a0$", "1.234,50 $")
    assert "refill-theme=dark" in answer.headers["Set-Cookie"]


def test_lists_offer_what_exists_and_whatever_is_chosen_already(shopper):
    assert set(page.OFFERED) <= locale_names()
    assert len(set(page.OFFERED)) == len({title for _, title in page.locales("en_US")}) == len(page.OFFERED)
    assert set(STYLES) | {"region"} == set(NUMBER_STYLES)
    assert {name for name, *_ in page.THEMES} == set(THEMES)
    listed = [name for _, names in page.zones("UTC", utc_now()) for name in names]
    assert len(listed) == len(set(listed))
    assert set(listed) <= zone_names()
    assert {"Asia/Kathmandu", "Europe/Kyiv", "America/Argentina/Ushuaia", "UTC"} <= set(listed)
    choose(shopper, locale="zgh_MA")
    transact(lambda session: setattr(session.get_one(Account, shopper.user.account_id), "time_zone", "US/Pacific"))
    drawn = shopper.pages.open(SETTINGS)
    (locale,) = [node for node in drawn.with_id("look-locale").all("option") if "selected" in node.attributes]
    (zone,) = [node for node in drawn.with_id("look-zone").all("option") if "selected" in node.attributes]
    assert (locale.attributes["value"], zone.text) == ("zgh_MA", "US/Pacific")


def test_zones_stand_under_the_offset_they_have_at_the_moment():
    def offset_of(name, *day):
        now = dt.datetime(*day, tzinfo=dt.UTC)
        return next(offset for offset, names in page.zones("UTC", now) if name in names)

    assert offset_of("Europe/Berlin", 2026, 11, 20) == "UTC+01:00"
    assert offset_of("Europe/Berlin", 2026, 7, 20) == "UTC+02:00"
    assert offset_of("Asia/Kathmandu", 2026, 7, 20) == "UTC+05:45"
    assert offset_of("America/St_Johns", 2026, 11, 20) == "UTC−03:30"
    assert offset_of("UTC", 2026, 11, 20) == "UTC"


def test_a_form_asked_for_by_its_own_address_leads_to_its_section(shopper):
    answer = shopper.pages.client.get(f"{SETTINGS}/look")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{SETTINGS}#settings-look")
    assert shopper.pages.client.get(f"{SETTINGS}/nothing").status_code == 404


@pytest.mark.parametrize("section", [*SENT, "browsers"])
def test_a_form_without_its_token_got_old_and_changes_nothing(shopper, section):
    Shopper.of(shopper.app, shopper.user)  # another browser
    for path in (f"{SETTINGS}/{section}", f"/partials/settings/{section}"):
        answer = shopper.pages.client.post(path, data=SENT.get(section, {}))
        assert answer.status_code == 400
        assert "This page got old" in answer.text
    assert "1 other browser" in shopper.pages.open(SETTINGS).text
    assert stored(shopper)[0].email == "someone@example.com"


def test_a_body_that_is_too_large_is_refused_before_it_is_read(shopper):
    token = shopper.pages.open(SETTINGS).with_id("csrf-look").attributes["value"]
    answer = shopper.pages.client.post(f"{SETTINGS}/look", data={"csrf_token": token, "theme": "x" * (1 << 20)})
    assert answer.status_code == 413


def test_other_devices_are_counted_and_signed_out_by_one_button(app, shopper):
    assert "You’re signed in here only." in shopper.pages.open(SETTINGS).with_id("settings-browsers").text
    others = [sign_in(app, shopper.user) for _ in range(2)]
    assert "2 other browsers" in shopper.pages.open(SETTINGS).with_id("settings-browsers").text
    answer = send(shopper, "browsers", by_htmx=True)
    assert "Signed out 2 other devices." in answer.text
    assert "signed in here only" in answer.text
    assert not [other for other in others if is_signed_in(other)]
    assert is_signed_in(shopper.pages.client)


def test_a_browser_whose_time_is_over_is_not_counted(app, shopper):
    sign_in(app, shopper.user)
    with time_machine.travel(utc_now() + dt.timedelta(hours=13)):
        fresh = Shopper.of(app, shopper.user)
        assert "signed in here only" in fresh.pages.open(SETTINGS).with_id("settings-browsers").text


def test_new_password_gives_the_page_tokens_of_its_new_session(app, shopper):
    other = sign_in(app, shopper.user)
    answer = send(shopper, "password", by_htmx=True, **SENT["password"])
    assert answer.headers["HX-Trigger-After-Settle"] == "settingsSaved"
    assert not is_signed_in(other)
    tokens = dict(re.findall(r'id="(csrf-[a-z-]+)"\s+name="csrf_token"\s+value="([^"]+)"', answer.text))
    assert tokens.keys() == {"csrf-limits", "csrf-spending", "csrf-look", "csrf-alerts", "csrf-email", "csrf-sign-out"}
    client = shopper.pages.client
    saved = client.post("/partials/settings/look", data=SENT["look"] | {"csrf_token": tokens["csrf-look"]})
    assert saved.status_code == 200


def test_passwords_are_never_drawn_again(shopper):
    for section, fields in (
        ("email", {"email": "nowhere", "present": "a canary password"}),
        ("password", {"present": "a canary password", "password": "canary"}),
        ("password", {"present": "a canary password", "password": "another canary password"}),
    ):
        answer = send(shopper, section, **fields)
        assert answer.status_code == 422
        assert "canary" not in answer.text


def test_one_person_can_not_ask_about_addresses_without_end(shopper):
    token = shopper.pages.open(SETTINGS).with_id("csrf-email").attributes["value"]
    paths = [f"{SETTINGS}/email", "/partials/settings/email"] * 10  # one count for both ways
    for path in paths:
        assert shopper.pages.client.post(path, data={"csrf_token": token, "email": "no"}).status_code == 422
    for path in paths[:2]:
        refused = shopper.pages.client.post(path, data={"csrf_token": token, "email": "no"})
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["HX-Retarget"] == "#alerts"


def test_too_many_wrong_passwords_wait_in_the_section_itself(shopper):
    for by_htmx in (False, True, False, True, False):
        wrong = SENT["password"] | {"present": "not the password"}
        assert send(shopper, "password", by_htmx=by_htmx, **wrong).status_code == 422
    for by_htmx in (False, True):
        answer = send(shopper, "password", by_htmx=by_htmx, **SENT["password"])
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60
        assert "Too many tries. Please wait 1 minute, then try again." in answer.text
        assert "HX-Retarget" not in answer.headers
