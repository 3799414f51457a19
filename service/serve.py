"""Runs the gateway under uvicorn."""

import logging
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from jobs.settings import Settings
from service.app import create_app, monai_label_app
from service.listen_addresses import check_listen_addresses

SHUTDOWN_S = 2
STARTUP_FAILURE = 3


def serve(settings: Settings) -> None:
    """Serves until the process is stopped.

    Raises BadRequest if the gateway would listen where anybody could call it.
    """
    check_listen_addresses(settings)
    logging.getLogger("sse_starlette").setLevel(logging.INFO)  # DEBUG logs each event's content
    gateway, second_port = create_app(settings), settings.monai_label_port
    app: ASGIApp = gateway
    if second_port:
        app = _TwoPorts(gateway, monai_label_app(gateway, settings), second_port)
    configs = [_config(app, settings, port) for port in (settings.port, second_port)]
    server = uvicorn.Server(configs[0])
    with suppress(KeyboardInterrupt):
        server.run([config.bind_socket() for config in configs] if second_port else None)
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


class _TwoPorts:
    """ASGI: one server on two ports with an app for each; the gateway's app has the lifespan."""

    def __init__(self, gateway: ASGIApp, monai_label: ASGIApp, monai_label_port: int) -> None:
        self.gateway, self.monai_label = gateway, monai_label
        self.monai_label_port = monai_label_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        second = scope["type"] == "http" and scope["server"][1] == self.monai_label_port
        await (self.monai_label if second else self.gateway)(scope, receive, send)


def _config(app: ASGIApp, settings: Settings, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        access_log=False,  # service.http.access_log logs what may be logged
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nothing depends on what a proxy claims
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
