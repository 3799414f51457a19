"""The gateway as a client of the provider: codes and refresh tokens become tokens."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit, urlunsplit

import httpx

from imaging.errors import Unauthenticated
from service.resources.oidc.attempt import Attempt
from service.resources.oidc.problems import unavailable
from service.resources.oidc.provider import Provider

_BASIC = "client_secret_basic"
_REFUSED = (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the provider gives for a code or a refresh token; no representation shows them."""

    id_token: str = field(default="", repr=False)
    """Empty: a refresh brought none."""
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    """Empty: the provider gives none, or the earlier one goes on."""


@dataclass(frozen=True, slots=True)
class ProviderClient:
    """A confidential client of the authorization code flow with PKCE (RFC 6749, RFC 7636)."""

    provider: Provider
    id: str
    secret: str = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...]

    def authorization_address(self, attempt: Attempt) -> str:
        """Where the browser goes to sign in; raises ProviderUnavailable."""
        digest = hashlib.sha256(attempt.verifier.encode()).digest()
        return _with_query(
            self.provider.description().address("authorization_endpoint"),
            response_type="code",
            client_id=self.id,
            redirect_uri=self.redirect_uri,
            scope=" ".join(self.scopes),
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=base64.urlsafe_b64encode(digest).decode().rstrip("="),
            code_challenge_method="S256",
        )

    def sign_out_address(self, then: str) -> str | None:
        """Where the browser goes to sign out at the provider, too (OpenID Connect RP-Initiated
        Logout 1.0); None if the provider has no such address. Raises ProviderUnavailable."""
        description = self.provider.description()
        if "end_session_endpoint" not in description.values:
            return None
        address = description.address("end_session_endpoint")
        return _with_query(address, client_id=self.id, post_logout_redirect_uri=then)

    def tokens_for_code(self, code: str, attempt: Attempt) -> Tokens:
        """Raises Unauthenticated if the provider refuses the code, and ProviderUnavailable."""
        return self._tokens(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=attempt.verifier,
        )

    def refreshed(self, refresh_token: str) -> Tokens:
        """Raises Unauthenticated if the provider has ended the sign-in, and ProviderUnavailable.

        A provider may take a refresh token once only. If the answer were lost, the sign-in would
        be, too: so the provider must answer something else first.
        """
        self.provider.http.get(self.provider.description().address("jwks_uri"))
        return self._tokens(grant_type="refresh_token", refresh_token=refresh_token)

    def user_info(self, tokens: Tokens) -> Mapping[str, Any]:
        """Claims that the provider does not write into ID tokens (OpenID Connect Core 1.0, 5.3);
        none if it has no such address. Raises ProviderUnavailable."""
        description = self.provider.description()
        if "userinfo_endpoint" not in description.values or not tokens.access_token:
            return {}
        address = description.address("userinfo_endpoint")
        return self.provider.http.get(address, tokens.access_token)

    def _tokens(self, **form: str) -> Tokens:
        description = self.provider.description()
        methods = description.values.get("token_endpoint_auth_methods_supported", [_BASIC])
        login = None
        if _BASIC in methods:
            login = quote_plus(self.id), quote_plus(self.secret)  # RFC 6749, 2.3.1
        else:
            form |= {"client_id": self.id, "client_secret": self.secret}
        address = description.address("token_endpoint")
        status, answer = self.provider.http.post(address, form, login)
        if status in _REFUSED and answer.get("error") == "invalid_grant":
            raise Unauthenticated(
                "The provider does not accept this sign-in any more.",
                expected="A sign-in that was completed a moment ago, and only once.",
                hint="Sign in again.",
            )
        if status != httpx.codes.OK:
            raise unavailable(f"it answers with status {status} when tokens are requested")
        names = ("id_token", "access_token", "refresh_token")
        return Tokens(*(value if isinstance(value := answer.get(n), str) else "" for n in names))


def _with_query(address: str, **values: str) -> str:
    """The address may have a query of its own."""
    parts = urlsplit(address)
    query = "&".join(filter(None, (parts.query, urlencode(values))))
    return urlunsplit(parts._replace(query=query))
