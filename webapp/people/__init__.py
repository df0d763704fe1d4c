"""People: who signs in, with what, and where. Not to be mixed up with the ledger's accounts. Knows no HTTP."""
