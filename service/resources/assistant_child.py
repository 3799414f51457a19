"""The process of the assistant: `python -P -m service.resources.assistant_child FD`.

It answers one request after the other over the socket FD, and ends when the other end is closed.
"""

import logging
import os
import signal
import sys
from multiprocessing.connection import Connection

from imaging.assistance.answer import answer
from imaging.assistance.region_cache import RegionCache
from imaging.assistance.request import AssistanceRequest, AssistantFailed, ScanNeeded
from imaging.errors import TesseraError
from jobs import problem

logger = logging.getLogger("tessera.service")

_NICE = 5
"""Requests of others, which the gateway answers meanwhile, are more urgent."""


Reply = bytes | TesseraError | ScanNeeded | AssistantFailed


def serve(connection: "Connection[Reply, tuple[AssistanceRequest, float]]") -> None:
    """Answers requests, each with its limit in seconds, until the other end is closed."""
    regions = RegionCache()
    while True:
        try:
            request, limit_s = connection.recv()
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, limit_s)  # ends the process, if the parent is gone
        reply = _reply(request, regions)
        signal.setitimer(signal.ITIMER_REAL, 0)
        connection.send(reply)


def _reply(request: AssistanceRequest, regions: RegionCache) -> Reply:
    try:
        return answer(request, regions)
    except (TesseraError, ScanNeeded) as expected:
        return expected
    except Exception as fault:  # noqa: BLE001 - reported to the parent
        return AssistantFailed(problem.logged(fault, logger))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when it ends
    os.nice(_NICE)
    serve(Connection(int(sys.argv[1])))
