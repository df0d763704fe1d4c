"""Sweeps: small functions that find due rows and settle each in its own transaction."""
