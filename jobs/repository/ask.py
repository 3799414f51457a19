"""What was asked: jobs and batches, stored once per idempotency key, and read again."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from math import prod
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, insert, select
from sqlalchemy.exc import IntegrityError

from imaging.errors import Conflict, NotFound
from jobs.delivery import Delivery
from jobs.job import Batch, Job, JobState
from jobs.repository.database import Database
from jobs.repository.page import newest_first
from jobs.repository.scans import no_scan
from jobs.repository.schema import (
    Row,
    batches,
    brief,
    deliveries,
    job_of,
    job_scans,
    jobs,
    scans,
)

T = TypeVar("T")

_CHUNK = 500
"""Names in one IN (...) or rows in one INSERT; SQLite bears 32,766 variables."""


def no_job() -> NotFound:
    """The same answer for a job that is not there and one that is somebody else's."""
    return NotFound("There is no such job.", hint="See GET /v1/jobs.")


class JobRows(Database):
    """Jobs and batches as they were asked for, and lists of them."""

    def add_job(
        self, job: Job, idempotency_key: str | None = None, deliver: Sequence[Delivery] = ()
    ) -> tuple[Job, bool]:
        """Stores it, and True; the same request under the same key gives the earlier, and False.

        What is to be delivered of it is stored with it, or not at all.
        Raises Conflict for the same key with another request, NotFound for a scan that is not
        this project's.
        """

        def once() -> tuple[Job, bool]:
            with self._write() as connection:
                earlier = _earlier(connection, jobs, job.project, idempotency_key, _request(job))
                if earlier is not None:
                    return self._jobs(connection, [earlier])[0], False
                self._insert(connection, [job], idempotency_key)
                insert_deliveries(connection, deliver)
                return job, True

        return _again_if_raced(once)

    def add_batch(
        self, batch: Batch, asked: Sequence[Job], idempotency_key: str | None = None
    ) -> tuple[Batch, bool]:
        """Stores the batch and all its jobs, or nothing; keys and errors as with `add_job`."""
        request = _digest([batch.name, [_request(job) for job in asked]])

        def once() -> tuple[Batch, bool]:
            with self._write() as connection:
                earlier = _earlier(connection, batches, batch.project, idempotency_key, request)
                if earlier is not None:
                    return self._batch(connection, earlier), False
                row = {
                    name: getattr(batch, name) for name in ("id", "project", "name", "created_at")
                }
                row |= {"idempotency_key": idempotency_key, "request": request}
                connection.execute(insert(batches).values(row))
                self._insert(connection, [replace(job, batch=batch.id) for job in asked])
                query = select(batches).where(batches.c.id == batch.id)
                return self._batch(connection, connection.execute(query).mappings().one()), True

        return _again_if_raced(once)

    def job(self, project: str, id: str) -> Job:  # noqa: A002 - the word on the wire
        """The project's job; raises NotFound."""
        job = self.job_by_id(id)
        if job.project != project:
            raise no_job()
        return job

    def job_by_id(self, id: str) -> Job:  # noqa: A002
        """Anybody's job, for workers; raises NotFound."""
        with self._read() as connection:
            query = select(*brief).where(jobs.c.id == id)
            found = self._jobs(connection, connection.execute(query).mappings())
        if not found:
            raise no_job()
        return found[0]

    def report(self, project: str, id: str) -> dict[str, Any]:  # noqa: A002
        """What the project's job told of itself, nothing before it succeeded; raises NotFound."""
        with self._read() as connection:
            query = select(jobs.c.report).where(jobs.c.id == id, jobs.c.project == project)
            found = connection.execute(query).one_or_none()
        if found is None:
            raise no_job()
        return found.report or {}

    def jobs(
        self,
        project: str,
        *,
        state: JobState | None = None,
        model: str | None = None,
        batch: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[Job], str | None]:
        """A page of the project's jobs, newest first, and the next page's cursor."""
        query = select(*brief).where(jobs.c.project == project)
        if state is not None:
            query = query.where(jobs.c.state == state)
        if model is not None:
            query = query.where(jobs.c.model == model)
        if batch is not None:
            query = query.where(jobs.c.batch == batch)
        with self._read() as connection:
            rows, following = newest_first(connection, query, jobs, cursor, limit)
            return self._jobs(connection, rows), following

    def batch(self, project: str, id: str) -> Batch:  # noqa: A002
        """The project's batch with its jobs, in the order asked, and their states."""
        with self._read() as connection:
            query = select(batches).where(batches.c.project == project, batches.c.id == id)
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                raise NotFound("There is no such batch.", hint="See the batch's own answer.")
            return self._batch(connection, row)

    def _batch(self, connection: Connection, row: Row) -> Batch:
        members = select(jobs.c.id).where(jobs.c.batch == row["id"]).order_by(jobs.c.seq)
        states = (
            select(jobs.c.state, func.count()).where(jobs.c.batch == row["id"]).group_by("state")
        )
        return Batch(
            id=row["id"],
            project=row["project"],
            name=row["name"],
            created_at=row["created_at"],
            jobs=tuple(connection.execute(members).scalars()),
            states={JobState(state): count for state, count in connection.execute(states)},
        )

    def _jobs(self, connection: Connection, rows: Iterable[Row]) -> list[Job]:
        rows = list(rows)
        channels: dict[str, list[Row]] = {row["id"]: [] for row in rows}
        for ids in _chunks(list(channels)):
            query = select(job_scans).where(job_scans.c.job.in_(ids))
            for channel in connection.execute(query.order_by(job_scans.c.position)).mappings():
                channels[channel["job"]].append(channel)
        return [job_of(row, channels[row["id"]]) for row in rows]

    def _insert(
        self, connection: Connection, asked: Sequence[Job], idempotency_key: str | None = None
    ) -> None:
        voxels = self._voxels(connection, asked)
        rows, channels = [], []
        for job in asked:
            row = _row(job) | {"idempotency_key": idempotency_key, "request": _request(job)}
            rows.append(row | {"voxels": voxels[job.grid_scan]})
            channels += [
                {"job": job.id, "position": position, "channel": channel, "scan": scan}
                for position, (channel, scan) in enumerate(job.scans.items())
            ]
        for chunk in _chunks(rows):
            connection.execute(insert(jobs), chunk)
        for chunk in _chunks(channels):
            connection.execute(insert(job_scans), chunk)

    def _voxels(self, connection: Connection, asked: Sequence[Job]) -> dict[str, int]:
        """Size of each scan's grid; raises NotFound unless every scan is its job's project's."""
        wanted = {(job.project, scan) for job in asked for scan in job.scans.values()}
        voxels: dict[str, int] = {}
        for ids in _chunks(sorted({scan for _, scan in wanted})):
            query = select(scans.c.id, scans.c.project, scans.c.shape).where(scans.c.id.in_(ids))
            query = query.with_for_update(read=True, key_share=True)  # none may be deleted now
            for scan, project, shape in connection.execute(query):
                wanted.discard((project, scan))
                voxels[scan] = prod(shape[1:])
        if wanted:
            raise no_scan()
        return voxels


def insert_deliveries(connection: Connection, asked: Sequence[Delivery]) -> None:
    """Stores new ones, as part of the caller's transaction."""
    if asked:
        connection.execute(insert(deliveries), [asdict(delivery) for delivery in asked])


def _row(job: Job) -> dict[str, Any]:
    same = (
        *("id", "project", "model", "model_version", "model_sha256", "priority", "queue", "state"),
        *("attempt", "fence", "created_at", "batch"),
    )
    row = {name: getattr(job, name) for name in same}
    return row | {"options": asdict(job.options), "tiles_done": 0, "tiles_total": 0}


def _request(job: Job) -> str:
    """What makes two requests the same: not the id, nor what the model's version was."""
    return _digest([list(job.scans.items()), job.model, asdict(job.options), job.priority])


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _earlier(
    connection: Connection, table: Table, project: str, key: str | None, request: str
) -> Row | None:
    if key is None:
        return None
    query = select(table).where(table.c.project == project, table.c.idempotency_key == key)
    row = connection.execute(query).mappings().one_or_none()
    if row is not None and row["request"] != request:
        raise Conflict(
            "This Idempotency-Key came before, with another request.",
            expected="A key of its own for every request.",
            hint="Send the request under a new key.",
        )
    return row


def _again_if_raced(once: Callable[[], T]) -> T:
    """On PostgreSQL two may insert the same key at once: the second then finds the first's."""
    try:
        return once()
    except IntegrityError:
        return once()


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
