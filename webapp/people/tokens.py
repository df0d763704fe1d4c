"""Random secrets: of browsers, API keys and login links. Each is given out once; only its hash is kept. Pure."""

import hashlib
import secrets

SECRET_BYTES = 32


def new_secret(prefix: str = "") -> str:
    """256 random bits as letters that travel anywhere, after a prefix by which people know what it is."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def secret_hash(secret: str) -> str:
    """What is kept of a secret. It is 256 random bits: a fast hash without salt can't be searched."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()
