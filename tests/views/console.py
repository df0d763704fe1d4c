"""Operators in front of the console."""

from dataclasses import dataclass

from flask import Flask

from tests.support.browsing import sign_in
from tests.support.pages import Page, PageClient
from tests.support.people import make_operator
from webapp.people.models import User

PEOPLE = "/operator/people"


@dataclass
class Desk:
    """One operator, their browser, and the account they look at."""

    operator: User
    pages: PageClient
    account_id: int

    @classmethod
    def of(cls, app: Flask, role: str, account_id: int) -> "Desk":
        operator = make_operator(role)
        return cls(operator, PageClient(sign_in(app, operator)), account_id)

    def path(self, side: str = "") -> str:
        return f"{PEOPLE}/{self.account_id}{f'/{side}' if side else ''}"

    def open(self, side: str = "", **given: object) -> Page:
        return self.pages.open(self.path(side), **given)

    def asked(self, act: str, *, status: int = 200, **typed: str) -> Page:
        """The page that shows what an act would do."""
        page, usual = self.open(act), {"reason": "They asked", "step": "check"}
        for field in page.with_id("do-form").all("select"):
            chosen = [one for one in field.all("option") if "selected" in one.attributes] or field.all("option")
            usual[field.attributes["name"]] = chosen[0].attributes["value"]
        answer = self.pages.submit(page, "do-form", **{**usual, **typed})
        return self.pages.page_of(answer, status=status)

    def does(self, act: str, **typed: str) -> Page:
        """Do a plain act, or one whose check page agrees; the page of the act."""
        if act.partition("?")[0] in {"grant", "take", "role", "refund"}:
            answer = self.pages.submit(self.asked(act, **typed), "check-form", step="do")
        else:
            answer = self.pages.submit(self.open(act), "do-form", **{"reason": "They asked", "step": "do", **typed})
        assert answer.status_code == 303, answer.text
        return self.pages.open(answer.headers["Location"])
