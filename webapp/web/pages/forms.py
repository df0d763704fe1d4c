"""What becomes of a form of the settings: the same for each of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from webapp.errors import Refusal


@dataclass(frozen=True)
class Form:
    """A section's form: as stored, refused with what was typed, or saved with what was done."""

    typed: Mapping[str, str] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    done: str = ""


AS_STORED = Form()
