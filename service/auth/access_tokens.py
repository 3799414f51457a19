"""The port between accounts and the tokens of an OpenID provider."""

from typing import Protocol

from jobs.identity import Access


class AccessTokens(Protocol):
    """Says whose an access token is. Called from many threads."""

    def holder(self, token: str) -> Access:
        """The person and the person's roles.

        Raises Unauthenticated for a token that is not valid, Forbidden for a person who may not use
        the service, and Unavailable if the token cannot be checked now.
        """
