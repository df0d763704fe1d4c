"""States of the API's reference page."""

from tests.browser.stage import View
from tests.browser.states import shows

DOCS = "/api/docs"


@shows("api_docs.page")
def reference_of_the_api(stage):
    return View(DOCS)


@shows("api_docs.page")
def reference_of_the_api_with_every_answer_open(stage):
    return View(
        DOCS, act=lambda page: page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    )
