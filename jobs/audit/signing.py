"""Checkpoints: signed statements of how far the trail goes. Removals are signed, too."""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from jobs.audit.removal import AuditRemoval

_CHECKPOINT = "tessera-audit-checkpoint.v1"
_REMOVAL = "tessera-audit-removal.v1"


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
        signature = self._signature(_CHECKPOINT, seq, last_hash, time_ms)
        return Checkpoint(seq, last_hash, time_ms, self.key_id, signature)

    def removal(self, seq: int, last_hash: str, before_ms: int, time_ms: int) -> AuditRemoval:
        """A signed statement that events were removed."""
        signature = self._signature(_REMOVAL, seq, last_hash, before_ms, time_ms)
        return AuditRemoval(seq, last_hash, before_ms, time_ms, self.key_id, signature)

    def accepts(self, signed: Checkpoint | AuditRemoval) -> bool:
        """Whether this key has signed it."""
        if isinstance(signed, AuditRemoval):
            times = (signed.before_ms, signed.time_ms)
            expected = self._signature(_REMOVAL, signed.seq, signed.hash, *times)
        else:
            expected = self._signature(_CHECKPOINT, signed.seq, signed.hash, signed.time_ms)
        return hmac.compare_digest(expected, signed.signature)

    def _signature(self, *members: str | int) -> str:
        text = ":".join(map(str, members))
        return hmac.new(self.key, text.encode(), sha256).hexdigest()

    @classmethod
    def of_secret(cls, secret: bytes) -> Self:
        """The signer whose key is derived from a secret of any length."""
        return cls(sha256(b"tessera-audit" + secret).digest())
