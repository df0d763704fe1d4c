"""What an export can be refused for.

Refusal
└── TooManyExports
"""

from webapp.errors import Refusal


class TooManyExports(Refusal):
    """The account has as many exports running as it may have at once."""

    code = "too_many_exports"
