"""How a delivery is signed, and the ways in which it can be made wrong on purpose.

Signs with the SDK's own code. Knows secrets and bytes; must not know when something is sent.
https://docs.stripe.com/webhooks/signatures
"""

from dataclasses import dataclass
from typing import Literal, get_args

import stripe

Manner = Literal["plain", "corrupt", "old_secret", "two_secrets", "old_version"]
MANNERS: tuple[Manner, ...] = get_args(Manner)

# What an app refuses is sent as it should be the next time: Stripe signs each retry anew.
HEALED_BY_RETRY = frozenset({"corrupt", "old_secret"})

ROLLED_SECRET = "whsec_simulated_before_the_last_roll"  # noqa: S105 - play money's


@dataclass(frozen=True)
class Secrets:
    """The endpoint's secret, and the one before it: one the app still knows while it is rolled, else a forgotten one.

    https://docs.stripe.com/webhooks#roll-endpoint-secrets
    """

    present: str
    old: str = ROLLED_SECRET

    @property
    def knows_old(self) -> bool:
        """Whether the app's settings still have the old secret."""
        return self.old != ROLLED_SECRET

    def header(self, body: str, manner: Manner, *, now: int) -> str:
        """The value of `Stripe-Signature` for these bytes at `now` (Unix seconds)."""
        secret = self.old if manner == "old_secret" else self.present
        header: str = stripe.WebhookSignature.generate_signature_header(body, secret, now)
        if manner == "corrupt":
            return header[:-1] + ("0" if header[-1] != "0" else "1")
        if manner == "two_secrets":  # the old one first: whoever looks at one signature only looks at the wrong one
            old: str = stripe.WebhookSignature.generate_signature_header(body, self.old, now)
            return f"{old},{header.partition(',')[2]}"
        return header
