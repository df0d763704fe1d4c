"""What about alerts is refused.

Refusal
└── UnknownAlert    the account has no such alert, or it can't be put away
"""

from typing import ClassVar

from webapp.errors import Refusal


class UnknownAlert(Refusal):
    """No alert of this account that could be put away has this name."""

    code: ClassVar[str] = "unknown_alert"

    def __init__(self) -> None:
        super().__init__("There is no such alert.")
