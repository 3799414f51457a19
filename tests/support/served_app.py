"""An application served by uvicorn from a thread of the test, with an authenticator of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.types import ASGIApp

from tests.support.ports import free_port
from tests.support.waiting import until


@contextmanager
def served(app: ASGIApp, port: int = 0) -> Iterator[httpx.Client]:
    """A client of the running application, which stops at the end of the block; 0: any port."""
    config = uvicorn.Config(app, port=port or free_port(), log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        with httpx.Client(base_url=f"http://127.0.0.1:{config.port}", timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
