"""Sign-in on the page with an OpenID provider: the authorization code flow with PKCE."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imaging.errors import Forbidden, Unauthenticated
from jobs.identity import Access
from jobs.settings import Settings
from service.resources.oidc.attempt import LIFETIME_S, Attempt
from service.resources.oidc.client import ProviderClient, Tokens
from service.resources.oidc.problems import invalid_token
from service.resources.oidc.token_verifier import Claims, TokenVerifier
from service.resources.recent_keys import RecentKeys
from service.use_cases.provider_people import ProviderPeople

_MOST_ATTEMPTS = 10_000


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who has signed in at the provider."""

    access: Access
    project: str
    """The project whose page was open before; empty: none."""
    refresh_token: str = field(repr=False)
    """Empty if the provider gives none."""


class ProviderSignIn:
    """Begins and ends sign-ins; thread-safe."""

    def __init__(
        self,
        client: ProviderClient,
        verifier: TokenVerifier,
        people: ProviderPeople,
        settings: Settings,
    ) -> None:
        self._client, self._verifier, self._people = client, verifier, people
        self._wanted = (settings.oidc_login_claim, settings.oidc_name_claim)
        self._home = settings.public_url.rstrip("/") + "/"
        self._groups_claim = settings.oidc_groups_claim
        self._ended = RecentKeys(LIFETIME_S, _MOST_ATTEMPTS)

    def begin(self, project: str) -> tuple[str, str]:
        """The address at the provider, and the text of a cookie that the browser keeps meanwhile.

        `project`: whose page is open; empty: none. Raises ProviderUnavailable.
        """
        attempt = Attempt.new(project)
        address = self._client.authorization_address(attempt)
        return address, attempt.signed(self._client.secret)

    def end(self, cookie: str, answer: Mapping[str, str]) -> SignedIn:
        """Who comes back from the provider.

        `answer`: the query of the request. Raises Unauthenticated, Forbidden for somebody who may
        not use the service, and ProviderUnavailable.
        """
        attempt = self._attempt(cookie, answer.get("state", ""))
        self._check_issuer(answer)
        if "code" not in answer:
            raise _not_completed()
        tokens = self._client.tokens_for_code(answer["code"], attempt)
        if not tokens.id_token:
            raise invalid_token("the provider sent no ID token")
        claims = self._verifier.id_token(tokens.id_token, self._client.id, attempt.nonce)
        access = self._people.admit(self._completed(claims, tokens))
        return SignedIn(access, attempt.project, tokens.refresh_token)

    def refresh(self, refresh_token: str, person: str) -> str:
        """Asks the provider whether a sign-in still counts, and for the present groups.

        `person`: who signed in, by id. Returns the refresh token for the next time. Raises
        Unauthenticated if the sign-in does not count any more, Forbidden if the person may not use
        the service any more, and ProviderUnavailable.
        """
        tokens = self._client.refreshed(refresh_token)
        if tokens.id_token:  # without one, the groups are those of the last time
            claims = self._verifier.id_token(tokens.id_token, self._client.id, None)
            access = self._people.admit(self._completed(claims, tokens))
            if access.person.id != person:  # OpenID Connect Core 1.0, 12.2
                raise invalid_token("it belongs to somebody else")
        return tokens.refresh_token or refresh_token

    def sign_out_address(self) -> str | None:
        """See `ProviderClient.sign_out_address`."""
        return self._client.sign_out_address(self._home)

    def _attempt(self, cookie: str, state: str) -> Attempt:
        attempt = Attempt.read(cookie, self._client.secret)
        if attempt is None or not attempt.belongs_to(state) or not self._ended.is_new(state):
            raise Unauthenticated(
                "This sign-in was not begun in this browser, took too long, or was completed.",
                expected=f"A sign-in that takes at most {LIFETIME_S // 60} minutes.",
                hint="Sign in again.",
            )
        return attempt

    def _check_issuer(self, answer: Mapping[str, str]) -> None:
        """The provider that answers is the one that was asked (RFC 9207)."""
        description = self._client.provider.description()
        states_it = description.values.get("authorization_response_iss_parameter_supported")
        if (states_it is True or "iss" in answer) and answer.get("iss") != (
            self._client.provider.issuer
        ):
            raise invalid_token("another provider answers")

    def _completed(self, claims: Claims, tokens: Tokens) -> Claims:
        """With the claims that the provider writes elsewhere."""
        if all(name in claims for name in (*self._wanted, self._groups_claim.partition(".")[0])):
            return claims
        more: Mapping[str, Any] = self._client.user_info(tokens)
        if more and more.get("sub") != claims["sub"]:  # OpenID Connect Core 1.0, 5.3.2
            raise invalid_token("the provider sent claims of somebody else")
        return {**more, **claims}


def _not_completed() -> Forbidden:
    return Forbidden(
        "The sign-in at the provider was not completed.",
        expected="A user who signs in at the provider, and whom it lets use this service.",
        hint="Sign in again, or ask an administrator of the provider.",
    )
