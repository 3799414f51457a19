"""Public keys of a provider, from its JSON Web Key Set (RFC 7517)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

ALGORITHMS: Mapping[str, tuple[str, str | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", None),
}
"""The signatures that count, with the type and curve of their keys (RFC 7518, 3.1; RFC 8037).

All are asymmetric: with HMAC, the public key would be the secret (RFC 8725, 2.1).
"""
_MOST_KEYS = 100


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that verifies signatures."""

    id: str | None
    key: Any
    """A public key of `cryptography`."""
    kind: str
    curve: str | None
    algorithm: str | None
    """The only one that it may be used with; None: any of its kind."""

    def fits(self, algorithm: str) -> bool:
        """Whether it verifies signatures of this algorithm."""
        kind, curve = ALGORITHMS[algorithm]
        return (
            self.kind == kind
            and curve in (None, self.curve)
            and self.algorithm in (None, algorithm)
        )


def keys_of(key_set: Mapping[str, Any]) -> list[SigningKey]:
    """The keys of a set that verify signatures. Others, and keys that cannot be read, are left
    out."""
    listed = key_set.get("keys")
    return list(_readable(listed)) if isinstance(listed, list) else []


def _readable(listed: Sequence[Any]) -> Iterator[SigningKey]:
    for one in listed[:_MOST_KEYS]:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig":
            continue
        public = {name: value for name, value in one.items() if name not in ("alg", "d")}
        if one.get("kty") not in {kind for kind, _ in ALGORITHMS.values()}:
            continue
        try:
            key = jwt.PyJWK(public).key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        yield SigningKey(_text(one, "kid"), key, one["kty"], _text(one, "crv"), _text(one, "alg"))


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None
