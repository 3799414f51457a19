"""Access tokens of API clients, as keys of people whom the OpenID provider knows."""

from jobs.identity import Access
from service.resources.oidc.token_verifier import TokenVerifier
from service.use_cases.provider_people import ProviderPeople


class ProviderTokens:
    """Verifies access tokens (RFC 9068) and says whose they are."""

    def __init__(self, verifier: TokenVerifier, people: ProviderPeople, audience: str) -> None:
        self._verifier, self._people, self._audience = verifier, people, audience

    def holder(self, token: str) -> Access:
        """See `service.auth.access_tokens.AccessTokens`."""
        return self._people.admit(self._verifier.access_token(token, self._audience))
