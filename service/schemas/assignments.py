"""Assignments of jobs to readers."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from jobs.assignment import Assigned
from jobs.batch_review import MOST_JOBS
from service.schemas.fields import Identifier, Wire, one_line

AssigneeName = Annotated[
    str,
    StringConstraints(pattern=r"^[^\x00]*$", max_length=200, strip_whitespace=True),
    AfterValidator(one_line),
]
"""Name of a reader; empty for nobody."""


class AssigneeIn(Wire):
    """Who is to judge a job."""

    assignee: AssigneeName
    """Name of the reader, as in reviews; empty for nobody."""
    seen: AssigneeName | None = None
    """The reader that the caller knows, empty for none. If the job has another one, the request is
    refused with a 409. Null: the job is assigned in any case."""


class AssignedJobIn(Wire):
    """A job that is assigned together with others."""

    id: Identifier
    seen: AssigneeName | None = None
    """As in a single assignment."""


class AssignmentsIn(Wire):
    """Who is to judge several jobs."""

    assignee: AssigneeName
    """Name of the reader, as in reviews; empty for nobody."""
    jobs: Annotated[list[AssignedJobIn], Field(min_length=1, max_length=MOST_JOBS)]


class AssignmentOut(Wire):
    """What became of the assignment of one job."""

    job: str
    outcome: Assigned
    """`done`: the job has the reader. `changed`: it has another reader than `seen`, and keeps it.
    `not-found`: there is no such job."""


class AssignmentsOut(Wire):
    """What became of each assignment, in the order of the request."""

    results: list[AssignmentOut]
