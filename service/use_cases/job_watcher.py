"""One watcher in each gateway reads all followed jobs, for all that follow them."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from imaging.errors import TesseraError
from jobs import problem
from service.use_cases.job_changes import JobChanges
from service.use_cases.job_status import JobStatus

logger = logging.getLogger("tessera.service")

POLL_S = 0.25
"""At most four looks a second, as often as a worker writes progress."""
RETRY_S = 1.0
"""Pause after a look that failed."""
AT_ONCE = 10
"""Followers that get a status before the event loop turns to other requests."""


class Follower:
    """The newest status of one job, for one that follows it.

    A status that was not fetched is replaced by the next one, so that a slow client takes no
    memory and holds nobody up.
    """

    def __init__(self, status: JobStatus, news: asyncio.Event | None = None) -> None:
        """`news`: set at each change; several followers may share it."""
        self.status = status
        self.ended = False
        """The job was deleted, or the gateway shuts down: no other status follows."""
        self._news = news or asyncio.Event()

    async def wait(self) -> None:
        """Returns when there is a newer status, or when there will be none."""
        await self._news.wait()
        self._news.clear()

    def offer(self, status: JobStatus | None) -> None:
        """Replaces the status; None: no other status follows."""
        if status is None:
            self.ended = True
        else:
            self.status = status
        self._news.set()


class JobWatcher:
    """A task of the event loop that looks at the followed jobs, on a thread of its own.

    The cost does not depend on the number of followers of a job, and there is none while nobody
    follows. While the database is unavailable the followers wait.
    """

    def __init__(self, changes: JobChanges) -> None:
        self._changes = changes
        self._followers: defaultdict[str, set[Follower]] = defaultdict(set)
        self._joined: set[str] = set()
        """Jobs with a follower that has joined since the last look."""
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
    def following(self, status: JobStatus, news: asyncio.Event | None = None) -> Iterator[Follower]:
        """A follower of the job, which starts with this status; `news` as for `Follower`."""
        follower, name = Follower(status, news), status.job.id
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
            look = self._changes.look
            news = await run_sync(look, followers.keys(), joined, limiter=self._thread)
        except TesseraError as error:
            self._report(str(error))
        except Exception as error:  # noqa: BLE001 - the followers of other jobs must go on
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
            logger.warning("Followed jobs cannot be read: %s", reason)
        elif self._problem and not reason:
            logger.info("Followed jobs can be read again.")
        self._problem = reason


async def _offer(news: Sequence[tuple[Follower, JobStatus | None]]) -> None:
    """Hundreds of followers at once would hold up every other request while they write."""
    for n, (follower, status) in enumerate(news, start=1):
        follower.offer(status)
        if n % AT_ONCE == 0:
            await asyncio.sleep(0)
