"""What proxies in front of the gateway say of a request: where it comes from, and how it came."""

import ipaddress
from typing import TypeAlias

from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from imaging.errors import BadRequest
from jobs.settings import Settings

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def trusted_proxies(settings: Settings) -> list[Middleware]:
    """Reads X-Forwarded-For and X-Forwarded-Proto of requests from trusted proxies; empty without.

    Raises BadRequest for an address that is none.
    """
    networks = [str(one) for one in proxy_networks(settings)]
    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=networks)] if networks else []


def proxy_networks(settings: Settings) -> list[Network]:
    """The addresses of trusted proxies; raises BadRequest for one that is none."""
    return [_network(one) for one in settings.trusted_proxies]


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise BadRequest(
            "TESSERA_TRUSTED_PROXIES has an entry that is not an address or a network.",
            expected="Such as 10.0.0.7 or 10.1.0.0/16.",
            hint="Correct the setting.",
        ) from None
