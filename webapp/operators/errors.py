"""What operators are refused; nothing was done.

Refusal
└── OperatorRefusal       field: which input the words belong under
    ├── ReasonMissing
    ├── InvalidAmount     not a whole number of credits
    ├── InvalidChoice     not one of what the form offers
    ├── InvalidWords      what the customer will read is too long, or can't be shown
    ├── NothingToDo       it is so already
    ├── NobodySignsIn     the account has no user
    ├── FormKeyMissing    the form is not one of ours
    ├── FormUsed          act: the form has done something else already
    └── LastAdmin
"""

from webapp.errors import Refusal


class OperatorRefusal(Refusal):
    """An operator can't do this; nothing was written."""

    code = "operator_refused"
    field = ""


class ReasonMissing(OperatorRefusal):
    """An act has no reason, or one too long or with characters that can't be shown."""

    code = "reason_missing"
    field = "reason"


class InvalidAmount(OperatorRefusal):
    """What stands in the field of credits or money is no number that can be given or taken."""

    code = "invalid_amount"

    def __init__(self, sentence: str, *, field: str = "credits") -> None:
        super().__init__(sentence)
        self.field = field


class InvalidChoice(OperatorRefusal):
    """Something was chosen that is not offered."""

    code = "invalid_choice"

    def __init__(self, sentence: str, *, field: str) -> None:
        super().__init__(sentence)
        self.field = field


class InvalidWords(OperatorRefusal):
    """What the customer will read is too long, or can't be shown."""

    code = "invalid_words"
    field = "words"


class NothingToDo(OperatorRefusal):
    """The account is as it is asked to be already."""

    code = "nothing_to_do"


class NobodySignsIn(OperatorRefusal):
    """The account has no user whose sign-ins or role could be changed."""

    code = "nobody_signs_in"


class FormKeyMissing(OperatorRefusal):
    """A form without its one-time key: sent twice it would be done twice."""

    code = "form_key_missing"

    def __init__(self) -> None:
        super().__init__("This form can't be sent twice safely. Open it again and send it from there.")


class FormUsed(OperatorRefusal):
    """The form's one-time key has done another act already. Fact: `act`, that act's id."""

    code = "form_used"

    def __init__(self, act_id: str) -> None:
        super().__init__("This form has done something else already. Open it again for another act.", act=act_id)
        self.act_id = act_id


class LastAdmin(OperatorRefusal):
    """Nobody would be left who can give roles."""

    code = "last_admin"
    field = "role"

    def __init__(self) -> None:
        super().__init__("This is the last admin. Make somebody else an admin first.")
