"""Settings: sign-in with OpenID Connect."""

from pathlib import Path

from jobs.settings.secret import Secret
from jobs.settings.section import Names, Section


class OidcSettings(Section):
    """Sign-in with OpenID Connect"""

    oidc_issuer: str = ""
    """Issuer of an OpenID provider, exactly as the provider writes it, such as
    `https://login.example.org/realms/hospital`. The gateway finds everything else there
    (`/.well-known/openid-configuration`). It closes the service: every request needs a key or a
    sign-in. Empty: none."""
    oidc_name: str = "OpenID Connect"
    """Name of the provider on the button of the sign-in page: "Sign in with NAME"."""
    oidc_audience: str = ""
    """Audience that access tokens of API clients must have (`aud`), as the provider writes it for
    this service. Empty: access tokens are not accepted."""
    oidc_client_id: str = ""
    """Client of the provider with which people sign in on the page. Its redirect URI is
    `TESSERA_PUBLIC_URL` followed by `/v1/sign-in/oidc/callback`. Empty: people cannot sign in with
    the provider."""
    oidc_client_secret: Secret = ""
    """Secret of that client."""
    oidc_scopes: Names = ("openid", "profile")
    """Scopes that are requested when people sign in on the page, comma-separated."""
    oidc_login_claim: str = "preferred_username"
    """Claim from which the login name of a new user is made. What follows an `@` is left out, since
    logs contain login names."""
    oidc_name_claim: str = "name"
    """Claim with the name of a new user, which reviews show."""
    oidc_groups_claim: str = "groups"
    """Claim with the groups or roles of a user: a list of texts, or one text. Dots lead into
    objects: `realm_access.roles`."""
    oidc_groups: Path | None = None
    """TOML file that says which group has which role in which project. Without it, nobody who
    signs in may do anything."""
    oidc_ca: Path | None = None
    """File with certificates of authorities, in PEM form, that the provider's certificate is
    verified with. Empty: the authorities of the system."""
