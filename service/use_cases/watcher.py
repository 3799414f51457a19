"""One watcher of a kind in each gateway reads all that is followed, for all that follow it."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from imaging.errors import TesseraError
from jobs import problem

logger = logging.getLogger("tessera.service")

POLL_S = 0.25
"""At most four looks a second, as often as a worker writes progress."""
RETRY_S = 1.0
"""Pause after a look that failed."""
AT_ONCE = 10
"""Followers that get a status before the event loop turns to other requests."""


S = TypeVar("S")
"""The status of what is followed."""
Look = Callable[[Collection[str], Collection[str]], Mapping[str, S | None]]
"""Takes the followed ids, and those that are read in any case. Returns the statuses of those that
may have changed; None of one that was deleted."""


class Follower(Generic[S]):
    """The newest status of one thing, for one that follows it.

    A status that was not fetched is replaced by the next one, so that a slow client takes no
    memory and holds nobody up.
    """

    def __init__(self, status: S, news: asyncio.Event | None = None) -> None:
        """`news`: set at each change; several followers may share it."""
        self.status = status
        self.ended = False
        """It was deleted, or the gateway shuts down: no other status follows."""
        self._news = news or asyncio.Event()

    async def wait(self) -> None:
        """Returns when there is a newer status, or when there will be none."""
        await self._news.wait()
        self._news.clear()

    def offer(self, status: S | None) -> None:
        """Replaces the status; None: no other status follows."""
        if status is None:
            self.ended = True
        else:
            self.status = status
        self._news.set()


class Watcher(Generic[S]):
    """A task of the event loop that looks at what is followed, on a thread of its own.

    The cost does not depend on the number of followers of one thing, and there is none while nobody
    follows. While the database is unavailable the followers wait.
    """

    def __init__(self, subject: str, look: Look[S]) -> None:
        """`subject`: what is followed, for log lines."""
        self._subject, self._changes = subject, look
        self._followers: defaultdict[str, set[Follower[S]]] = defaultdict(set)
        self._joined: set[str] = set()
        """Ids with a follower that has joined since the last look."""
        self._wanted = asyncio.Event()
        self._thread = CapacityLimiter(1)
        self._task: asyncio.Task[None] | None = None
        self._problem = ""

    def start(self) -> None:
        """Starts the task; call it in a running event loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the task and all followers."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for follower in [one for followers in self._followers.values() for one in followers]:
            follower.offer(None)

    @contextmanager
    def follow(
        self, name: str, status: S, news: asyncio.Event | None = None
    ) -> Iterator[Follower[S]]:
        """A follower of what has this id, which starts with this status; `news` as for
        `Follower`."""
        follower = Follower(status, news)
        self._followers[name].add(follower)
        self._joined.add(name)
        self._wanted.set()
        try:
            yield follower
        finally:
            self._followers[name].discard(follower)
            if not self._followers[name]:
                del self._followers[name]
            if not self._followers:
                self._wanted.clear()

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            began = time.monotonic()
            pause_s = POLL_S if await self._look() else RETRY_S
            await asyncio.sleep(max(0.0, began + pause_s - time.monotonic()))

    async def _look(self) -> bool:
        """Offers what is new; False if the database did not answer.

        A follower that joins meanwhile is left out: its own status may be newer than this look.
        """
        followers = {name: tuple(those) for name, those in self._followers.items()}
        joined, self._joined = self._joined, set()
        try:
            news = await run_sync(self._changes, followers.keys(), joined, limiter=self._thread)
        except TesseraError as error:
            self._report(str(error))
        except Exception as error:  # noqa: BLE001 - other followers must go on
            problem.logged(error, logger)
        else:
            self._report("")
            await _offer([(one, news[name]) for name in news for one in followers[name]])
            return True
        self._joined |= joined
        return False

    def _report(self, reason: str) -> None:
        """Logs an outage once, and its end."""
        if reason and not self._problem:
            logger.warning("Followed %s cannot be read: %s", self._subject, reason)
        elif self._problem and not reason:
            logger.info("Followed %s can be read again.", self._subject)
        self._problem = reason


async def _offer(news: Sequence[tuple[Follower[S], S | None]]) -> None:
    """Hundreds of followers at once would hold up every other request while they write."""
    for n, (follower, status) in enumerate(news, start=1):
        follower.offer(status)
        if n % AT_ONCE == 0:
            await asyncio.sleep(0)
