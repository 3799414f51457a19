"""The query parameters that choose the jobs of a list."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime

from jobs.job import JobState
from jobs.job_filter import JobFilter, Verdict
from jobs.second_reading import ReadingState
from service.auth import Principal
from service.schemas import AssigneeName, BatchId, Identifier, Modality, ModelName, Text

_Words = Annotated[Text, Query(max_length=200)]
_States = Annotated[
    list[JobState], Query(description="Only jobs in this state; repeat it for several states.")
]
_Verdicts = Annotated[
    list[Verdict],
    Query(
        description="Only jobs with this verdict, or `to_review` for those that have succeeded "
        "and have none; repeat it for several verdicts."
    ),
]
_Reviewer = Annotated[
    _Words | None, Query(description="Only jobs whose verdict has a review with this name.")
]
_Readings = Annotated[
    list[ReadingState],
    Query(
        description="Only jobs whose second reading is in this state; repeat it for several states."
    ),
]
_UnreadBy = Annotated[
    _Words | None,
    Query(
        description="Only jobs in a second reading without a reading under this name. A "
        "service with accounts uses the name of the account instead."
    ),
]
_Assignees = Annotated[
    list[AssigneeName],
    Query(
        description="Only jobs assigned to this reader, or, if it is empty, to nobody; repeat "
        "it for several readers."
    ),
]
_Scan = Annotated[
    Identifier | None,
    Query(description="Only jobs whose first scan is this one: their masks are on its grid."),
]
_Model = Annotated[ModelName | None, Query(description="Only jobs of this model.")]
_Batch = Annotated[BatchId | None, Query(description="Only jobs of this batch.")]
_Modality = Annotated[
    Modality | None,
    Query(description="Only jobs whose first scan has this DICOM modality, such as CT."),
]
_ScanText = Annotated[
    _Words | None,
    Query(
        description="Only jobs with all of these words in the names of their scans, or in the "
        "pseudonym of the patient of the first one."
    ),
]
_CreatedFrom = Annotated[
    AwareDatetime | None, Query(description="Only jobs created at this time or later.")
]
_CreatedBefore = Annotated[
    AwareDatetime | None, Query(description="Only jobs created before this time.")
]


def _job_filter(
    state: _States = [],  # noqa: B006 - FastAPI copies it
    verdict: _Verdicts = [],  # noqa: B006
    reviewer: _Reviewer = None,
    reading: _Readings = [],  # noqa: B006
    unread_by: _UnreadBy = None,
    assignee: _Assignees = [],  # noqa: B006
    scan: _Scan = None,
    model: _Model = None,
    batch: _Batch = None,
    modality: _Modality = None,
    text: _ScanText = None,
    created_from: _CreatedFrom = None,
    created_before: _CreatedBefore = None,
) -> JobFilter:
    return JobFilter(
        states=tuple(state),
        verdicts=tuple(verdict),
        reviewer=reviewer,
        assignees=tuple(assignee),
        readings=tuple(reading),
        unread_by=unread_by,
        scan=scan,
        model=model,
        batch=batch,
        modality=modality,
        text=text,
        created_from=None if created_from is None else created_from.timestamp(),
        created_before=None if created_before is None else created_before.timestamp(),
    )


JobFilterDep = Annotated[JobFilter, Depends(_job_filter)]


def of_caller(wanted: JobFilter, principal: Principal) -> JobFilter:
    """The filter, with the name of the caller's account: nobody learns who else has read a job."""
    if wanted.unread_by is None or not principal.reader:
        return wanted
    return replace(wanted, unread_by=principal.reader)
