"""Jobs to rows and back, as part of a caller's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from math import prod
from typing import Any, TypeVar

from sqlalchemy import Connection, insert, select

from imaging.errors import Conflict, NotFound
from jobs.job import Job, JobState
from jobs.repository.idempotency import job_digest
from jobs.repository.rows import Row, job_of
from jobs.repository.scans import no_scan
from jobs.repository.schema.job_tables import job_scans, jobs
from jobs.repository.schema.scan_tables import scans

T = TypeVar("T")

_CHUNK = 500
"""Values in one IN (...) or rows in one INSERT; SQLite allows 32,766 variables."""
_COLUMNS = (
    *("id", "project", "model", "model_version", "model_sha256", "priority", "queue", "state"),
    *("attempt", "fence", "created_at", "batch", "traceparent"),
)
"""Columns of a new row that are the job's own attributes."""


def no_job() -> NotFound:
    """The error for a job that does not exist or belongs to another project."""
    return NotFound("There is no such job.", hint="List the jobs with GET /v1/jobs.")


def check_job(connection: Connection, project: str, job_id: str, *, lock: bool = False) -> None:
    """Raises NotFound unless the job is this project's; `lock` prevents its deletion."""
    query = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.project == project)
    if lock:
        query = query.with_for_update()
    if connection.execute(query).one_or_none() is None:
        raise no_job()


def lock_succeeded(connection: Connection, project: str, job_id: str) -> None:
    """Locks the job's row against reviews and its deletion; raises NotFound, or Conflict without a
    mask."""
    query = select(jobs.c.state).where(jobs.c.id == job_id, jobs.c.project == project)
    if connection.execute(query.with_for_update()).scalar_one_or_none() != JobState.SUCCEEDED:
        check_job(connection, project, job_id)
        raise Conflict(
            "The job has no mask.",
            expected="A job that has succeeded.",
            hint="Wait until the job has succeeded, then review its mask.",
        )


def read_jobs(connection: Connection, rows: Iterable[Row]) -> list[Job]:
    """The jobs of these rows of `jobs`, each with its scans."""
    rows = list(rows)
    channels: dict[str, list[Row]] = {row["id"]: [] for row in rows}
    for ids in chunks(list(channels)):
        query = select(job_scans).where(job_scans.c.job.in_(ids))
        for channel in connection.execute(query.order_by(job_scans.c.position)).mappings():
            channels[channel["job"]].append(channel)
    return [job_of(row, channels[row["id"]]) for row in rows]


def insert_jobs(
    connection: Connection, new: Sequence[Job], idempotency_key: str | None = None
) -> None:
    """Stores new jobs; raises NotFound unless every scan belongs to its job's project."""
    voxels = _voxels(connection, new)
    rows, channels = [], []
    for job in new:
        row = _row(job) | {"idempotency_key": idempotency_key, "request": job_digest(job)}
        rows.append(row | {"voxels": voxels[job.grid_scan]})
        channels += [
            {"job": job.id, "position": position, "channel": channel, "scan": scan}
            for position, (channel, scan) in enumerate(job.scans.items())
        ]
    for chunk in chunks(rows):
        connection.execute(insert(jobs), chunk)
    for chunk in chunks(channels):
        connection.execute(insert(job_scans), chunk)


def _voxels(connection: Connection, new: Sequence[Job]) -> dict[str, int]:
    """Scan id -> voxels of its grid; raises NotFound for another project's scan."""
    missing = {(job.project, scan) for job in new for scan in job.scans.values()}
    projects = {project for project, _ in missing}
    voxels: dict[str, int] = {}
    for ids in chunks(sorted({scan for _, scan in missing})):
        query = select(scans.c.id, scans.c.project, scans.c.shape).where(
            scans.c.id.in_(ids), scans.c.project.in_(projects)
        )
        query = query.with_for_update(read=True, key_share=True)  # none may be deleted now
        for scan, project, shape in connection.execute(query):
            missing.discard((project, scan))
            voxels[scan] = prod(shape[1:])
    if missing:
        raise no_scan()
    return voxels


def _row(job: Job) -> dict[str, Any]:
    row = {name: getattr(job, name) for name in _COLUMNS}
    return row | {
        "options": asdict(job.options),
        "tiles_done": 0,
        "tiles_total": 0,
        "preparing": False,
    }


def chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """The items in groups that fit into one statement."""
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
