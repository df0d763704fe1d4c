"""People: who signs in. Not to be mixed up with the ledger's accounts."""
