"""Crossings of thresholds: what an account is told of, once. Knows no request and no page; senders read its rows."""
