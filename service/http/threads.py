"""Threads for slow requests: lanes of limited width, none of which waits for another.

Uploads and views use the processor, so there are as many of each at a time as there are cores.
Requests to peers wait for the network: each peer has lanes of its own.
"""

import math
import os
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread

from imaging.errors import Unavailable
from service.resources.peers import PeerUnavailable

P = ParamSpec("P")
T = TypeVar("T")


PROVIDER_REQUESTS = 4
"""Requests to the OpenID provider at a time."""
MOST_WAITING = 8
"""Requests that wait for the assistant."""
PASSWORDS_AT_ONCE = 2
MOST_WAITING_SIGN_INS = 16


class _Threads:
    """Runs a limited number of functions at a time; the others wait."""

    def __init__(self, width: int = 0) -> None:
        """`width`: how many at a time; 0: as many as there are cores."""
        self._limiter = anyio.CapacityLimiter(width or os.cpu_count() or 1)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` on a thread and returns its result."""
        return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)


class UploadThreads(_Threads):
    """For uploads: they are checked and stored here."""


class ViewThreads(_Threads):
    """For downloads that must be converted first; they never wait for uploads."""


class AssistantThreads(_Threads):
    """For requests to the assistant, which answers one at a time; a few of them wait."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As for the others; raises Unavailable while many requests wait."""
        if self._limiter.statistics().tasks_waiting >= MOST_WAITING:
            raise Unavailable(
                f"{MOST_WAITING} other strokes wait for the assistant.",
                hint="Try again in a few seconds, or correct the mask with the brush.",
            )
        return await super().run(work, *args, **kwargs)


class PasswordThreads(_Threads):
    """For passwords, each of which takes 64 MiB and a core: a flood of attempts takes no more."""

    def __init__(self) -> None:
        super().__init__(PASSWORDS_AT_ONCE)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As for the others; raises Unavailable while many requests wait."""
        if self._limiter.statistics().tasks_waiting >= MOST_WAITING_SIGN_INS:
            raise Unavailable("Many others are signing in now.", hint="Try again in a few seconds.")
        return await super().run(work, *args, **kwargs)


class DispatchThreads(_Threads):
    """For messages to the broker: while it does not answer, they hold up no request."""


class ProviderThreads(_Threads):
    """For sign-ins with an OpenID provider: while it does not answer, they hold up no request."""

    def __init__(self) -> None:
        super().__init__(PROVIDER_REQUESTS)


class PeerWork(StrEnum):
    """Kinds of requests to a peer."""

    SEARCH = "searches"
    IMPORT = "imports"
    PROBE = "health checks"


ANY_PEER = "*"
"""Lane of requests that try one peer after the other."""
LANE_WIDTH = 2
"""Requests of one kind to one peer at a time."""
LANE_WAIT_S = 10.0
"""How long a request waits for others of its lane."""


class PeerThreads:
    """For requests to peers: a slow peer delays no other peer, and no other kind of work."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(math.inf)  # the lanes are the limit
        self._lanes: WeakValueDictionary[tuple[str, PeerWork], anyio.Semaphore] = (
            WeakValueDictionary()
        )

    async def run(
        self, peer: str, kind: PeerWork, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Runs `work` on a thread and returns its result; raises PeerUnavailable if it is busy."""
        lane = self._lanes.setdefault((peer, kind), anyio.Semaphore(LANE_WIDTH))
        try:
            with anyio.fail_after(LANE_WAIT_S):
                await lane.acquire()
        except TimeoutError:
            raise _busy(peer, kind) from None
        try:
            return await anyio.to_thread.run_sync(
                partial(work, *args, **kwargs), limiter=self._limiter
            )
        finally:
            lane.release()


def _busy(peer: str, kind: PeerWork) -> PeerUnavailable:
    name = "Every peer" if peer == ANY_PEER else f"The peer {peer}"
    return PeerUnavailable(
        f"{name} is busy: it has not finished {LANE_WIDTH} other {kind}.",
        expected=f"At most {LANE_WIDTH} {kind} of a peer at a time.",
        hint="Try again later.",
    )
