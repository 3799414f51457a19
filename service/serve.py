"""Runs the gateway under uvicorn."""

import ipaddress
import logging
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from imaging.errors import BadRequest
from jobs.settings import Settings
from service.app import create_app, monai_label_app
from service.dicom import binding

DRAIN_S = 2
STARTUP_FAILURE = 3


def serve(settings: Settings) -> None:
    """Serves until it is told to stop; raises BadRequest where it would listen unguarded."""
    check_binding(settings)
    binding.check(settings)
    logging.getLogger("sse_starlette").setLevel(logging.INFO)  # it would log each event's content
    gateway, second = create_app(settings), settings.monai_label_port
    app = _TwoDoors(gateway, monai_label_app(gateway, settings), second) if second else gateway
    configs = [_config(app, settings, port) for port in (settings.port, second)]
    server = uvicorn.Server(configs[0])
    with suppress(KeyboardInterrupt):
        server.run([config.bind_socket() for config in configs] if second else None)
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


class _TwoDoors:
    """ASGI: one server that listens on two ports, and an app for each; the first has the parts."""

    def __init__(self, gateway: ASGIApp, monai_label: ASGIApp, port: int) -> None:
        self.gateway, self.monai_label, self.port = gateway, monai_label, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        here = scope["type"] == "http" and scope["server"][1] == self.port
        await (self.monai_label if here else self.gateway)(scope, receive, send)


def _config(app: ASGIApp, settings: Settings, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        access_log=False,  # service.http.access_log logs what may be logged
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nothing here depends on what a proxy claims
        timeout_graceful_shutdown=DRAIN_S,
    )


def check_binding(settings: Settings) -> None:
    """Raises BadRequest where the gateway would listen beyond loopback without being told to."""
    if settings.behind_proxy or _loopback(settings.host):
        return
    raise BadRequest(
        "The gateway was asked to listen beyond this machine, and no users are set up.",
        expected="A loopback address such as 127.0.0.1.",
        hint="Put a proxy that signs people in, or a container's own network, in front of it and "
        "set TESSERA_BEHIND_PROXY=true.",
    )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
