"""Reconciling, at the edge: walk over what Stripe has, and bring what differs through the webhook's own functions.

`run` is the walk, `payments`, `returned` and `events` are what it looks at. Each thing has its own transactions, none
is open while Stripe is asked, and one that breaks is noted and stops no other.
"""

from webapp.web.reconcile.run import Progress, reconcile

__all__ = ["Progress", "reconcile"]
