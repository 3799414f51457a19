"""How often one address may try to sign in."""

from service.resources.address_group import address_group
from service.resources.rate_limits import RateLimits

PER_MINUTE = 30
"""All people behind one proxy may share an address."""


class SignInLimits:
    """The attempts of each address in this gateway; thread-safe."""

    def __init__(self) -> None:
        self._limits = RateLimits(PER_MINUTE, dict)

    def wait_s(self, address: str) -> int:
        """Counts an attempt; 0, or after how many seconds the next one is allowed."""
        (grant,) = self._limits.take(address_group(address), "")
        return grant.wait_s
