"""What was paid for a purchase. Pure."""

from webapp.billing.models import Purchase


def paid_minor(purchase: Purchase) -> int:
    """What was paid: by the session it was paid in, or what is asked for as long as nobody has paid."""
    return purchase.amount_minor if purchase.total_minor is None else purchase.total_minor


def paid_currency(purchase: Purchase) -> str:
    """The currency of the payment: another one than asked for is a reason to be quarantined."""
    found = (purchase.differences or {}).get("currency", {}).get("found")
    return str(found or purchase.currency)
