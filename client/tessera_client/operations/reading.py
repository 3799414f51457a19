"""Many jobs at once: their readers, and verdicts on them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from tessera_client.operations.exchange import exchange
from tessera_client.reading_types import Verdict
from tessera_client.retries import Retries
from tessera_client.steps import Request, Steps, decoded, decoded_value, not_of_tessera
from tessera_client.types import Assignment, BatchReview, Job


def assign(retries: Retries, job: str, assignee: str, seen: str | None) -> Steps[Job]:
    """Assigns one job."""
    body = {"assignee": assignee} | ({} if seen is None else {"seen": seen})
    request = Request("PUT", f"/v1/jobs/{job}/assignee", json=body)
    return decoded(Job, (yield from exchange(retries, request)))


def assign_many(
    retries: Retries, jobs: Sequence[str], assignee: str
) -> Steps[tuple[Assignment, ...]]:
    """Assigns several jobs; a repetition changes nothing."""
    body = {"assignee": assignee, "jobs": [{"id": job} for job in jobs]}
    reply = (yield from exchange(retries, Request("POST", "/v1/assignments", json=body))).json()
    if not isinstance(reply, dict) or "results" not in reply:
        raise not_of_tessera()
    return decoded_value(tuple[Assignment, ...], reply["results"])


def review_many(
    retries: Retries,
    jobs: Mapping[str, str],
    verdict: Verdict,
    more: Mapping[str, Any],
    key: str | None,
) -> Steps[BatchReview]:
    """Reviews several jobs (id -> newest review that is known); one key for all tries."""
    rows = [{"id": job, "seen": seen} for job, seen in jobs.items()]
    headers = {"Idempotency-Key": key or uuid4().hex}
    body = {"jobs": rows, "verdict": verdict, **more}
    request = Request("POST", "/v1/batch-reviews", headers=headers, json=body)
    return decoded(BatchReview, (yield from exchange(retries, request)))


def withdraw(retries: Retries, batch: str) -> Steps[tuple[str, ...]]:
    """Withdraws the reviews of a batch; a repetition changes nothing."""
    request = Request("POST", f"/v1/batch-reviews/{batch}/withdraw")
    reply = (yield from exchange(retries, request)).json()
    if not isinstance(reply, dict) or "jobs" not in reply:
        raise not_of_tessera()
    return decoded_value(tuple[str, ...], reply["jobs"])
