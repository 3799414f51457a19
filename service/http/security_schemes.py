"""How callers show who they are, in terms of OpenAPI (3.1.0, 4.8.27 and 4.8.30)."""

from collections.abc import Mapping

from service.auth import Permission
from service.http.session_cookie import ENCRYPTED_NAME, IDLE_HEADER

Security = list[dict[str, list[str]]]

SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key: `Authorization: Bearer KEY`. Or an access token of the OpenID "
        "provider, if the service accepts them.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Any user name, and an API key as the password.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": ENCRYPTED_NAME,
        "description": "The cookie of somebody who signed in on the page, without `__Host-` where "
        f"there is no HTTPS. A change also needs the header `{IDLE_HEADER}`.",
    },
}
"""The schemes by their names."""
OWN_SESSION: Mapping[str, Security] = {"security": [{"session": []}]}
"""`openapi_extra` of a public route that works on the caller's own session."""


def security_of(permission: Permission) -> Security:
    """The schemes of a route that needs a permission, any of which suffices; empty if it is public.

    The last one needs nothing: it holds while the service has no accounts.
    """
    if permission is Permission.PUBLIC:
        return []
    alternatives: Security = [{name: []} for name in SCHEMES]
    return [*alternatives, {}]
