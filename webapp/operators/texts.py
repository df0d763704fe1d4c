"""Texts that operators type: one paragraph, cleaned, or nothing where it can't be taken. Pure."""

from webapp.people.texts import compose


def clean_text(text: str, *, most_characters: int) -> str | None:
    """The text with single spaces and in Unicode's composed form; None if it is too long or can't be shown."""
    found = compose(" ".join(text.split()), most_characters=most_characters)
    return found if len(found) <= most_characters and found.isprintable() else None
