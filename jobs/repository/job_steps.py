"""The steps of a job's life."""

from collections.abc import Mapping
from typing import Any

from jobs.job import Job
from jobs.repository.job_rows import read_jobs
from jobs.repository.schema.job_tables import brief, jobs
from jobs.repository.steps import Steps

WORKER_LOST: Mapping[str, Any] = {
    "type": "urn:tessera:worker-lost",
    "title": "Worker lost",
    "status": 500,
    "detail": "The worker stopped responding at every attempt.",
    "expected": "A worker that renews its lease until the mask is stored.",
    "hint": "Check whether workers run out of memory or are killed, then retry the job.",
}
"""Error of a job whose workers all stopped without reporting a reason."""

JOB_STEPS: Steps[Job] = Steps(
    kind="job",
    table=jobs,
    columns=brief,
    read=read_jobs,
    lost=WORKER_LOST,
    no_progress={"tiles_done": 0, "tiles_total": 0, "preparing": False},
    at_rest={"preparing": False},
)
