"""Celery's consumer, which also reconnects when a message cannot be acknowledged."""

from collections.abc import Callable
from typing import Any

from celery.worker.consumer import Consumer


class ReconnectingConsumer(Consumer):  # type: ignore[misc]
    """Reconnects when an acknowledgement fails.

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
