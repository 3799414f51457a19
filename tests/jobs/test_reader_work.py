"""What readers made on a scan outlives a session, on both databases."""

from collections.abc import Callable

import pytest
from sqlalchemy import update

from jobs.assignment import Assignment
from jobs.draft import DraftBase
from jobs.image_name import ImageName
from jobs.repository import Repository
from jobs.repository.schema.job_tables import jobs
from tests.support.finished_rows import add_finished
from tests.support.second_readings import review_of

SESSION = ImageName("ada", "session", "scan", 1.0, 1.0, 2.0, owns_scan=True)


def _draft(repository: Repository) -> None:
    repository.drafts.begin("ada", "job", "Rita", DraftBase(None, 6000, (1, 2), None))


def _assigned(repository: Repository) -> None:
    repository.assignments.assign("ada", [Assignment("job", None)], "Rita")


def _review(repository: Repository) -> None:
    repository.reviews.add("ada", review_of("a", "Rita"), None)


def _uploaded(repository: Repository) -> None:
    with repository.database.write() as connection:
        connection.execute(update(jobs).values(uploaded_by="Rita"))


@pytest.mark.parametrize("made", [_draft, _assigned, _review, _uploaded])
def test_a_session_needs_its_scan_as_soon_as_readers_made_something(
    stocked: Repository, made: Callable[[Repository], None]
) -> None:
    add_finished(stocked, "job")
    assert not stocked.sessions.has_reader_work(SESSION), "a job can be run again"
    made(stocked)
    assert stocked.sessions.has_reader_work(SESSION)
