"""The list of people, and how they are found."""

import re
from typing import Any

from webapp.extensions import db
from webapp.operators.searching import MOST_CHARACTERS, People, people
from webapp.web.pages.operator.frame import console
from webapp.web.pages.reader import Reader

PLACE = re.compile(r"[1-9][0-9]{0,8}")


def people_page(reader: Reader, text: str, after: str) -> dict[str, Any]:
    """`operator/people.html`: the field, and who is found."""
    return console(reader, "people") | op_people(reader, text, after)


def op_people(reader: Reader, text: str, after: str) -> dict[str, Any]:
    """`operator/_op_people.html`: one page of people. What can't be a search finds nobody."""
    text = " ".join(text.split())
    is_search = len(text) <= MOST_CHARACTERS and text.isprintable()
    place = int(after) if PLACE.fullmatch(after) else None
    found = people(db.session(), text, after=place) if is_search else People((), (), None)
    return {"reader": reader, "text": text, "found": found, "is_continued": place is not None}


def found_words(found: People) -> str:
    """What is said of the people that came: `1 person.`, `25 people, and more.`."""
    if not found.number:
        return "Nobody found."
    words = f"{found.number} {'person' if found.number == 1 else 'people'}"
    return f"{words}, and more." if found.next_after else f"{words}."
