"""create_app(): wiring only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from inference.runtime_registry import queue_names
from jobs.blobs import Blobs
from jobs.collector import Collector
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings
from jobs.sweeper import Sweeper
from models.registry import Registry
from service.dicom.node import Pacs
from service.http import errors, openapi
from service.http.access_log import AccessLog
from service.http.errors import Unexpected
from service.http.guard import BodyLimit, Doorkeeper, SafeHeaders
from service.monai_label import mount, recent_log, sessions
from service.parts import Parts
from service.resources.metrics import Metrics
from service.resources.routing_table import Routes
from service.resources.scratch import Scratch
from service.routes import (
    archives,
    batches,
    events,
    health,
    jobs,
    masks,
    models,
    page,
    reviews,
    scans,
)

_UPLOADS = ("/v1/scans", *(mount.PREFIX + path for path in mount.UPLOADS))


def create_app(settings: Settings, registry: Registry | None = None) -> FastAPI:
    """The gateway; its parts are made when it starts and closed when it ends.

    Raises BadRequest where the file of routes is not sound.
    """
    registry = registry or Registry(settings.added_models)
    routes = Routes.load(settings.routes)
    routes.check(registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:  # what came last goes first
            app.state.parts = _parts(settings, registry, routes, stack)
            _set_going(app.state.parts, stack)
            yield

    app = FastAPI(
        title="Tessera",
        version=version("tessera-seg"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        middleware=_layers(settings),
    )
    errors.install(app)
    openapi.install(app)
    app.include_router(mount.router(), prefix=mount.PREFIX)
    for module in (scans, jobs, events, batches, masks, reviews, models, archives, health, page):
        app.include_router(module.router)
    return app


def monai_label_app(gateway: FastAPI, settings: Settings) -> FastAPI:
    """The MONAI Label surface at the root of a second port, with the running gateway's parts."""
    return mount.at_root(gateway, _layers(settings, mount.UPLOADS))


def _parts(settings: Settings, registry: Registry, routes: Routes, stack: AsyncExitStack) -> Parts:
    """What the routes work with; `stack` closes it."""
    repository = Repository(settings.database)
    stack.callback(repository.close)
    repository.migrate()
    queue, blobs = Queue(settings, queue_names()), Blobs.from_settings(settings)
    stack.callback(queue.close)
    scratch = Scratch(settings.scratch)
    stack.callback(scratch.close)
    return Parts(
        settings=settings,
        registry=registry,
        repository=repository,
        blobs=blobs,
        collector=Collector(repository, blobs, settings),
        queue=queue,
        scratch=scratch,
        metrics=Metrics(repository.jobs.counts),
        routes=routes,
    )


def _set_going(parts: Parts, stack: AsyncExitStack) -> None:
    """What works beside the requests; `stack` ends it. Raises what `Pacs.start` raises."""
    sweeper = Sweeper(parts.repository, parts.queue, parts.collector, parts.settings)
    sweeper.start()
    stack.callback(sweeper.stop)
    stack.push_async_callback(_ended, asyncio.create_task(sessions.end_in_time(parts)))
    among = Pacs(parts)
    stack.callback(among.stop)
    among.start()
    stack.enter_context(recent_log.kept())


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _layers(settings: Settings, uploads: tuple[str, ...] = _UPLOADS) -> list[Middleware]:
    """Outermost first; files may come at the addresses that begin with one of `uploads`."""
    return [
        Middleware(AccessLog),
        Middleware(SafeHeaders),
        Middleware(Doorkeeper, settings.allowed_hosts, settings.allowed_origins),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["Content-Type", "Idempotency-Key", "Last-Event-ID", "If-None-Match"],
            expose_headers=["Location", "ETag", "Content-Disposition"],
        ),
        Middleware(Unexpected),
        Middleware(BodyLimit, settings, uploads),
    ]
