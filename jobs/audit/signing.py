"""Checkpoints: signed statements of how far the trail goes."""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

_DOMAIN = "tessera-audit-checkpoint.v1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The number and hash of the trail's last event at some time, signed."""

    seq: int
    hash: str
    time_ms: int
    key_id: str
    signature: str

    def __str__(self) -> str:
        """The text that `tessera audit verify --checkpoint` takes."""
        return f"{self.seq}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with HMAC-SHA256."""

    key: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        """Names the key without revealing it: 16 hexadecimal digits."""
        return hmac.digest(self.key, b"tessera-audit-key-id", "sha256").hex()[:16]

    def checkpoint(self, seq: int, last_hash: str, time_ms: int) -> Checkpoint:
        """A signed checkpoint."""
        signature = self._signature(seq, last_hash, time_ms)
        return Checkpoint(seq, last_hash, time_ms, self.key_id, signature)

    def accepts(self, checkpoint: Checkpoint) -> bool:
        """Whether this key has signed the checkpoint."""
        expected = self._signature(checkpoint.seq, checkpoint.hash, checkpoint.time_ms)
        return hmac.compare_digest(expected, checkpoint.signature)

    def _signature(self, seq: int, last_hash: str, time_ms: int) -> str:
        text = f"{_DOMAIN}:{seq}:{last_hash}:{time_ms}"
        return hmac.new(self.key, text.encode(), sha256).hexdigest()

    @classmethod
    def of_secret(cls, secret: bytes) -> Self:
        """The signer whose key is derived from a secret of any length."""
        return cls(sha256(b"tessera-audit" + secret).digest())
