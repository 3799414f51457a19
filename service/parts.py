"""What the routes work with, made once when the gateway starts."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, ParamSpec, TypeVar, cast

import anyio
import anyio.to_thread
from fastapi import Depends
from starlette.requests import Request

from imaging.formats.limits import Limits
from jobs.blobs import Blobs
from jobs.collector import Collector
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.metrics import Metrics
from service.scratch import Scratch

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts behind the routes."""

    settings: Settings
    registry: Registry
    repository: Repository
    blobs: Blobs
    collector: Collector
    queue: Queue
    scratch: Scratch
    metrics: Metrics
    heavy: anyio.CapacityLimiter = field(
        default_factory=lambda: anyio.CapacityLimiter(os.cpu_count() or 1)
    )
    """As many scans are decoded at a time as there are cores; everything else goes on meanwhile."""

    @property
    def limits(self) -> Limits:
        """How large a scan may be."""
        settings = self.settings
        return Limits(settings.max_voxels, settings.max_pixels, settings.inflated_bytes)

    async def heavily(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` on a thread, and no more of its kind at once than there are cores."""

        def run() -> T:
            return work(*args, **kwargs)

        return await anyio.to_thread.run_sync(run, limiter=self.heavy)


def parts_of(request: Request) -> Parts:
    """The running gateway's parts."""
    return cast("Parts", request.app.state.parts)


def owner() -> str:
    """Whose scans and jobs a request sees: everybody's, until users can be set up."""
    return "local"


PartsDep = Annotated[Parts, Depends(parts_of)]
OwnerDep = Annotated[str, Depends(owner)]
