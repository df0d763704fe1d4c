"""Texts that people type: two ways to type one letter are one text. Pure."""

import unicodedata

# A composed character takes the place of at most four of the letters and marks people can type for it.
MOST_DECOMPOSED = 4


def compose(text: str, *, most_characters: int) -> str:
    """The text in Unicode's composed form (NFC), in which it is counted, compared and stored.

    A text that must be too long is given back as it is: composing takes quadratic time on piles of accents, and half a
    megabyte of them would keep a worker busy for minutes.
    """
    return text if len(text) > MOST_DECOMPOSED * most_characters else unicodedata.normalize("NFC", text)
