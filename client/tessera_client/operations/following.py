"""Following a job: by its events; by asking, where a proxy holds events back."""

import json
import time

from tessera_client.errors import JobFailed, Unavailable
from tessera_client.operations import jobs
from tessera_client.operations.events import EventParser
from tessera_client.operations.exchange import checked
from tessera_client.retries import Retries
from tessera_client.steps import (
    Close,
    Emit,
    Next,
    Open,
    Request,
    Sleep,
    Steps,
    decoded_value,
    not_of_tessera,
)
from tessera_client.types import Job

_SILENCE_S = 35.0
"""The server sends a heartbeat every 10 s; a stream that is silent for longer is lost."""
_SILENT_STREAMS = 2
"""After so many streams without an event the job is polled."""
_POLL_S = 1.0


def follow(retries: Retries, job: str, timeout_s: float | None = None) -> Steps[Job]:
    """Emits the job at once and at each change, and returns it when it has ended.

    A lost connection is made again. Raises TimeoutError after `timeout_s`; the job goes on.
    """
    end = None if timeout_s is None else time.monotonic() + timeout_s
    silent = 0
    while True:
        if silent < _SILENT_STREAMS:
            state, count = yield from _stream(job, end)
            silent = 0 if count else silent + 1
            if state is not None and state.is_final:
                return state
        state = yield from jobs.get(retries, job)
        yield Emit(state)
        if state.is_final:
            return state
        _check(end, job)
        yield Sleep(_POLL_S if silent == _SILENT_STREAMS else min(retries.first_pause_s, _POLL_S))


def wait(retries: Retries, job: str, timeout_s: float | None) -> Steps[Job]:
    """As `follow`; raises JobFailed if the job ends without a mask."""
    ended = yield from follow(retries, job, timeout_s)
    if ended.state != "succeeded":
        raise JobFailed(ended)
    return ended


def _stream(job: str, end: float | None) -> Steps[tuple[Job | None, int]]:
    """Emits the job of each event; the last one, and how many there were."""
    state, count, parser = None, 0, EventParser()
    headers = {"Accept": "text/event-stream"}
    request = Request("GET", f"/v1/jobs/{job}/events", headers=headers, patience_s=_SILENCE_S)
    try:
        reply = checked((yield Open(request)))
        if reply.media_type != "text/event-stream":
            return None, 0
        while (block := (yield Next())) is not None:
            for event in parser.feed(block):
                state, count = _job(event.data), count + 1
                yield Emit(state)
            if state is not None and state.is_final:
                break
            _check(end, job)
    except Unavailable:
        return state, count
    yield Close()
    return state, count


def _job(data: str) -> Job:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise not_of_tessera() from error
    return decoded_value(Job, value)


def _check(end: float | None, job: str) -> None:
    if end is not None and time.monotonic() > end:
        raise TimeoutError(f"Job {job} has not ended yet; it continues on the server.")
