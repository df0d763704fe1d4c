"""Asking Stripe again where another answer was settled between the question and its answer."""

from collections.abc import Callable
from typing import TypeVar

from webapp.billing.errors import Overtaken
from webapp.web.logs import log

ASKED_AT_MOST = 3

T = TypeVar("T")


def asked_again(ask: Callable[[str], T]) -> T:
    """What `ask` makes of Stripe's answer; it asks again where that was overtaken, three times in all.

    It is given the id of the purchase or subscription that it turned out to be about, '' the first time, and must read
    anew what was known before it asks. Raises Overtaken after the last time.
    """
    overtaken_id = ""
    for _ in range(ASKED_AT_MOST - 1):
        try:
            return ask(overtaken_id)
        except Overtaken as overtaken:
            overtaken_id = overtaken.object_id
            log.info("asking stripe again", object=overtaken_id)
    return ask(overtaken_id)
