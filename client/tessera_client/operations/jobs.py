"""Jobs and batches: created, listed, cancelled, retried."""

from collections.abc import Mapping, Sequence
from uuid import uuid4

from tessera_client.decoding import encode
from tessera_client.errors import Conflict
from tessera_client.operations.exchange import exchange
from tessera_client.operations.listing import listed
from tessera_client.retries import Retries
from tessera_client.steps import Request, Steps, decoded
from tessera_client.types import Batch, Job, JobRequest


def create(retries: Retries, job: JobRequest, key: str | None) -> Steps[Job]:
    """Creates a job; one key for all tries, so that it is created once."""
    headers = {"Idempotency-Key": key or uuid4().hex}
    request = Request("POST", "/v1/jobs", headers=headers, json=encode(job))
    return decoded(Job, (yield from exchange(retries, request)))


def create_batch(
    retries: Retries, jobs: Sequence[JobRequest], name: str, key: str | None
) -> Steps[Batch]:
    """Creates all jobs or none; one key for all tries."""
    body = {"name": name, "jobs": [encode(job) for job in jobs]}
    headers = {"Idempotency-Key": key or uuid4().hex}
    request = Request("POST", "/v1/batches", headers=headers, json=body)
    return decoded(Batch, (yield from exchange(retries, request)))


def batch(retries: Retries, batch: str) -> Steps[Batch]:
    """A batch."""
    return decoded(Batch, (yield from exchange(retries, Request("GET", f"/v1/batches/{batch}"))))


def get(retries: Retries, job: str) -> Steps[Job]:
    """A job."""
    return decoded(Job, (yield from exchange(retries, Request("GET", f"/v1/jobs/{job}"))))


def every(retries: Retries, query: Mapping[str, str | None]) -> Steps[None]:
    """Emits all jobs that match, newest first."""
    return listed(retries, "/v1/jobs", "jobs", Job, {"limit": "200", **query})


def cancel(retries: Retries, job: str) -> Steps[Job]:
    """Cancels a job; one that is cancelled already stays so."""
    return (yield from _changed(retries, job, "cancel", ("cancelled",)))


def retry(retries: Retries, job: str) -> Steps[Job]:
    """Queues an ended job again; one that waits or runs already stays so."""
    return (yield from _changed(retries, job, "retry", ("queued", "running")))


def _changed(retries: Retries, job: str, what: str, wanted: tuple[str, ...]) -> Steps[Job]:
    """A repeated request finds that the first one did it: then the state is the wanted one."""
    try:
        reply = yield from exchange(retries, Request("POST", f"/v1/jobs/{job}/{what}"))
    except Conflict:
        now = yield from get(retries, job)
        if now.state in wanted:
            return now
        raise
    return decoded(Job, reply)
