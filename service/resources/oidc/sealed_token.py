"""Refresh tokens as they are stored: encrypted, so that the database alone is no use."""

import base64
import hashlib
import hmac

from cryptography.fernet import Fernet, InvalidToken

_PURPOSE = b"tessera refresh token"


def sealed(token: str, secret: str) -> str:
    """The token, encrypted with a key that follows from the secret of the gateway's client."""
    return _cipher(secret).encrypt(token.encode()).decode()


def unsealed(text: str, secret: str) -> str | None:
    """The token; None if it was encrypted with another secret."""
    try:
        return _cipher(secret).decrypt(text.encode()).decode()
    except InvalidToken:
        return None


def _cipher(secret: str) -> Fernet:
    key = hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
    return Fernet(base64.urlsafe_b64encode(key))
