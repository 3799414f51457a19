"""The MONAI Label API below a prefix of the gateway, and at the root of a port of its own."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from service.auth import Permission
from service.http import errors
from service.http.permissions import Allowed
from service.http.request_span import NO_TELEMETRY
from service.http.router import Router
from service.monai_label import (
    active_learning,
    batch_infer,
    datastore,
    images,
    infer,
    labels,
    server_info,
    sessions,
)

PREFIX = "/monai-label"
UPLOADS = ("/datastore", "/infer", "/session")
"""Addresses for file uploads, without the prefix."""


def router() -> APIRouter:
    """All routes of the API."""
    routes = Router(include_in_schema=False)
    for module in (
        server_info,
        datastore,
        images,
        labels,
        infer,
        sessions,
        active_learning,
        batch_infer,
    ):
        routes.include_router(module.router)
    return routes


def at_root(gateway: FastAPI, middleware: Sequence[Middleware]) -> FastAPI:
    """An app with the API at its root; it shares the state of `gateway`, which must be running."""
    app = FastAPI(
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=list(middleware),
        telemetry=NO_TELEMETRY,
    )
    app.state = gateway.state
    errors.install(app)
    app.include_router(router())
    app.add_api_route("/", _welcome, methods=["GET"], dependencies=[Allowed(Permission.PUBLIC)])
    return app


def _welcome() -> PlainTextResponse:
    return PlainTextResponse(
        "Tessera, as a MONAI Label server: enter this address in 3D Slicer or OHIF.\n"
    )
