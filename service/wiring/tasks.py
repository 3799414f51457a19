"""Starts the background tasks of a gateway."""

from contextlib import AsyncExitStack
from typing import Protocol

from service.monai_label import recent_log
from service.monai_label.session_expiry import SessionExpiry
from service.resources.assistant_process import AssistantProcess
from service.resources.service_metrics import ServiceMetrics
from service.resources.tile_files import TileFiles
from service.use_cases.image_sessions import ImageSessions
from service.use_cases.job_watcher import JobWatcher
from service.use_cases.publications import Publications, PublicationThread
from service.use_cases.readiness import Readiness
from service.use_cases.training_status import TrainingWatcher
from service.wiring.cleaning_tasks import cleaning_tasks
from service.wiring.connector_tasks import connector_tasks
from service.wiring.parts import Parts
from service.wiring.services import Services
from service.wiring.task import Task


class _Watcher(Protocol):
    """A task of the event loop."""

    def start(self) -> None:
        """Starts it."""

    async def stop(self) -> None:
        """Ends it."""


async def start_tasks(parts: Parts, services: Services, stack: AsyncExitStack) -> None:
    """Starts what runs beside the requests; `stack` stops it.

    Raises BadRequest if another process has the DICOM port or its inbox.
    """
    stack.callback(services[Readiness].close)
    _start(stack, *cleaning_tasks(parts, services))
    _start(stack, services[TileFiles], services[AssistantProcess])
    openid = parts.access.openid
    if openid is not None and openid.page is not None:
        _start(stack, openid.page.sessions)
    _watch(stack, services[JobWatcher], services[TrainingWatcher])
    stack.callback(services[ServiceMetrics].close)
    _watch(stack, _session_expiry(parts, services))
    _start(stack, *connector_tasks(parts, services), _publisher(parts, services))
    stack.enter_context(recent_log.recorded())


def _start(stack: AsyncExitStack, *tasks: Task) -> None:
    for task in tasks:
        task.start()
        stack.callback(task.stop)


def _watch(stack: AsyncExitStack, *watchers: _Watcher) -> None:
    for watcher in watchers:
        watcher.start()
        stack.push_async_callback(watcher.stop)


def _session_expiry(parts: Parts, services: Services) -> SessionExpiry:
    return SessionExpiry(services[ImageSessions], parts.access.authenticator, parts.recorder)


def _publisher(parts: Parts, services: Services) -> PublicationThread:
    return PublicationThread(
        services[Publications],
        parts.access.authenticator,
        parts.recorder,
        parts.settings.sweep_interval_s,
    )
