"""States of the pages about signing in, and of what is said when something goes wrong."""

import re

from tests.browser.stage import Buyer, Stage, View
from tests.browser.states import shows
from tests.support.people import PASSWORD
from webapp.extensions import parts
from webapp.ledger.errors import InsufficientCredits

CREDITS = "/dashboard/credits"
CHECKOUT = "/dashboard/credits/checkout"
SESSIONS = "/v1/checkout/sessions"


def sent(stage: Stage, path: str, **typed: str) -> View:
    """A public form, sent and refused."""
    client = stage.stranger()
    (form,) = client.open(path).root.all("form")
    fields = {node.attributes["name"]: node.attributes.get("value", "") for node in form.all("input", type="hidden")}
    return View(path, drawn=client.client.post(path, data=fields | typed))


@shows("auth.login")
def sign_in(stage):
    return View("/login")


@shows("auth.login")
def sign_in_after_a_while(stage):
    return View("/login?next=/dashboard/credits")


@shows("auth.login")
def sign_in_with_a_wrong_pair(stage):
    return sent(stage, "/login", email="someone.new@example.com", password="not the password", remember="1")


@shows("auth.login")
def sign_in_after_too_many_tries(stage):
    email = stage.buyer().user.email
    for _ in range(20):
        view = sent(stage, "/login", email=email, password="not the password")
        if view.drawn.status_code == 429:
            return view
    raise AssertionError("nobody was asked to wait")


@shows("auth.follow_link")
def link_that_was_used(stage):
    return View("/sign-in/rfl_used?next=/dashboard/credits")


@shows("auth.follow_link")
def link_that_was_used_by_somebody_signed_in(stage):
    return View("/sign-in/rfl_used", stage.buyer())


@shows("auth.register")
def register(stage):
    return View("/register")


@shows("auth.register")
def register_with_every_fault(stage):
    return sent(stage, "/register", email="no address", name="A" * 200, password="short")


@shows("auth.register")
def register_with_a_taken_email(stage):
    return sent(stage, "/register", email=stage.buyer().user.email, password=PASSWORD)


@shows("auth.logout")
def sign_out(stage):
    return View("/logout", stage.buyer(email="a.rather.long.address.of.somebody@mail.department.example.com"))


@shows("error 404")
def unknown_page_for_strangers(stage):
    return View("/no-such-page")


@shows("error 404")
def unknown_page_in_the_shell(stage):
    return View("/no-such-page", stage.buyer())


def without_enough(stage: Stage, **missing: int) -> Buyer:
    """Somebody whose work is refused, under /work on a page and under /partials/work for a page's alerts."""

    user = stage.buyer().user
    account_id = user.account_id

    def work():
        raise InsufficientCredits(account_id, **missing)

    working = Stage.of(stage.site)
    for path in ("/work", "/partials/work"):
        working.app.add_url_rule(path, f"work {path}", work)
    return Buyer.of(working.app, user)


@shows("error 402")
def too_few_credits_for_work(stage):
    buyer = without_enough(stage, needed=36, available=12)
    return View("/work", buyer, buyer.pages.client.get("/work"))


@shows("error 402")
def too_few_credits_for_work_that_no_pack_covers(stage):
    buyer = without_enough(stage, needed=10**9, available=12)
    return View("/work", buyer, buyer.pages.client.get("/work"))


@shows("error 402")
def too_few_credits_told_on_top_of_a_page(stage):
    buyer = without_enough(stage, needed=36, available=12)
    page, alert = buyer.pages.client.get("/dashboard"), buyer.pages.client.get("/partials/work").text
    page.set_data(re.sub(r'<div id="alerts"[^>]*>', lambda found: found[0] + alert, page.text, count=1))
    assert alert in page.get_data(as_text=True)
    return View("/dashboard", buyer, page)


@shows("error 400")
def page_that_got_old(stage):
    buyer = stage.buyer()
    return View("/logout", buyer, buyer.pages.client.post("/logout"))


@shows("error 403")
def pack_of_another_plan(stage):
    buyer = stage.buyer()
    terms = parts().catalog.pack("plus-extra").terms
    return View(CHECKOUT, buyer, buyer.buy(pack="plus-extra", terms=terms))


@shows("error 405")
def method_that_is_not_there(stage):
    buyer = stage.buyer()
    return View("/dashboard", buyer, buyer.pages.client.put("/dashboard"))


@shows("error 429")
def too_many_at_once(stage):
    buyer = stage.buyer()
    page = buyer.pages.open(CREDITS)
    for number in range(11):
        answer = buyer.buy(page=page, key=f"key-number-{number:08}")
    return View(CHECKOUT, buyer, answer)


@shows("error 503")
def stripe_out_of_reach(stage):
    buyer = stage.buyer()
    buyer.stripe.faults.refuse_connection("POST", SESSIONS, times=10)
    answer = buyer.buy()
    buyer.stripe.faults.clear()
    return View(CHECKOUT, buyer, answer)


@shows("error 500")
def broken_page(stage):
    broken = Stage.of(stage.site)

    @broken.app.get("/broken")
    def page():
        raise RuntimeError

    return View("/broken", drawn=broken.app.test_client().get("/broken"))
