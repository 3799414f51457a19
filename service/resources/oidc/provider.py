"""What a gateway knows of its OpenID provider: the description and the keys.

Both are fetched when they are first needed, again after a while, and when a token has a key that is
not known: then the provider has a new one. While the provider does not answer, what is known goes
on counting.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import Any

from service.resources.oidc.problems import ProviderUnavailable, invalid_token, unavailable
from service.resources.oidc.provider_http import ProviderHttp
from service.resources.oidc.signing_keys import SigningKey, keys_of
from service.resources.shared_call import SharedCall

logger = logging.getLogger("tessera.auth")

REFRESH_S = 600.0
"""How often keys are fetched again. So one that the provider withdraws counts at most about this
long."""
PAUSE_S = 30.0
"""Shortest time between two fetches for keys that are not known: anybody can invent them."""
FIRST_PAUSE_S = 2.0
"""The same, while nothing is known."""
WAIT_S = 12.0
"""How long a request waits for a fetch: of two answers."""
_MOST_WAITING = 8
_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Description:
    """The provider's description (OpenID Connect Discovery 1.0, 3), and its keys."""

    values: Mapping[str, Any]
    keys: tuple[SigningKey, ...]
    at: float = 0.0
    """When they were fetched, on the provider's clock here."""

    def address(self, name: str) -> str:
        """An endpoint; raises ProviderUnavailable if it has none of this name."""
        value = self.values.get(name)
        if not isinstance(value, str):
            raise unavailable(f"its description has no {name}")
        return value

    def matching(self, key_id: str | None, algorithm: str) -> SigningKey | None:
        """The key of a signature; without an id, the only one that fits."""
        fitting = [one for one in self.keys if one.fits(algorithm)]
        if key_id is not None:
            fitting = [one for one in fitting if one.id == key_id]
        return fitting[0] if len(fitting) == 1 else None


class Provider:
    """The provider of one issuer; safe to use from many threads."""

    def __init__(
        self, issuer: str, http: ProviderHttp, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.issuer = issuer
        self.http = http
        self._clock = clock
        self._known: Description | None = None
        self._fetch = SharedCall("openid-provider", self._fetched)
        self._waiting = threading.BoundedSemaphore(_MOST_WAITING)
        self._tried_at = -PAUSE_S
        self._fault: ProviderUnavailable | None = None

    def close(self) -> None:
        """Ends the thread."""
        self._fetch.close()

    def description(self) -> Description:
        """What is known; raises ProviderUnavailable if that is nothing."""
        known = self._known
        if known is None:
            return self._fetched_now(FIRST_PAUSE_S)
        now = self._clock()
        if now - known.at > REFRESH_S and now - self._tried_at > PAUSE_S:
            self._tried_at = now
            self._fetch.start()
        return known

    def key(self, key_id: str | None, algorithm: str) -> SigningKey:
        """The key that verifies a signature.

        Raises Unauthenticated if there is none, ProviderUnavailable if that cannot be found out.
        """
        key = self.description().matching(key_id, algorithm)
        if key is None:
            key = self._fetched_now(PAUSE_S).matching(key_id, algorithm)
        if key is None and key_id is None:
            raise invalid_token("it does not say with which key it is signed")
        if key is None:
            raise invalid_token("it is signed with a key that the provider does not have")
        return key

    def fetched(self) -> Description:
        """Fetches, whatever is known; raises ProviderUnavailable."""
        values = self.http.get(self.issuer.rstrip("/") + _WELL_KNOWN)
        if values.get("issuer") != self.issuer:
            raise unavailable("its description names another issuer")
        keys = keys_of(self.http.get(Description(values, ()).address("jwks_uri")))
        return Description(values, tuple(keys), self._clock())

    def _fetched(self) -> Description:
        """As `fetched`, and remembers what came of it."""
        try:
            self._known = self.fetched()
        except ProviderUnavailable as error:
            if self._fault is None:
                logger.warning("%s", error.detail)
            self._fault = error
            raise
        if self._fault is not None:
            logger.info("The OpenID provider answers again.")
        self._fault = None
        return self._known

    def _fetched_now(self, pause_s: float) -> Description:
        """Waits for a fetch, unless the last one was a moment ago: then it is what that one found
        out."""
        now = self._clock()
        if not self._fetch.is_running() and now - self._tried_at < pause_s:
            if self._known is None or self._fault is not None:
                raise self._fault or unavailable("it does not answer")
            return self._known
        if not self._waiting.acquire(blocking=False):
            raise unavailable("it does not answer, and other requests wait for it")
        try:
            self._tried_at = now
            return self._fetch.start().result(WAIT_S)
        except NotInTime:
            raise unavailable("it does not answer") from None
        finally:
            self._waiting.release()
