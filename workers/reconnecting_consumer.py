"""Celery's consumer, which reconnects soon, and also when a message cannot be acknowledged."""

import logging
import random
from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

log = logging.getLogger(__name__)

_LONGEST_S = 2.0
"""Longest pause between two attempts to connect, in seconds; Celery's own grows to 30."""


class ReconnectingConsumer(Consumer):  # type: ignore[misc]
    """Reconnects when an acknowledgement fails, and soon after the broker is available again.

    Celery logs the failure and keeps the old connection. Its one prefetched message then counts as
    unacknowledged for ever, and a worker whose broker was restarted during a job would never
    receive another one.
    """

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        handle = super().create_task_handler(*args, **kwargs)

        def on_message(message: Any) -> Any:
            message.ack_log_error = lambda _log, _errors, **how: message.ack(**how)
            return handle(message)

        return on_message  # an error ends the event loop, and the consumer starts again

    def ensure_connected(self, conn: Any) -> Any:
        """Waits for the broker; the pauses are random, so that workers do not connect together."""
        reported = False

        def on_error(error: Exception, _pause_s: float) -> None:
            nonlocal reported
            if not reported:
                log.warning("Cannot connect to the broker %s: %s", conn.as_uri(), error)
            reported = True

        connected = conn.ensure_connection(
            on_error,
            None,
            interval_start=random.uniform(0.1, 0.5),  # noqa: S311 - no secret
            interval_step=random.uniform(0.2, 0.7),  # noqa: S311 - no secret
            interval_max=_LONGEST_S,
            callback=maybe_shutdown,
        )
        self.first_connection_attempt = False
        if reported:
            log.info("connected to the broker")
        return connected
