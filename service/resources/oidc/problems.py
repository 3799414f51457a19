"""What can be wrong with a provider or a token. No text contains a token, a claim or a secret."""

from imaging.errors import Unauthenticated, Unavailable


class ProviderUnavailable(Unavailable):
    """The OpenID provider does not answer, or not as the standards say."""


def unavailable(reason: str) -> ProviderUnavailable:
    """`reason`: a clause about the provider, such as "it refuses connections"."""
    return ProviderUnavailable(
        f"The OpenID provider cannot be used: {reason}.",
        expected="A provider that answers as OpenID Connect Discovery 1.0 says.",
        hint="Try again in a moment. If it lasts, an administrator runs `tessera doctor`.",
    )


def invalid_token(reason: str) -> Unauthenticated:
    """`reason`: a clause about the token, such as "it has expired"."""
    return Unauthenticated(
        f"The access token is not valid: {reason}.",
        expected="An access token for this service that its OpenID provider issued.",
        hint="Get a new token from the provider.",
    )
