"""Money: purchases, Stripe's events, prices. Knows the ledger, never Flask."""
