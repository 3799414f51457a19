"""Runs the gateway under uvicorn."""

import ipaddress
import logging

import uvicorn

from imaging.errors import BadRequest
from jobs.settings import Settings
from service.app import create_app
from service.pacs import receiver

DRAIN_S = 2


def serve(settings: Settings) -> None:
    """Serves until it is told to stop; raises BadRequest where it would listen unguarded."""
    check_binding(settings)
    receiver.check(settings)
    logging.getLogger("sse_starlette").setLevel(logging.INFO)  # it would log each event's content
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        access_log=False,  # service.access logs what may be logged
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
        todo="Put a proxy that signs people in, or a container's own network, in front of it and "
        "set TESSERA_BEHIND_PROXY=true.",
    )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
