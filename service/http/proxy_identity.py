"""Who a request comes from, as a proxy says that signs people in, such as by client certificates.

The proxy states a login name in the header that `TESSERA_PROXY_USER_HEADER` names. The header
counts only if all of this holds:

- The connection comes from an address in `TESSERA_TRUSTED_PROXIES`, whatever X-Forwarded-For says.
- With `TESSERA_PROXY_SECRET`, the request also has this secret, in `Tessera-Proxy-Secret`: other
  processes on the proxy's host have its address.
- It is there once, and its value can be a login name.
- The request comes from the gateway's own page: a browser sends a certificate, like a cookie, with
  every request, also with one that another site causes.

Otherwise the request is refused and not treated as if the header were absent. Somebody pretends to
be another, or the proxy's address is missing in the settings: neither should go unnoticed.
"""

import hmac
import ipaddress
import re

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from imaging.errors import BadRequest, Forbidden
from jobs.account import checked_login
from jobs.settings import Settings
from service.http.proxies import Network, proxy_networks
from service.http.session_cookie import is_from_own_page

SECRET_HEADER = "Tessera-Proxy-Secret"  # noqa: S105 - its name
_STATED = "tessera.proxy_login"
"""Key of a request's scope: the login name, or why the header is refused."""
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


def proxy_identity(settings: Settings) -> list[Middleware]:
    """Reads the header with the login name; empty without the setting. It has to see the address of
    the connection, so it comes before `trusted_proxies`.

    Raises BadRequest for settings with which anybody could be anyone.
    """
    header = settings.proxy_user_header
    if not header:
        return []
    networks = proxy_networks(settings)
    if not _HEADER.fullmatch(header):
        raise BadRequest(
            "TESSERA_PROXY_USER_HEADER is not the name of a header.",
            expected="Letters, digits and hyphens, such as X-Forwarded-User.",
            hint="Correct the setting.",
        )
    if not networks or not all(network.prefixlen for network in networks):
        raise BadRequest(
            "TESSERA_PROXY_USER_HEADER is set, and TESSERA_TRUSTED_PROXIES does not say which "
            "proxy may send it.",
            expected="TESSERA_TRUSTED_PROXIES: the address of the proxy, such as 10.0.0.7.",
            hint="Set it, or remove TESSERA_PROXY_USER_HEADER.",
        )
    return [Middleware(ProxyIdentity, header, settings.proxy_secret, networks)]


class ProxyIdentity:
    """ASGI: notes who sends a request, as a trusted proxy states."""

    def __init__(self, app: ASGIApp, header: str, secret: str, networks: list[Network]) -> None:
        """`secret`: empty if the address of the proxy is enough."""
        self.app = app
        self.header, self.secret, self.networks = header, secret.encode(), networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                scope[_STATED] = self._login(scope)
            except Forbidden as refusal:
                scope[_STATED] = refusal
        await self.app(scope, receive, send)

    def _login(self, scope: Scope) -> str:
        """The login name; empty without the header. Raises Forbidden."""
        headers = Headers(scope=scope)
        values = headers.getlist(self.header)
        if not values:
            return ""
        if not self._is_proxy((scope.get("client") or ("", 0))[0]):
            raise Forbidden(
                f"The request has the header {self.header}, and does not come from the proxy.",
                expected="The header from an address in TESSERA_TRUSTED_PROXIES alone.",
                hint="Open the page by the address of the proxy. If you did, an administrator must "
                "add the proxy to the setting. Programs must not send the header.",
            )
        if self.secret and not self._has_secret(headers.getlist(SECRET_HEADER)):
            raise Forbidden(
                f"The header {self.header} comes without the secret of the proxy.",
                expected=f"The header {SECRET_HEADER} with the secret of TESSERA_PROXY_SECRET.",
                hint="An administrator must let the proxy send the same secret.",
            )
        try:
            (login,) = values
            return checked_login(login)
        except (ValueError, BadRequest):
            raise Forbidden(
                f"The header {self.header} does not state one login name.",
                expected="The header once, with the login name of a user as `tessera users list` "
                "shows it.",
                hint="An administrator must let the proxy send the login name, and remove the "
                "header from the requests of clients.",
            ) from None

    def _is_proxy(self, address: str) -> bool:
        try:
            client = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(client in network for network in self.networks)

    def _has_secret(self, values: list[str]) -> bool:
        return len(values) == 1 and hmac.compare_digest(values[0].encode("latin-1"), self.secret)


def stated_login(request: Request) -> str:
    """Who the proxy says it is; empty if it says nothing. Raises Forbidden for a header that is
    refused."""
    stated: str | Forbidden = request.scope.get(_STATED, "")
    if isinstance(stated, Forbidden):
        raise stated
    return stated


def proxy_login(request: Request) -> str:
    """Who uses the page, as the proxy says; empty also if a page of another site may have caused
    the request. Raises Forbidden as `stated_login`, and for a change without the page's header."""
    login = stated_login(request)
    return login if login and is_from_own_page(request) else ""
