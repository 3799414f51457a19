"""Checks of the message broker."""

from collections.abc import Iterator
from contextlib import closing

from cli.doctor.finding import Finding, ok, problem, warning
from imaging.counted import counted
from imaging.errors import TesseraError
from inference.runtime_registry import queue_names
from jobs.queue import Queue
from jobs.redis_settings import RedisSettings, read_redis_settings
from jobs.settings import Settings

_BROKER = "broker"
_PERSISTENCE = "messages on disk"


def check_broker(settings: Settings) -> Iterator[Finding]:
    """Whether it answers, and whether Redis keeps its messages."""
    if not settings.broker_url:
        yield ok(_BROKER, "None is configured: `tessera up` starts its own.")
        return
    try:
        with closing(Queue(settings, queue_names())) as queue:
            queue.ping()
            waiting = queue.waiting()
    except TesseraError as error:
        yield problem(_BROKER, error.detail, error.hint)
        return
    yield ok(_BROKER, f"It answers; {counted(waiting or 0, 'message waits', 'messages wait')}.")
    if settings.broker_url.startswith("redis"):
        yield _persistence(read_redis_settings(settings.broker_url))


def _persistence(redis: RedisSettings | None) -> Finding:
    if redis is None:
        return ok(_PERSISTENCE, "Redis does not tell its settings.")
    if redis.may_evict:
        return problem(
            _PERSISTENCE,
            f"Redis deletes messages when its memory is full ({redis.maxmemory_policy}).",
            "Set maxmemory-policy to noeviction.",
        )
    if not redis.persistent:
        return warning(
            _PERSISTENCE,
            "Redis keeps messages in memory only. If it restarts, Tessera sends them again, and "
            "waiting jobs start later.",
            "Set appendonly to yes.",
        )
    return ok(_PERSISTENCE, "Redis writes messages to disk.")
