"""Drafts: corrections that readers have not finished."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

from sqlalchemy import Connection, delete, exists, insert, select, update

from imaging.errors import BadRequest, ScanTooLarge
from jobs.draft import (
    MOST_BYTES,
    MOST_CHANGES,
    MOST_REPAINTS,
    MOST_RUNS,
    SMALL_VOXELS,
    ChangeSet,
    Draft,
    DraftBase,
    check_changes,
)
from jobs.repository.database import Database
from jobs.repository.draft_rows import draft_of, find_draft, get_draft, no_draft
from jobs.repository.due_times import check_job_not_held, held_job
from jobs.repository.job_rows import check_job, lock_succeeded
from jobs.repository.reading_rows import reading_of, reviews_of, shown
from jobs.repository.reviews import no_corrected_mask
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.review_tables import draft_changes, drafts
from jobs.repository.verdicts import check_not_looked
from jobs.second_reading import SecondReading, reader_key

_COUNTED = ("changes", "bytes", "runs", "painted", "seconds")


class Drafts:
    """The drafts of all jobs: at most one of each reader. A draft is shown to its reader only.

    `reader`: the name of who asks. A name that is empty is that of a reader, too.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, project: str, job_id: str, reader: str, base: DraftBase) -> Draft:
        """Begins a draft, or returns the one that the reader has, whatever its base is.

        Raises NotFound for an unknown job, or a base that has no mask or that the reader may not
        see; Conflict if the job has no mask; BadRequest and Forbidden for a reader who could not
        review the job.
        """

        def transaction(connection: Connection) -> Draft:
            lock_succeeded(connection, project, job_id)
            known = find_draft(connection, job_id, reader, lock=True)
            now = self._database.clock(connection)
            if known is not None:
                this = update(drafts).where(drafts.c.id == known.id)
                connection.execute(this.values(updated_at=now))
                return replace(known, updated_at=now)
            reading = reading_of(connection, job_id)
            _check_reader(reading, reader)
            mask = _base_mask(connection, reading, job_id, reader, base.review)
            draft = _new(job_id, reader, base, mask, now)
            row = {name: getattr(draft, name) for name in Draft.__dataclass_fields__}
            row |= {"labels": list(draft.labels), "reader_key": reader_key(reader)}
            connection.execute(insert(drafts).values(row))
            return draft

        return self._database.repeat_after_race(transaction)

    def get(self, project: str, job_id: str, reader: str, draft_id: str | None = None) -> Draft:
        """The reader's draft of the project's job; raises NotFound, and DraftChanged if it is
        another one than `draft_id`."""
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            return get_draft(connection, job_id, reader, draft_id)

    def of_reader(self, project: str, job_id: str, reader: str) -> tuple[Draft, ...]:
        """The reader's draft of the project's job, if there is one; raises NotFound for an unknown
        job."""
        with self._database.read() as connection:
            check_job(connection, project, job_id)
            draft = find_draft(connection, job_id, reader)
        return () if draft is None else (draft,)

    def of_project(self, project: str, reader: str, most: int) -> tuple[Draft, ...]:
        """The reader's drafts with changes of the project's jobs, the newest first; at most
        `most`."""
        of_reader = (drafts.c.reader_key == reader_key(reader)) & (drafts.c.changes > 0)
        query = select(drafts).join(jobs, jobs.c.id == drafts.c.job)
        query = query.where(of_reader, jobs.c.project == project)
        query = query.order_by(drafts.c.updated_at.desc(), drafts.c.id).limit(most)
        with self._database.read() as connection:
            return tuple(draft_of(row) for row in connection.execute(query).mappings())

    def give_up(self, project: str, job_id: str, reader: str, draft_id: str | None = None) -> None:
        """Deletes the reader's draft with its changes; raises as `get`, and LegalHold."""
        with self._database.write() as connection:
            check_job(connection, project, job_id)
            check_job_not_held(self._database, connection, project, job_id)
            draft = get_draft(connection, job_id, reader, draft_id, lock=True)
            connection.execute(delete(drafts).where(drafts.c.id == draft.id))

    def append(
        self, project: str, job_id: str, reader: str, draft_id: str, changes: ChangeSet
    ) -> Draft:
        """Stores the next set of changes. The last set, sent again, changes nothing.

        Raises NotFound, DraftChanged for a draft or a set that is not the next, and ScanTooLarge if
        the draft has too many changes.
        """
        with self._database.write() as connection:
            check_job(connection, project, job_id)
            draft = get_draft(connection, job_id, reader, draft_id, lock=True)
            if changes.number == draft.changes and changes.sha256 == _sha256(connection, draft):
                return draft
            check_changes(draft, changes.number - 1)
            draft = _with(draft, changes, self._database.clock(connection))
            _check_limits(draft)
            row = {name: getattr(changes, name) for name in ("number", "sha256", "packed")}
            connection.execute(insert(draft_changes).values(row | {"draft": draft.id}))
            counts = {name: getattr(draft, name) for name in (*_COUNTED, "updated_at")}
            connection.execute(update(drafts).where(drafts.c.id == draft.id).values(counts))
            return draft

    def change_sets(self, draft: Draft) -> Iterator[bytes]:
        """The sets of changes of a draft, packed, in their order; one is in memory at a time.

        Raises NotFound if the draft is saved or given up meanwhile.
        """
        packed = select(draft_changes.c.packed).where(draft_changes.c.draft == draft.id)
        for number in range(1, draft.changes + 1):
            with self._database.read() as connection:
                query = packed.where(draft_changes.c.number == number)
                one = connection.execute(query).scalar_one_or_none()
            if one is None:
                raise no_draft()
            yield one

    def remove_expired(self, keep_s: float) -> int:
        """Deletes the drafts that were last opened or changed longer ago than this, except those
        under a legal hold; their number.

        Writes only if there are any: every process does this again and again.
        """
        held = exists().where(jobs.c.id == drafts.c.job, held_job())
        old = (drafts.c.updated_at < self._database.now - keep_s) & ~held
        with self._database.read() as connection:
            if connection.execute(select(drafts.c.id).where(old).limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            return connection.execute(delete(drafts).where(old)).rowcount


def _new(job_id: str, reader: str, base: DraftBase, mask: tuple[str, str], now: float) -> Draft:
    return Draft(
        id=uuid4().hex,
        job=job_id,
        reader=reader,
        base=base.review,
        mask_sha256=mask[0],
        mask_format=mask[1],
        voxels=base.voxels,
        labels=base.labels,
        largest=base.largest,
        created_at=now,
        updated_at=now,
    )


def _check_reader(reading: SecondReading | None, reader: str) -> None:
    """Raises what a review of the reader would raise in the end, before any work is lost."""
    if reading is None:
        return
    if not reader_key(reader):
        raise BadRequest(
            "The job is in a second reading, and the draft has no name.",
            expected="The name of the reader in `reader`.",
            hint="Enter your name, and begin again.",
        )
    check_not_looked(reading, reader)


def _base_mask(
    connection: Connection,
    reading: SecondReading | None,
    job_id: str,
    reader: str,
    review_id: str | None,
) -> tuple[str, str]:
    """Blob and format of the mask that is corrected; raises NotFound."""
    if review_id is None:
        query = select(jobs.c.mask_sha256, jobs.c.mask_format).where(jobs.c.id == job_id)
        row = connection.execute(query).one()
        return str(row.mask_sha256), str(row.mask_format)
    for review in shown(reading, reviews_of(connection, job_id), reader):
        if review.id == review_id and review.mask_sha256 is not None:
            return review.mask_sha256, str(review.mask_format)
    raise no_corrected_mask()


def _sha256(connection: Connection, draft: Draft) -> str | None:
    """Checksum of the last set of changes; None without one."""
    last = (draft_changes.c.draft == draft.id) & (draft_changes.c.number == draft.changes)
    return connection.execute(select(draft_changes.c.sha256).where(last)).scalar_one_or_none()


def _with(draft: Draft, changes: ChangeSet, now: float) -> Draft:
    return replace(
        draft,
        changes=changes.number,
        bytes=draft.bytes + len(changes.packed),
        runs=draft.runs + changes.runs,
        painted=draft.painted + changes.painted,
        seconds=draft.seconds + changes.seconds,
        updated_at=now,
    )


def _check_limits(draft: Draft) -> None:
    painted = max(MOST_REPAINTS * draft.voxels, SMALL_VOXELS)
    for number, most, what in (
        (draft.changes, MOST_CHANGES, "sets of changes"),
        (draft.bytes, MOST_BYTES, "bytes"),
        (draft.runs, MOST_RUNS, "runs of voxels"),
        (draft.painted, painted, "changed voxels"),
    ):
        if number > most:
            raise ScanTooLarge(
                f"The draft has {number:,} {what} with these.",
                expected=f"At most {most:,} {what} in a draft.",
                hint="Save the correction, and begin another one with it as its base.",
            )
