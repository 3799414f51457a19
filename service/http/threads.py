"""Threads for slow requests: as many uploads and as many views at a time as there are cores."""

import os
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
import anyio.to_thread

P = ParamSpec("P")
T = TypeVar("T")


class _Threads:
    """Runs a limited number of functions at a time; the others wait."""

    def __init__(self) -> None:
        self._limiter = anyio.CapacityLimiter(os.cpu_count() or 1)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` on a thread and returns its result."""
        return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)


class UploadThreads(_Threads):
    """For uploads: they are checked and stored here."""


class ViewThreads(_Threads):
    """For downloads that must be converted first; they never wait for uploads."""
