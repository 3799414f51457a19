"""create_app(): the gateway's application with its middleware, routes and services."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from jobs import tracing
from jobs.settings import Settings
from models.registry import Registry
from service.auth import Authenticator
from service.http import errors, openapi
from service.http.access_log import AccessLog
from service.http.audit_trail import AuditTrail
from service.http.body_limit import BodyLimit
from service.http.errors import UnexpectedErrors
from service.http.framing import UnambiguousFraming
from service.http.methods import HeadRequests
from service.http.origin_guard import OriginGuard
from service.http.project_path import ProjectPath
from service.http.proxies import trusted_proxies
from service.http.proxy_identity import proxy_identity
from service.http.rate_limits import RATE_LIMIT_HEADERS, RateLimitHeaders
from service.http.request_span import NO_TELEMETRY
from service.http.security_headers import SecurityHeaders
from service.http.tus_version import TUS_REQUEST_HEADERS, TUS_RESPONSE_HEADERS
from service.monai_label import mount
from service.resources.metrics import Metrics
from service.resources.routing_table import RoutingTable
from service.routes import (
    account,
    archives,
    assignments,
    assistance,
    audit,
    batch_reviews,
    batches,
    comparisons,
    drafts,
    events,
    formats,
    health,
    jobs,
    keys,
    masks,
    models,
    openid,
    page,
    retention,
    reviews,
    scans,
    second_readings,
    session,
    sessions,
    tiles,
    trainings,
    uploads,
    users,
    viewers,
    webhooks,
)
from service.wiring import build_services, open_parts, start_tasks

_ROUTES = (
    scans,
    uploads,
    formats,
    events,  # before jobs, whose /v1/jobs/{job_id} would take /v1/jobs/events
    jobs,
    assignments,
    assistance,
    batches,
    masks,
    tiles,
    reviews,
    comparisons,
    drafts,
    batch_reviews,
    second_readings,
    viewers,
    account,
    openid,
    session,
    sessions,
    audit,
    retention,
    keys,
    users,
    models,
    trainings,
    archives,
    webhooks,
    health,
    page,
)
_UPLOADS = ("/v1/uploads", *(mount.PREFIX + path for path in mount.UPLOADS))


def create_app(
    settings: Settings,
    registry: Registry | None = None,
    authenticator: Authenticator | None = None,
) -> FastAPI:
    """The gateway. Its services are built when it starts and closed when it ends.

    `authenticator` says who callers are; None: the accounts in the database do, and while there are
    none, everybody is the local administrator. Raises BadRequest if the routing table, or what the
    settings say of proxies, is not valid.
    """
    registry = registry or Registry(settings.added_models)
    routing = RoutingTable.load(settings.routing_table)
    routing.check(registry)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:  # closes in reverse order
            stack.enter_context(tracing.exported("tessera-gateway"))
            parts = open_parts(settings, registry, routing, authenticator, stack)
            app.state.authenticator = parts.access.authenticator
            app.state.services = build_services(parts)
            app.state.metrics = app.state.services[Metrics]
            await start_tasks(parts, app.state.services, stack)
            yield

    app = FastAPI(
        title="Tessera",
        version=version("tessera-seg"),
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # service.http.openapi serves it, with a permission
        middleware=_middleware(settings),
    )
    errors.install(app)
    openapi.install(app)
    app.include_router(mount.router(), prefix=mount.PREFIX)
    for module in _ROUTES:
        app.include_router(module.router)
    return app


def monai_label_app(gateway: FastAPI, settings: Settings) -> FastAPI:
    """The MONAI Label API at the root of a second port, with the running gateway's services."""
    return mount.at_root(gateway, _middleware(settings, mount.UPLOADS))


def _middleware(settings: Settings, upload_trees: tuple[str, ...] = _UPLOADS) -> list[Middleware]:
    """Outermost first; files may be uploaded at and below the addresses `uploads`."""
    return [
        *proxy_identity(settings),
        *trusted_proxies(settings),
        Middleware(AccessLog),
        *([Middleware(AuditTrail)] if settings.audit else []),
        Middleware(SecurityHeaders),
        Middleware(UnambiguousFraming),
        Middleware(OriginGuard, settings.allowed_hosts, settings.allowed_origins),
        Middleware(ProjectPath),
        Middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                *("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"),
                "If-None-Match",
                *TUS_REQUEST_HEADERS,
            ],
            expose_headers=[
                *("Location", "ETag", "Content-Disposition"),
                *TUS_RESPONSE_HEADERS,
                *RATE_LIMIT_HEADERS,
            ],
        ),
        Middleware(RateLimitHeaders),
        Middleware(UnexpectedErrors),
        Middleware(BodyLimit, settings, upload_trees=upload_trees),
        Middleware(HeadRequests),
    ]
