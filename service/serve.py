"""Runs the gateway under uvicorn."""

import gc
import logging
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imaging.errors import TesseraError
from jobs.settings import Settings
from service.app import create_app, monai_label_app
from service.connections.bounded_server import BoundedServer
from service.connections.limits import ConnectionLimits, raised_file_limit
from service.listen_addresses import check_listen_addresses
from service.tls.configured import http_tls

SHUTDOWN_S = 2
STARTUP_FAILURE = 3


def serve(settings: Settings) -> None:
    """Serves until the process is stopped.

    Raises BadRequest if the gateway would listen where anybody could call it, or the files for TLS
    cannot be used, and every error on purpose that ends its start, such as that of a database of
    another version.
    """
    check_listen_addresses(settings)
    tls = http_tls(settings)
    logging.getLogger("sse_starlette").setLevel(logging.INFO)  # DEBUG logs each event's content
    gateway, second_port = create_app(settings), settings.monai_label_port
    app: ASGIApp = gateway
    if second_port:
        app = _TwoPorts(gateway, monai_label_app(gateway, settings), second_port)
    start = _Start(app)
    limits = ConnectionLimits.of(settings, raised_file_limit(settings))
    configs = [_config(start, settings, port) for port in (settings.port, second_port)]
    server = BoundedServer(configs[0], limits, tls)
    _leave_to_collector_only_what_comes()
    with suppress(KeyboardInterrupt, SystemExit):
        server.run([config.bind_socket() for config in configs] if second_port else None)
    if start.error is not None:
        raise start.error
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


def _leave_to_collector_only_what_comes() -> None:
    """Modules, routes and schemas stay as long as the process. If Python's collector looked at
    them each time, no request would be answered for half a second."""
    gc.collect()
    gc.freeze()


class _Start:
    """ASGI: keeps the error that ends the app's start; uvicorn would log it with a traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.error: TesseraError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        failed: list[Message] = []

        async def send_or_keep(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                failed.append(message)
            else:
                await send(message)

        try:
            await self.app(scope, receive, send_or_keep)
        except TesseraError as error:
            self.error = error
            await send({"type": "lifespan.startup.failed", "message": ""})
        except BaseException:
            for message in failed:
                await send(message)
            raise


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
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=SHUTDOWN_S,
        ws="none",
    )
