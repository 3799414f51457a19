"""Data keys: what the keys of single files are derived from."""

import secrets
from dataclasses import dataclass, field
from typing import Self

ID_BYTES = 16
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class DataKey:
    """A random key of a store."""

    id: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A random key with a random id."""
        return cls(secrets.token_bytes(ID_BYTES), secrets.token_bytes(KEY_BYTES))
