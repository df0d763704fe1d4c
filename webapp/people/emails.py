"""E-mail addresses: the shape we take, and the key by which two spellings are one. Pure."""

import re

from webapp.people.errors import InvalidEmail
from webapp.people.texts import compose

MOST_CHARACTERS = 254  # RFC 5321's path of 256 without its brackets

# Deliberately loose: only mail that arrives proves an address. Quoted local parts are refused.
LOCAL = r"[^\s@<>()\[\],;:\\\"]{1,64}"
LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
SHAPE = re.compile(rf"{LOCAL}@{LABEL}(?:\.{LABEL})+")


def clean_email(text: str) -> str:
    """The address as it will be shown: stripped and in Unicode's composed form. Raises InvalidEmail."""
    email = _compose(text.strip())
    if not is_email(email) or not is_email(email_key(email)):  # some letters fold into what an address can't have
        raise InvalidEmail("Enter an email address like sam@example.com.")
    return email


def is_email(email: str) -> bool:
    """Whether a stripped text has the shape of an address, fits the column and can be shown."""
    return len(email) <= MOST_CHARACTERS and email.isprintable() and SHAPE.fullmatch(email) is not None


def email_key(text: str) -> str:
    """The key of an address: `Sam@Example.com ` and `sam@example.com` are one person. Takes any text."""
    return _compose(_compose(text.strip()).casefold())


def _compose(text: str) -> str:
    return compose(text, most_characters=MOST_CHARACTERS)
