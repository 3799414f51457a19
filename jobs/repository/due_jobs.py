"""Jobs, previews and drafts whose time is over, and their deletion."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, delete, select, update

from imaging.errors import NotFound
from jobs.repository.database import Database
from jobs.repository.due_scans import AT_ONCE
from jobs.repository.due_times import check_job_not_held, held_job, newest, reviewed_bytes
from jobs.repository.job_deletion import delete_jobs
from jobs.repository.references import unreferenced
from jobs.repository.retention_reports import count
from jobs.repository.schema.job_tables import brief, jobs, unfinished
from jobs.repository.schema.review_tables import drafts, reviews
from jobs.retention.due import Due
from jobs.retention.rule import Basis, RetentionKind, RetentionRule


class _OfJobs:
    """What the classes of this module share."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _ended(
        self, rule: RetentionRule, now: float, *, with_preview: bool = False
    ) -> Iterator[tuple[str, int, float]]:
        """Id, bytes and time of the ended jobs whose time is over, and that no hold covers."""
        before, after = now - rule.keep_s, 0
        query = select(jobs.c.seq, jobs.c.id, jobs.c.mask_bytes, jobs.c.finished_at).where(
            jobs.c.project == rule.project, jobs.c.finished_at < before
        )
        query = query.where(~unfinished, ~held_job())
        if with_preview:
            query = query.where(jobs.c.preview_sha256.is_not(None))
        query = query.order_by(jobs.c.seq).limit(AT_ONCE)
        while True:
            with self._database.read() as connection:
                rows = connection.execute(query.where(jobs.c.seq > after)).all()
                times = _times(connection, rule.basis, {row.id: row.finished_at for row in rows})
                corrected = reviewed_bytes(connection, list(times))
            for row in rows:
                if times.get(row.id, now) < before:
                    yield row.id, row.mask_bytes + corrected.get(row.id, 0), times[row.id]
            if len(rows) < AT_ONCE:
                return
            after = rows[-1].seq


class DueJobs(_OfJobs):
    """Ended jobs with their masks."""

    kind = RetentionKind.MASKS

    def due(self, rule: RetentionRule, now: float) -> Iterator[Due]:
        """As `DueScans.due`."""
        for job, size, at in self._ended(rule, now):
            yield Due(job, size, at, job=job)

    def delete(self, project: str, item: Due, report: str) -> Sequence[str]:
        """As `DueScans.delete`."""
        with self._database.write() as connection:
            check_job_not_held(self._database, connection, project, item.id)
            query = select(*brief).where(jobs.c.id == item.id, ~unfinished)
            rows = connection.execute(query.with_for_update()).mappings().all()
            if not rows:
                raise _gone()
            blobs = delete_jobs(connection, rows)
            count(connection, report, (project, self.kind), item.bytes, item.at)
            return unreferenced(connection, {one for one in blobs if one is not None})


class DuePreviews(_OfJobs):
    """Previews of ended jobs."""

    kind = RetentionKind.PREVIEWS

    def due(self, rule: RetentionRule, now: float) -> Iterator[Due]:
        """As `DueScans.due`."""
        for job, _, at in self._ended(rule, now, with_preview=True):
            yield Due(job, 0, at, job=job)

    def delete(self, project: str, item: Due, report: str) -> Sequence[str]:
        """As `DueScans.delete`."""
        with self._database.write() as connection:
            check_job_not_held(self._database, connection, project, item.id)
            mine = (jobs.c.id == item.id) & jobs.c.preview_sha256.is_not(None)
            query = select(jobs.c.preview_sha256).where(mine).with_for_update()
            preview = connection.execute(query).scalar_one_or_none()
            if preview is None:
                raise _gone()
            connection.execute(update(jobs).where(mine).values(preview_sha256=None))
            count(connection, report, (project, self.kind), item.bytes, item.at)
            return unreferenced(connection, {preview})


class DueDrafts(_OfJobs):
    """Drafts that nobody has opened or changed lately."""

    kind = RetentionKind.DRAFTS

    def due(self, rule: RetentionRule, now: float) -> Iterator[Due]:
        """As `DueScans.due`."""
        query = select(drafts.c.id, drafts.c.job, drafts.c.bytes, drafts.c.updated_at).join(
            jobs, jobs.c.id == drafts.c.job
        )
        query = query.where(
            jobs.c.project == rule.project, drafts.c.updated_at < now - rule.keep_s, ~held_job()
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(drafts.c.updated_at)).all()
        for row in rows:
            yield Due(row.id, row.bytes, row.updated_at, job=row.job)

    def delete(self, project: str, item: Due, report: str) -> Sequence[str]:
        """As `DueScans.delete`; a draft that was changed meanwhile stays."""
        with self._database.write() as connection:
            check_job_not_held(self._database, connection, project, item.job)
            same = (drafts.c.id == item.id) & (drafts.c.updated_at == item.at)
            gone = delete(drafts).where(same).returning(drafts.c.mask_sha256)
            masks = set(connection.execute(gone).scalars())
            if not masks:
                raise _gone()
            count(connection, report, (project, self.kind), item.bytes, item.at)
            return unreferenced(connection, masks)


def _times(connection: Connection, basis: Basis, ended: dict[str, float]) -> dict[str, float]:
    """From when on the time of each of these jobs counts; none for one that was not reviewed."""
    if basis is Basis.CREATION:
        return ended
    ids = list(ended)
    reviewed = newest(connection, reviews.c.job, reviews.c.created_at, reviews.c.job.in_(ids))
    if basis is Basis.LAST_REVIEW:
        return reviewed
    edited = newest(connection, drafts.c.job, drafts.c.updated_at, drafts.c.job.in_(ids))
    return {one: max(at, reviewed.get(one, at), edited.get(one, at)) for one, at in ended.items()}


def _gone() -> NotFound:
    return NotFound("It has changed or is gone.")
