"""Signing secrets of webhooks, as Standard Webhooks 1.0 defines them (symmetric signatures)."""

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Self

PREFIX = "whsec_"
_MIN_BYTES, _MAX_BYTES = 24, 64


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """The key of an HMAC-SHA256."""

    key: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A random secret of 32 bytes."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def parse(cls, text: str) -> Self:
        """`whsec_` and 24 to 64 bytes in base64; raises ValueError without quoting the text."""
        try:
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not text.startswith(PREFIX) or not _MIN_BYTES <= len(key) <= _MAX_BYTES:
            raise ValueError(
                f"a signing secret is {PREFIX} and base64 of {_MIN_BYTES} to {_MAX_BYTES} bytes"
            )
        return cls(key)

    def __str__(self) -> str:
        """The text that `parse` reads."""
        return PREFIX + base64.b64encode(self.key).decode()

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The signature of a message that is sent at `timestamp`, in seconds since the epoch."""
        signed = f"{message_id}.{timestamp}.".encode() + body
        return "v1," + base64.b64encode(hmac.digest(self.key, signed, "sha256")).decode()
