"""Random secrets that a browser or a link carries, of which only a hash is stored.

They have 256 random bits, so SHA-256 is enough: there is nothing to guess that a slow hash would
protect.
"""

import hashlib
import secrets

_BYTES = 32


def new_secret() -> str:
    """A random secret of 43 letters, digits, hyphens and underscores."""
    return secrets.token_urlsafe(_BYTES)


def sha256_of(secret: str) -> str:
    """What is stored of a secret, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()
