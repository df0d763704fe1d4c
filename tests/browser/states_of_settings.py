"""States of the settings page."""

from tests.browser.stage import View, long_email
from tests.browser.states import shows

SETTINGS = "/dashboard/settings"


def sent(stage, section, **typed):
    """A section's form, sent without a script and refused."""
    buyer = stage.buyer()
    page = buyer.pages.open(SETTINGS)
    (form,) = [form for form in page.root.all("form") if form.attributes["action"].endswith(f"/{section}")]
    fields = {node.attributes["name"]: node.attributes.get("value", "") for node in form.all("input", type="hidden")}
    return View(SETTINGS, buyer, buyer.pages.client.post(form.attributes["action"], data=fields | typed))


@shows("settings.settings")
def settings(stage):
    return View(SETTINGS, stage.buyer())


@shows("settings.settings")
def settings_of_somebody_with_another_look(stage):
    buyer = stage.buyer(email=long_email())
    buyer.become(theme="dark", locale="de_DE", number_style="apostrophe_dot")
    return View(SETTINGS, buyer)


@shows("settings.settings")
def settings_with_a_look_that_is_not_offered(stage):
    return sent(stage, "look", theme="pink", locale="xx", number_style="roman", time_zone="Mars/Olympus")


@shows("settings.settings")
def settings_with_an_email_that_is_none(stage):
    return sent(stage, "email", email="no address", present="not the password")


@shows("settings.settings")
def settings_with_a_password_that_is_too_short(stage):
    return sent(stage, "password", present="not the password", password="short")
