"""Rows of drafts, as part of a caller's transaction."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, select

from imaging.errors import DraftChanged, DraftOpen, NotFound
from jobs.draft import Draft, DraftState, check_changes
from jobs.repository.rows import Row
from jobs.repository.schema.review_tables import drafts
from jobs.second_reading import reader_key


def draft_of(row: Row) -> Draft:
    """The draft of a row of `drafts`."""
    values = {name: row[name] for name in Draft.__dataclass_fields__}
    return Draft(**values | {"labels": tuple(row["labels"])})


def find_draft(
    connection: Connection, job_id: str, reader: str, *, lock: bool = False
) -> Draft | None:
    """The reader's draft of a job, None without one; `lock` holds off other changes of it."""
    query = select(drafts).where(_mine(job_id, reader))
    if lock:
        query = query.with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else draft_of(row)


def get_draft(
    connection: Connection,
    job_id: str,
    reader: str,
    draft_id: str | None = None,
    *,
    lock: bool = False,
) -> Draft:
    """The reader's draft of a job; raises NotFound without one, and DraftChanged if it is another
    one than `draft_id`."""
    draft = find_draft(connection, job_id, reader, lock=lock)
    if draft is None:
        raise no_draft()
    if draft_id is not None and draft.id != draft_id:
        raise DraftChanged(
            "The draft was given up, and another one was begun.",
            expected="The id of the draft that there is now.",
            hint="Read the draft again with GET /v1/jobs/{job_id}/draft.",
        )
    return draft


def close_draft(connection: Connection, job_id: str, known: DraftState) -> Draft:
    """Deletes a draft that becomes a review, and returns it.

    Raises NotFound, or DraftChanged if it has other changes than the caller knows.
    """
    draft = get_draft(connection, job_id, known.reader, known.id, lock=True)
    check_changes(draft, known.changes)
    connection.execute(delete(drafts).where(drafts.c.id == draft.id))
    return draft


def pass_over_draft(connection: Connection, job_id: str, reader: str, draft_id: str) -> bool:
    """Deletes the reader's draft of a job if it is this one, before a verdict on another mask.

    Returns whether it did. Raises DraftOpen if the reader has another draft with changes.
    """
    draft = find_draft(connection, job_id, reader, lock=True)
    if draft is None:
        return False
    if draft.id == draft_id:
        connection.execute(delete(drafts).where(drafts.c.id == draft.id))
        return True
    if draft.changes > 0:
        raise DraftOpen(
            "You have a correction of this mask that is not saved. Your verdict was not saved.",
            expected="A saved or discarded correction, or its id in `discards`.",
            hint="Save the correction as your verdict, or discard it.",
        )
    return False


def drafted_jobs(connection: Connection, job_ids: Collection[str], reader: str) -> set[str]:
    """Those of these jobs of which the reader has a draft with changes."""
    of_reader = (drafts.c.reader_key == reader_key(reader)) & (drafts.c.changes > 0)
    query = select(drafts.c.job).where(of_reader)
    return set(connection.execute(query).scalars()) & set(job_ids)


def no_draft() -> NotFound:
    """The error for a draft that does not exist, is another reader's, or was saved or given up."""
    return NotFound(
        "There is no such draft of this reader.",
        expected="A draft that was begun, and neither saved nor given up.",
        hint="Begin one with PUT /v1/jobs/{job_id}/draft.",
    )


def _mine(job_id: str, reader: str) -> ColumnElement[bool]:
    return (drafts.c.job == job_id) & (drafts.c.reader_key == reader_key(reader))
