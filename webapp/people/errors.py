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
    ├── InvalidOverlap
    ├── TooManyKeys         most
    ├── UnknownKey
    ├── FormSentBefore      key: the number of the key that the form has made or renewed
    ├── EmailOfAnother      a host product named an e-mail that is somebody else's
    ├── NoUser              nobody signs in to the account
    ├── OperatorsOwn        a login link for an operator
    ├── LinkEnded           a login link that was used, has ended, or never was
    ├── NoPassword          somebody who comes by links only has no password to show
    ├── SignInAgain         too long ago for setting a first password
    ├── OperatorStays       an operator can't close their own account
    ├── AccountClosed       nobody signs in to this account any more
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


class InvalidOverlap(PeopleRefusal):
    """An old secret was to live on for longer than it may."""

    code = "invalid_overlap"
    field = "overlap"


class TooManyKeys(PeopleRefusal):
    """The account has as many living keys as it may have. Fact: `most`."""

    code = "too_many_keys"


class UnknownKey(PeopleRefusal):
    """There is no such key, or it is another account's, or it is revoked."""

    code = "unknown_key"


class FormSentBefore(PeopleRefusal):
    """The form has made or renewed a key already; its secret was in the answer to the first sending only."""

    code = "form_sent_before"

    def __init__(self, key_id: int) -> None:
        super().__init__("This form was sent before. The secret was shown then, and once only.", key=key_id)
        self.key_id = key_id


class EmailOfAnother(PeopleRefusal):
    """The host product named an e-mail with which somebody signs in to another account. Told to its developers."""

    code = "email_unavailable"
    field = "email"

    def __init__(self) -> None:
        super().__init__(
            "Somebody signs in to another account with this email, so this account can't have it. Nothing was made or"
            " changed. Send the request again without email, or with another one."
        )


class NoUser(PeopleRefusal):
    """Nobody signs in to the account, and this needs a person."""

    code = "no_user"


class OperatorsOwn(PeopleRefusal):
    """The account's user has an operator's role: no key may sign in as them."""

    code = "operators_own"


class LinkEnded(PeopleRefusal):
    """A login link that was used, has ended, or never was. The words are the same for each."""

    code = "link_ended"

    def __init__(self, *, is_signed_in: bool = False) -> None:
        way_on = "You are signed in as before." if is_signed_in else "Sign in, or ask for a new one."
        super().__init__(f"This link has been used or has ended. {way_on}")


class NoPassword(PeopleRefusal):
    """The user has no password yet that could be asked for."""

    code = "no_password"

    def __init__(self) -> None:
        super().__init__("Set a password first: your email is changed with it.")


class SignInAgain(PeopleRefusal):
    """The sign-in is too old to set a first password by it, or to close an account."""

    code = "sign_in_again"

    def __init__(self, *, to: str = "set a password") -> None:
        super().__init__(f"To {to}, come here again by the link that signs you in, and do it right then.")


class OperatorStays(PeopleRefusal):
    """Somebody with an operator's role wanted to close their account."""

    code = "operator_stays"

    def __init__(self) -> None:
        super().__init__("You are an operator. Let an admin take that role from you first, then close your account.")


class AccountClosed(PeopleRefusal):
    """The account's user has closed it. Told to whoever knows its password, or is its product."""

    code = "account_closed"

    def __init__(self) -> None:
        super().__init__("This account was closed by its owner, so nobody can sign in to it or buy for it.")


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
