"""Assignments of jobs to readers."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from imaging.errors import Conflict
from jobs.assignment import NOBODY, Assigned, Assignment
from jobs.repository.database import Database
from jobs.repository.job_rows import chunks, no_job
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.worklist_tables import worklist


class Assignments:
    """Who is to judge which job. It informs readers, and forbids nobody to judge a job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def assign(
        self, project: str, wanted: Sequence[Assignment], assignee: str
    ) -> dict[str, Assigned]:
        """Gives the jobs to a reader, or to NOBODY; job id -> what became of it.

        A job that has the reader already is done, so that the request may be sent again.
        """
        seen = {one.job: one.seen for one in wanted}
        with self._database.write() as connection:
            known = _locked(connection, project, list(seen))
            outcomes = {
                job: _outcome(known.get(job), expected, assignee) for job, expected in seen.items()
            }
            changed = [known[job][0] for job, one in outcomes.items() if one is Assigned.DONE]
            for rows in chunks(changed):
                these = update(worklist).where(worklist.c.seq.in_(rows))
                connection.execute(these.values(assignee=assignee or None))
        return outcomes

    def assign_one(self, project: str, wanted: Assignment, assignee: str) -> None:
        """As `assign`; raises NotFound, or Conflict if the job has another reader than `seen`."""
        outcome = self.assign(project, [wanted], assignee)[wanted.job]
        if outcome is Assigned.NOT_FOUND:
            raise no_job()
        if outcome is Assigned.CHANGED:
            raise Conflict(
                "The job was assigned to another reader meanwhile. Nothing was changed.",
                expected="The job's present reader in `seen`, empty for none.",
                hint="Read the job with GET /v1/jobs/{job_id}, then decide again.",
            )


def _outcome(row: tuple[int, str] | None, expected: str | None, assignee: str) -> Assigned:
    if row is None:
        return Assigned.NOT_FOUND
    is_known = expected is None or row[1] in (expected, assignee)
    return Assigned.DONE if is_known else Assigned.CHANGED


def _locked(connection: Connection, project: str, ids: list[str]) -> dict[str, tuple[int, str]]:
    """Job id -> its place and its reader; the rows are locked in the order of jobs."""
    places = lock_jobs(connection, project, ids)
    rows: dict[str, tuple[int, str]] = {}
    by_seq = {seq: job for job, seq in places.items()}
    for seqs in chunks(sorted(by_seq)):
        query = select(worklist.c.seq, worklist.c.assignee).where(worklist.c.seq.in_(seqs))
        for seq, assignee in connection.execute(query):
            rows[by_seq[seq]] = (seq, assignee or NOBODY)
    return rows


def lock_jobs(connection: Connection, project: str, ids: Sequence[str]) -> dict[str, int]:
    """Locks those of these jobs that the project has; job id -> its place in their order.

    All transactions lock several jobs in this order, so that none waits for one that waits for it.
    """
    places: dict[str, int] = {}
    for some in chunks(ids):
        query = select(jobs.c.id, jobs.c.seq).where(jobs.c.project == project, jobs.c.id.in_(some))
        places.update((row.id, row.seq) for row in connection.execute(query))
    locked: set[int] = set()
    for seqs in chunks(sorted(places.values())):
        query = select(jobs.c.seq).where(jobs.c.seq.in_(seqs)).order_by(jobs.c.seq)
        locked.update(connection.execute(query.with_for_update(key_share=True)).scalars())
    return {job: seq for job, seq in places.items() if seq in locked}
