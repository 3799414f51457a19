"""How often one address may try to sign in."""

import ipaddress

from service.resources.rate_limits import RateLimits

PER_MINUTE = 30
"""All people behind one proxy may share an address."""
_IPV6_SITE_BITS = 64
"""One host has at least so many IPv6 addresses."""


class SignInLimits:
    """The attempts of each address in this gateway; thread-safe."""

    def __init__(self) -> None:
        self._limits = RateLimits(PER_MINUTE, dict)

    def wait_s(self, address: str) -> int:
        """Counts an attempt; 0, or after how many seconds the next one is allowed."""
        (grant,) = self._limits.take(_site(address), "")
        return grant.wait_s


def _site(address: str) -> str:
    """The address, or the network of an IPv6 address."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((int(known), _IPV6_SITE_BITS), strict=False))
