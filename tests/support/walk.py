"""What a person does in the browser, in words of the pages."""

import itertools
import re

from playwright.sync_api import Page, expect

PASSWORD = "a long enough password"
numbers = itertools.count(1)


def register(page: Page) -> str:
    """Create an account through the form; lands on the dashboard. Returns the e-mail."""
    email = f"walker-{next(numbers)}@example.com"
    page.goto("/register")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
    return email


def sign_in(page: Page, email: str) -> None:
    """Fill the sign-in form that is open."""
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    """By the account menu; lands on the sign-in page."""
    page.locator("#account-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome back")


def session_of(page: Page | str) -> str:
    """The Checkout Session that the address of a checkout or of a return page names."""
    found = re.search(r"cs_test_sim_\w+", page if isinstance(page, str) else page.url)
    assert found
    return found[0]


def come_back(page: Page, session_id: str) -> None:
    """Open the page that Stripe leads a buyer back to."""
    page.goto(f"/dashboard/credits/success?session_id={session_id}")


def open_checkout(page: Page, button: str = "Buy 1,000 credits for $35.00") -> None:
    """From anywhere to the simulated Checkout page of a pack."""
    page.goto("/dashboard/credits")
    page.get_by_role("button", name=button).click()
    page.wait_for_url(re.compile(r"/_stripe/c/pay/cs_test_sim_"))


def pay(page: Page, outcome: str = "succeeds", *, webhook: str = "normal", back: str = "normal") -> None:
    """Choose what should happen and press Pay."""
    page.locator(f'input[name="outcome"][value="{outcome}"]').check()
    if (webhook, back) != ("normal", "normal"):
        page.locator("summary", has_text="Webhook, return and afterwards").click()
        page.locator(f'input[name="webhook"][value="{webhook}"]').check()
        page.locator(f'input[name="return"][value="{back}"]').check()
    page.get_by_role("button", name=re.compile("^Pay ")).click()


def stop_clock(page: Page) -> None:
    """From the next page on, nothing happens by itself in this browser until its clock is told to run."""
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))


def badge(page: Page) -> str:
    """The balance in the header, as it reads."""
    return " ".join(page.locator("#balance-badge").inner_text().split())
