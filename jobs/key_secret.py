"""API keys as text: `tsk_<prefix>_<secret>`, of which only a hash of the secret is stored.

The secret has 256 random bits. So SHA-256 is enough: there is nothing to guess that a slow hash
would protect.
"""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field
from typing import Self

from jobs.account import KEY_PREFIX

_PREFIX_LENGTH = 8
_SECRET_BYTES = 32
_ALPHABET = string.ascii_lowercase + string.digits
_KEY = re.compile(rf"{KEY_PREFIX}([a-z0-9]{{{_PREFIX_LENGTH}}})_([A-Za-z0-9_-]{{43}})")


@dataclass(frozen=True, slots=True)
class KeySecret:
    """The parts of a key."""

    prefix: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A random key."""
        prefix = "".join(secrets.choice(_ALPHABET) for _ in range(_PREFIX_LENGTH))
        return cls(prefix, secrets.token_urlsafe(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The parts of a key; None for a text that cannot be one."""
        match = _KEY.fullmatch(text)
        return None if match is None else cls(match[1], match[2])

    @property
    def text(self) -> str:
        """The whole key, as its user sends it."""
        return f"{KEY_PREFIX}{self.prefix}_{self.secret}"

    @property
    def sha256(self) -> str:
        """What is stored of the secret, in hexadecimal."""
        return hashlib.sha256(self.secret.encode()).hexdigest()
