"""The account an operator looks at, read as its owner reads it: the same cards and rows, from the same files."""

from dataclasses import dataclass, fields

from flask import url_for

from webapp.operators.people import Profile
from webapp.web.pages.reader import Reader


@dataclass
class Subject(Reader):
    """A reader of somebody else's account: its numbers, in the operator's language, style of numbers and time zone."""

    zone_of_operator: str

    @property
    def zone(self) -> str:
        """The operator's: all times of a page are of one zone, the one its footer names."""
        return self.zone_of_operator

    def receipt_address(self, purchase_id: str) -> str:
        """Where a purchase is told of: receipts are their owner's."""
        return url_for("operator.purchase", purchase_id=purchase_id)


def subject_of(reader: Reader, profile: Profile) -> Subject:
    """The owner of a profile, for this operator."""
    facts = {field.name: getattr(reader, field.name) for field in fields(Reader)}
    facts |= {
        "account_id": profile.account_id,
        "email": profile.called,
        "name": profile.user.name if profile.user else "",
        "role": profile.user.role if profile.user else "user",
        "spending_paused_at": profile.spending_paused_at,
        "zone_of_operator": reader.zone,
    }
    return Subject(**facts)
