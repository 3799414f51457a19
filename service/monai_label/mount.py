"""The surface under a prefix of the gateway, and at the root of a port of its own."""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from service.http import errors
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
"""Where files may come, seen from the surface's own root."""


def router() -> APIRouter:
    """All of the surface's routes."""
    whole = APIRouter(include_in_schema=False)
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
        whole.include_router(module.router)
    return whole


def at_root(gateway: FastAPI, layers: Sequence[Middleware]) -> FastAPI:
    """An app that serves the surface at its root with the parts of `gateway`, which must run."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, middleware=list(layers))
    app.state = gateway.state
    errors.install(app)
    app.include_router(router())
    app.add_api_route("/", _hello, methods=["GET"])
    return app


def _hello() -> PlainTextResponse:
    return PlainTextResponse(
        "Tessera, as a MONAI Label server: give this address to 3D Slicer or OHIF.\n"
    )
