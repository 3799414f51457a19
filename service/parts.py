"""What the routes work with, made once when the gateway starts."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
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
from service.resources.metrics import Metrics
from service.resources.routing_table import Routes
from service.resources.scratch import Scratch

P = ParamSpec("P")
T = TypeVar("T")


def _one_a_core() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(os.cpu_count() or 1)


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
    routes: Routes = field(default_factory=Routes)
    """Peers and rules among DICOM systems."""
    uploads: anyio.CapacityLimiter = field(default_factory=_one_a_core)
    """As many uploads are proved at a time as there are cores ..."""
    views: anyio.CapacityLimiter = field(default_factory=_one_a_core)
    """... and as many scans and masks written for viewers; neither waits for the other."""

    @property
    def limits(self) -> Limits:
        """How large a scan may be."""
        settings = self.settings
        return Limits(settings.max_voxels, settings.max_pixels, settings.inflated_bytes)

    async def take_in(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` on a thread, in its turn among uploads."""
        return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=self.uploads)

    async def show(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` on a thread, in its turn among views."""
        return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=self.views)


def parts_of(request: Request) -> Parts:
    """The running gateway's parts."""
    return cast("Parts", request.app.state.parts)


OWNER = "local"
"""Whose everything is, until users can be set up."""


def project() -> str:
    """Whose scans and jobs a request sees."""
    return OWNER


PartsDep = Annotated[Parts, Depends(parts_of)]
OwnerDep = Annotated[str, Depends(project)]
