"""Passwords: the rule people read, argon2id, and a check that takes as long for an unknown e-mail.

The rule: 12 to 128 characters, any characters, no rule about which (NIST SP 800-63B). A password is compared in
Unicode's composed form (NFC, as RFC 8265 says), so that é typed on two keyboards is one é; it is counted in that form
too. 128 characters are at most 512 bytes, and argon2 reads them all. Spaces at the ends count.
"""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from webapp.people.emails import email_key
from webapp.people.errors import WeakPassword
from webapp.people.texts import compose

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 128
RULE = f"{LEAST_CHARACTERS} characters or more"

# argon2-cffi's defaults are RFC 9106's profile for small memory: 64 MiB, 3 passes, 4 lanes.
hasher = PasswordHasher()

# The hash of a random password nobody has, made with the parameters above (a test keeps them equal).
UNKNOWN_PERSON = "$argon2id$v=19$m=65536,t=3,p=4$oljRCha9T2X5+e8XCx8yjA$v9O8eMbvdpDCXhXHM3SWPSaDAYhiwEb9dc7m6H0qq40"

# Stands in place of a hash for somebody who has no password yet: nothing matches it.
NO_PASSWORD = "!"  # noqa: S105  # the sign that there is none

# The most common of those that are long enough; the rule is meant to be short, so is the list.
COMMON = frozenset(
    {
        "passwordpassword",
        "password1234",
        "password12345",
        "password123456",
        "123456789012",
        "1234567890123",
        "123456123456",
        "123123123123",
        "1234567891011",
        "qwertyuiop123",
        "qwertyuiopasdf",
        "qwerty123456",
        "qwertyqwerty",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "q1w2e3r4t5y6",
        "adminadminadmin",
        "iloveyouiloveyou",
        "correcthorsebatterystaple",
    }
)


def hash_password(password: str, *, email: str) -> str:
    """A new argon2id hash with a salt of its own, for a password that keeps the rule; else raises WeakPassword.

    Takes about 0.1 s and 64 MiB on purpose: call it while no transaction is open.
    """
    return hasher.hash(checked_password(password, email=email))


def checked_password(password: str, *, email: str) -> str:
    """The password in the form that is hashed. Raises WeakPassword with the reason in words."""
    text = _composed(password)
    if text is None:
        raise WeakPassword("We can't read every character of that password. Choose another.")
    if len(text) > MOST_CHARACTERS:
        raise WeakPassword(f"Use a password of {MOST_CHARACTERS} characters or fewer.")
    if len(text) < LEAST_CHARACTERS:
        raise WeakPassword(f"Use a password of {RULE}.")
    if email_key(text) == email_key(email):
        raise WeakPassword("Your password can't be your email address.")
    if text.casefold() in COMMON or len(set(text)) == 1:
        raise WeakPassword("That password is one of the first to be guessed. Choose another.")
    return text


def matches(password_hash: str | None, password: str) -> bool:
    """Whether the password belongs to the hash. None stands for an e-mail nobody has, and takes as long.

    So does NO_PASSWORD, for somebody who has set none yet.
    """
    text = _composed(password)
    known_hash = None if password_hash == NO_PASSWORD else password_hash
    is_possible = known_hash is not None and text is not None
    try:
        hasher.verify(known_hash or UNKNOWN_PERSON, text or "")
    except VerifyMismatchError:
        return False
    return is_possible


def rehashed(password_hash: str, password: str) -> str | None:
    """A new hash of a password that was just matched, if the old one has outdated parameters; else None."""
    text = _composed(password)
    if text is None or not hasher.check_needs_rehash(password_hash):
        return None
    return hasher.hash(text)


def _composed(password: str) -> str | None:
    """The password in the form that is hashed; None if it is broken Unicode, which can't be hashed."""
    try:
        password.encode()
    except UnicodeEncodeError:
        return None
    return compose(password, most_characters=MOST_CHARACTERS)
