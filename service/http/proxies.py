"""What proxies in front of the gateway say of a request: where it comes from, and how it came."""

import ipaddress

from starlette.middleware import Middleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from imaging.errors import BadRequest
from jobs.settings import Settings


def trusted_proxies(settings: Settings) -> list[Middleware]:
    """Reads X-Forwarded-For and X-Forwarded-Proto of requests from trusted proxies; empty without.

    Raises BadRequest for an address that is none.
    """
    networks = [_network(one) for one in settings.trusted_proxies]
    return [Middleware(ProxyHeadersMiddleware, trusted_hosts=networks)] if networks else []


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise BadRequest(
            "TESSERA_TRUSTED_PROXIES has an entry that is not an address or a network.",
            expected="Such as 10.0.0.7 or 10.1.0.0/16.",
            hint="Correct the setting.",
        ) from None
