"""The root of every refusal: a clear sentence, a stable code, facts.

Rings derive their own; web/errors.py draws them.
"""

from typing import ClassVar


class Refusal(Exception):
    """Something that can't be done as asked, and why. Nothing was written.

    `code` is stable and part of the API, the sentence is for people, `facts` are JSON-ready values
    (`needed`, `available`, …).
    """

    code: ClassVar[str] = "refused"

    def __init__(self, sentence: str, **facts: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.facts = facts
