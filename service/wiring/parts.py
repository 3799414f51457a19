"""Parts: what a gateway opens when it starts, and what its services are built from."""

import logging
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass

from imaging.formats.limits import Limits
from inference.runtime_registry import queue_names
from jobs.blob_collector import BlobCollector
from jobs.blobs import Blobs, open_blobs
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.auth import Authenticator
from service.resources.metrics import Metrics
from service.resources.routing_table import RoutingTable
from service.resources.scratch import Scratch
from service.resources.usable_models import UsableModels
from service.use_cases.audit_recorder import AuditRecorder, recording
from service.wiring.access import Access, open_access

logger = logging.getLogger("tessera.service")


@dataclass(frozen=True, slots=True)
class Parts:
    """What services are built from."""

    settings: Settings
    registry: Registry
    models: UsableModels
    routing: RoutingTable
    access: Access
    repository: Repository
    blobs: Blobs
    queue: Queue
    collector: BlobCollector
    scratch: Scratch
    metrics: Metrics
    limits: Limits
    recorder: AuditRecorder


def open_parts(
    settings: Settings,
    registry: Registry,
    routing: RoutingTable,
    authenticator: Authenticator | None,
    stack: AsyncExitStack,
) -> Parts:
    """Opens database, broker, blob store and scratch folder; `stack` closes them.

    `authenticator`: None for the accounts in the database.
    """
    repository = Repository(settings.database, settings.database_timeout_s)
    stack.callback(repository.close)
    repository.migrate()
    _warn_of_unknown_projects(routing, repository)
    recorder = stack.enter_context(recording(settings, repository.audit))
    access = open_access(settings, repository, recorder, authenticator, stack)
    queue = stack.enter_context(closing(Queue(settings, queue_names())))
    scratch = stack.enter_context(closing(Scratch(settings.scratch)))
    blobs = open_blobs(settings, scratch.folder)
    return Parts(
        settings=settings,
        registry=registry,
        models=UsableModels(registry, access.callers.limited_models, access.callers.trained_models),
        routing=routing,
        access=access,
        repository=repository,
        blobs=blobs,
        queue=queue,
        collector=BlobCollector(repository.references, blobs, settings),
        scratch=scratch,
        metrics=Metrics(),
        limits=Limits(settings.max_voxels, settings.max_pixels, settings.max_unpacked_bytes),
        recorder=recorder,
    )


def _warn_of_unknown_projects(routing: RoutingTable, repository: Repository) -> None:
    if routing.projects:
        known = {project.name for project in repository.accounts.projects()}
        for name in sorted(routing.projects - known):
            logger.warning("The routing table names the project %s, which does not exist.", name)
