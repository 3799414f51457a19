"""Sends the id of a job to its queue, on any broker that Celery supports."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange
from kombu.entity import Queue as BrokerQueue
from kombu.exceptions import KombuError

from imaging.errors import Unavailable
from jobs.job import Job
from jobs.mailbox import HIGHEST
from jobs.settings import Settings

SEGMENT = "tessera.segment"
"""The task's name: with a job id all that passes between gateway and workers."""

_PATIENCE_S = 3.0
"""How long a sender waits for a broker that does not answer."""
_QUICK = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "socket_timeout": _PATIENCE_S,
    "socket_connect_timeout": _PATIENCE_S,
}

T = TypeVar("T")


def celery_app(settings: Settings, queues: Sequence[str]) -> Celery:
    """The Celery configuration that gateway and workers share.

    `queues`: all names, which the caller takes from the runtimes; the first is the default.
    A message is acknowledged when its task is over, a worker holds one at a time, and nothing
    relies on redelivery by the broker: see `jobs/sweeper.py`.
    """
    app = Celery("tessera", set_as_current=False)
    app.conf.update(
        **_broker(settings),
        task_queues=[_queue(settings, name) for name in queues],
        task_default_queue=queues[0],
        task_acks_late=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        worker_pool="solo",
        worker_concurrency=1,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_heartbeat=0,  # a worker that computes answers no heartbeats; its lease speaks for it
    )
    return app


def _kind(settings: Settings) -> str:
    """redis, amqp, mailbox, or whatever else Celery knows."""
    scheme = settings.broker.partition("://")[0].partition("+")[0]
    return {"rediss": "redis", "amqps": "amqp", "file": "mailbox"}.get(scheme, scheme)


def _broker(settings: Settings) -> dict[str, Any]:
    kind = _kind(settings)
    if kind == "mailbox":
        options = {"folder": str(settings.broker_folder.resolve()), "polling_interval": 0.1}
        return {
            "broker_url": "mailbox://",
            "broker_transport": "jobs.mailbox:Transport",
            "broker_transport_options": options,
        }
    if kind != "redis":
        return {"broker_url": settings.broker}
    options = {
        "visibility_timeout": settings.visibility_s,
        "priority_steps": list(range(HIGHEST + 1)),
        "socket_connect_timeout": _PATIENCE_S,
        "socket_keepalive": True,
    }
    return {"broker_url": settings.broker, "broker_transport_options": options}


def _queue(settings: Settings, name: str) -> BrokerQueue:
    arguments = {"x-max-priority": HIGHEST} if _kind(settings) == "amqp" else None
    route = Exchange(name)  # type: ignore[no-untyped-call]
    return BrokerQueue(  # type: ignore[no-untyped-call]
        name, route, routing_key=name, queue_arguments=arguments
    )


class Queue:
    """Sends jobs to the broker; thread-safe, and quick to report that the broker is unavailable."""

    def __init__(self, settings: Settings, queues: Sequence[str]) -> None:
        """`queues`: all names; see `celery_app`."""
        self.names = tuple(queues)
        self._app = celery_app(settings, queues)
        self._kind = _kind(settings)
        self._queues = {name: _queue(settings, name) for name in self.names}
        self._turn = threading.Lock()
        self._connection: Connection | None = None

    def send(self, job: Job) -> None:
        """Hands the job's id to the broker; raises Unavailable."""
        # Redis serves 0 first, all others the highest.
        priority = HIGHEST - job.priority if self._kind == "redis" else job.priority

        def send(connection: Connection) -> None:
            self._app.send_task(
                SEGMENT,
                args=[job.id],
                queue=job.queue,
                priority=priority,
                connection=connection,
                retry=False,
            )

        self._ask(send)

    def waiting(self, queue: str | None = None) -> int | None:
        """Messages that no worker has taken yet, in one queue or all; None if it cannot be told."""
        names = self.names if queue is None else (queue,)

        def count(connection: Connection) -> int:
            return sum(self._count(connection, name) for name in names)

        try:
            return self._ask(count)
        except Unavailable:
            return None

    def ping(self) -> None:
        """Returns if the broker answers; raises Unavailable."""
        self._ask(lambda connection: self._count(connection, self.names[0]))

    def _count(self, connection: Connection, name: str) -> int:
        queue = self._queues[name](connection.default_channel)
        return int(queue.queue_declare()[1])  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Gives the connection back; the next call makes a new one."""
        with self._turn:
            self._drop()

    def _ask(self, question: Callable[[Connection], T]) -> T:
        """Asks twice: the first connection may be one that the broker's restart has cut."""
        if not self._turn.acquire(timeout=2 * _PATIENCE_S):
            raise _away()
        try:
            for last in (False, True):
                try:
                    return question(self._connected())
                except (KombuError, OSError, *self._connected().connection_errors) as error:
                    self._drop()
                    if last:
                        raise _away() from error
            raise _away()
        finally:
            self._turn.release()

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._app.connection_for_write(connect_timeout=_PATIENCE_S)
            connection.transport_options = {**connection.transport_options, **_QUICK}
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.release()  # type: ignore[no-untyped-call]
        self._connection = None


def _away() -> Unavailable:
    return Unavailable(
        "The queue does not answer.",
        hint="See that the broker runs and that TESSERA_BROKER_URL is right; what was accepted "
        "waits and is sent by itself.",
    )
