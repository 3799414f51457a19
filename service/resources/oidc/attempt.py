"""A sign-in at the provider that has begun: what its end must match, as the text of a cookie."""

import hashlib
import hmac
import secrets
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Self

import jwt

LIFETIME_S = 600
"""How long somebody may take at the provider."""
_ALGORITHM = "HS256"
_PURPOSE = b"tessera sign-in attempt"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Random texts of one sign-in (RFC 6749, 10.12; RFC 7636; OpenID Connect Core 1.0, 3.1.2.1)."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    project: str = ""
    """The project whose page was open; empty: none."""

    @classmethod
    def new(cls, project: str) -> Self:
        """With 256 random bits each."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, project)

    def signed(self, secret: str) -> str:
        """The text of the cookie."""
        values = asdict(self) | {"exp": int(time.time()) + LIFETIME_S}
        return jwt.encode(values, _key(secret), _ALGORITHM)

    @classmethod
    def read(cls, text: str, secret: str) -> Self | None:
        """From the text of a cookie; None if it is not genuine, or too old."""
        try:
            values = jwt.decode(text, _key(secret), [_ALGORITHM], options={"require": ["exp"]})
        except jwt.PyJWTError:
            return None
        return cls(*(values[one.name] for one in fields(cls)))

    def belongs_to(self, state: str) -> bool:
        """Whether the browser comes back from this sign-in."""
        return hmac.compare_digest(self.state.encode(), state.encode())


def _key(secret: str) -> bytes:
    """All gateways have the client's secret, so one may end what another began."""
    return hmac.digest(secret.encode(), _PURPOSE, hashlib.sha256)
