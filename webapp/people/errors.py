"""What people are refused, in words that tell a stranger nothing about who has an account.

Refusal
└── PeopleRefusal           field: which input the words belong under
    ├── InvalidEmail
    ├── InvalidName
    ├── WeakPassword
    ├── UnknownRole
    ├── EmailUnavailable
    ├── WrongPair
    ├── WrongPassword
    ├── UnknownTheme
    ├── UnknownTimeZone
    ├── UnknownLocale
    ├── UnknownNumberStyle
    ├── InvalidKeyName
    ├── UnknownScope
    └── TooManyTries        retry_after_seconds
"""

from typing import ClassVar

from webapp.errors import Refusal


class PeopleRefusal(Refusal):
    """A person can't be signed in or written down like this; nothing was written."""

    code = "people_refused"
    field: ClassVar[str] = ""


class InvalidEmail(PeopleRefusal):
    """Not an e-mail address that mail could reach."""

    code = "invalid_email"
    field = "email"


class InvalidName(PeopleRefusal):
    """A name too long, or with characters that can't be shown."""

    code = "invalid_name"
    field = "name"


class WeakPassword(PeopleRefusal):
    """A password that breaks the rule that was shown."""

    code = "weak_password"
    field = "password"


class UnknownRole(PeopleRefusal):
    """There is no such role."""

    code = "unknown_role"
    field = "role"


class EmailUnavailable(PeopleRefusal):
    """No account can have this e-mail. The words don't say whether somebody's has; they are the same everywhere."""

    code = "email_unavailable"
    field = "email"

    def __init__(self) -> None:
        super().__init__("We can't use this email for an account. If it's yours, try signing in.")


class WrongPair(PeopleRefusal):
    """E-mail and password don't belong together; the same for an e-mail nobody has."""

    code = "wrong_pair"

    def __init__(self) -> None:
        super().__init__("Email or password isn't right")


class WrongPassword(PeopleRefusal):
    """Whoever is signed in didn't know the present password."""

    code = "wrong_password"
    field = "present"

    def __init__(self) -> None:
        super().__init__("That isn't your present password.")


class UnknownTheme(PeopleRefusal):
    """There is no such theme."""

    code = "unknown_theme"
    field = "theme"


class UnknownTimeZone(PeopleRefusal):
    """The time zone database has no zone of this name."""

    code = "unknown_time_zone"
    field = "time_zone"


class UnknownLocale(PeopleRefusal):
    """Nothing can be written in a locale of this name."""

    code = "unknown_locale"
    field = "locale"


class UnknownNumberStyle(PeopleRefusal):
    """There is no such style of numbers."""

    code = "unknown_number_style"
    field = "number_style"


class InvalidKeyName(PeopleRefusal):
    """An API key has no name, or one too long or with characters that can't be shown."""

    code = "invalid_key_name"
    field = "name"


class UnknownScope(PeopleRefusal):
    """An API key was to have no scope, or one that doesn't exist."""

    code = "unknown_scope"
    field = "scopes"


class TooManyTries(PeopleRefusal):
    """Too many failed sign-ins by this e-mail or from this address. Fact: `retry_after_seconds`.

    The words are the same whether the e-mail has an account or not, and whether the password was right.
    """

    code = "too_many_tries"

    def __init__(self, wait_seconds: int) -> None:
        minutes = -(-wait_seconds // 60)
        wait = "1 minute" if minutes == 1 else f"{minutes} minutes"
        super().__init__(f"Too many tries. Please wait {wait}, then try again.", retry_after_seconds=wait_seconds)
        self.wait_seconds = wait_seconds
