"""Verifies tokens of a provider: signature, issuer, audience, times and kind.

JSON Web Tokens as RFC 8725 (best practices), RFC 9068 (access tokens) and OpenID Connect Core 1.0,
3.1.3.7 (ID tokens) say.
"""

import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from service.resources.oidc.problems import invalid_token
from service.resources.oidc.provider import Provider
from service.resources.oidc.signing_keys import ALGORITHMS

CLOCK_SKEW_S = 60
"""How far the clocks of provider and gateway may differ: a token counts this much longer, and this
much earlier."""
MAX_LENGTH = 16_384
"""Longest token in characters."""
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")
_KINDS = frozenset({None, "jwt", "at+jwt", "application/at+jwt", "application/jwt"})
"""Values of `typ`; a logout token has another one."""
_OTHER_KINDS = frozenset({"ID", "Refresh", "Offline", "Logout"})
"""Values of the claim `typ`, by which Keycloak tells its tokens apart."""

_OF_ID_TOKENS = frozenset({"nonce", "at_hash", "c_hash"})
"""Claims that only ID tokens have: theirs may have the same audience."""

Claims = Mapping[str, Any]
_JWT = jwt.PyJWT(options={"enforce_minimum_key_length": True})
_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is not valid yet"),
    (jwt.InvalidIssuerError, "another provider issued it"),
    (jwt.InvalidAudienceError, "it is for another service"),
    (jwt.MissingRequiredClaimError, "it lacks a claim that it must have"),
    (jwt.InvalidSignatureError, "its signature is wrong"),
)
"""The first that matches says what is wrong."""


class TokenVerifier:
    """Verifies the tokens of one provider."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def access_token(self, token: str, audience: str) -> Claims:
        """The claims of an access token; raises Unauthenticated, or ProviderUnavailable."""
        claims = self._verified(token, audience)
        if not _OF_ID_TOKENS.isdisjoint(claims) or claims.get("typ") in _OTHER_KINDS:
            raise invalid_token("it is no access token")
        if "cnf" in claims:  # RFC 9449, 7.2; RFC 8705, 3: to accept it as it is would undo that
            raise invalid_token("it may be used only together with a key or certificate")
        return claims

    def id_token(self, token: str, client: str, nonce: str | None) -> Claims:
        """The claims of an ID token; raises as `access_token` does.

        `nonce`: of the sign-in; None for a token that a refresh brought.
        """
        claims = self._verified(token, client)
        authorized = claims.get("azp", client)
        audiences = claims["aud"]
        if authorized != client or (
            isinstance(audiences, list) and len(audiences) > 1 and "azp" not in claims
        ):
            raise invalid_token("it is for another client")
        if nonce is not None and not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise invalid_token("it belongs to another sign-in")
        return claims

    def _verified(self, token: str, audience: str) -> Claims:
        header = _header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise invalid_token("its signature has a form that is not allowed")
        if str(header.get("typ", "jwt")).lower() not in _KINDS:
            raise invalid_token("it is no access token")
        key = self._provider.key(key_id if isinstance(key_id, str) else None, algorithm)
        try:
            claims: Claims = _JWT.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=audience,
                issuer=self._provider.issuer,
                leeway=CLOCK_SKEW_S,
                options={"require": list(_REQUIRED)},
            )
        except jwt.PyJWTError as error:
            reasons = (reason for kind, reason in _REASONS if isinstance(error, kind))
            raise invalid_token(next(reasons, "it cannot be read")) from None
        if not claims["sub"]:
            raise invalid_token("it names nobody")
        return claims


def _header(token: str) -> Mapping[str, Any]:
    if len(token) > MAX_LENGTH:
        raise invalid_token(f"it is longer than {MAX_LENGTH:,} characters")
    try:
        return jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise invalid_token("it cannot be read") from None
