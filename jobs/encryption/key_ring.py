"""The keys of the settings, with which data keys are encrypted."""

import base64
import binascii
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from imaging.errors import BadRequest
from jobs.encryption.data_key import KEY_BYTES, DataKey

_NONCE_BYTES = 12
_PURPOSE = b"tessera: data key "


def new_key() -> str:
    """A random key, as a setting."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """One key of the settings."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """Names the key without revealing it: 16 hexadecimal digits."""
        return sha256(b"tessera: id of a key" + self.secret).hexdigest()[:16]

    def wrap(self, key: DataKey) -> bytes:
        """The data key, encrypted for its id."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.secret).encrypt(nonce, key.secret, _PURPOSE + key.id)

    def unwrap(self, key_id: bytes, wrapped: bytes) -> DataKey | None:
        """The data key; None if this key did not encrypt it for this id."""
        nonce, content = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            secret = AESGCM(self.secret).decrypt(nonce, content, _PURPOSE + key_id)
        except (InvalidTag, ValueError):
            return None
        return DataKey(key_id, secret)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The current key, with which new data keys are encrypted, and earlier ones."""

    keys: Sequence[WrappingKey]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The keys of a setting, separated by white space, the current one first.

        Raises BadRequest.
        """
        return cls([_parsed(part) for part in text.split()])

    @property
    def current(self) -> WrappingKey:
        """The first key."""
        return self.keys[0]

    def find(self, key_id: str) -> WrappingKey | None:
        """The key with this id."""
        return next((key for key in self.keys if key.id == key_id), None)


def _parsed(text: str) -> WrappingKey:
    try:
        secret = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise BadRequest(
            "A key of TESSERA_ENCRYPTION_KEY is not valid.",
            expected=f"{KEY_BYTES} random bytes in base64, or several such keys separated by "
            "spaces.",
            hint="Make a key with `tessera encryption new-key`.",
        )
    return WrappingKey(secret)
