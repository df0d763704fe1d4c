"""The ledger: accounts, lots, entries and postings. Knows no user, no Stripe, no HTTP."""
