"""Second readings: several readers judge one mask, and none sees the others' verdicts."""

import csv
import io
import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Response

from imaging.errors import BadRequest, Conflict
from jobs.audit.event import AuditObject
from jobs.repository import JobReading
from jobs.repository.reading_rows import shown_names
from jobs.second_reading import sample
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import ReadingsDep, SecondReadingsDep
from service.http.permissions import Allowed
from service.http.readers import ReaderDep
from service.http.router import Router
from service.routes.job_filters import JobFilterDep, of_caller
from service.routes.reading_serializers import (
    agreement_table,
    options_of,
    reader_agreement_out,
    second_reading_out,
)
from service.routes.review_serializers import review_out
from service.schemas import JobId, ReviewOut, Text
from service.schemas.reviews import ViewerIn
from service.schemas.second_readings import (
    ReaderAgreementOut,
    SecondReadingOut,
    SecondReadingRequest,
    SecondReadingsIn,
    SecondReadingsOut,
)
from service.use_cases import reader_agreement

router = Router(tags=["reviews"])

MOST_JOBS = 10_000
"""Most jobs that one request puts up."""
_CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A table in UTF-8 with a line for each job.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}
Readers = Annotated[
    list[Annotated[Text, Query(max_length=200)]],
    Query(
        max_length=2,
        description="Only jobs whose first two readings are by this reader, or by these two. The "
        "first one is then the first rater. Jobs whose names are hidden are left out.",
    ),
]


@router.put("/v1/jobs/{job_id}/second-reading")
def request_second_reading(
    job_id: JobId,
    readings: ReadingsDep,
    principal: Annotated[Principal, Allowed(Permission.READINGS_MANAGE)],
    body: SecondReadingRequest = SecondReadingRequest(),  # noqa: B008 - it is never changed
) -> SecondReadingOut:
    """Puts a job up for a second reading, also before it has a mask.

    The verdict that the job has is the first reading, and is no longer shown to other readers. The
    same request again changes nothing; another one is a 409.
    """
    by, options = principal.reader or body.reader, options_of(body)
    readings.request(principal.project, [job_id], options, by, time.time())
    reading = readings.get(principal.project, job_id)
    if reading.options != options:
        raise Conflict(
            "The job has a second reading with other options.",
            expected="The options that the second reading has.",
            hint="Cancel the second reading, and request it again.",
        )
    return second_reading_out(reading, by)


@router.get("/v1/jobs/{job_id}/second-reading")
def get_second_reading(
    job_id: JobId,
    use_case: SecondReadingsDep,
    reader: ReaderDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
) -> SecondReadingOut:
    """How far the second reading of a job is; a 404 if it has none."""
    return second_reading_out(use_case.get(principal.project, job_id), reader.of(principal))


@router.delete("/v1/jobs/{job_id}/second-reading", status_code=204)
def cancel_second_reading(
    job_id: JobId,
    use_case: SecondReadingsDep,
    principal: Annotated[Principal, Allowed(Permission.READINGS_MANAGE)],
) -> None:
    """Cancels a second reading that is not complete.

    All reviews are shown, and the newest one is the job's verdict. Where readings were given and
    are still hidden, this needs the permission `readings:unblind`, too.
    """
    may_unblind = principal.has(Permission.READINGS_UNBLIND)
    use_case.cancel(principal.project, job_id, may_unblind=may_unblind)


@router.post("/v1/jobs/{job_id}/second-reading/unblind")
def unblind_second_reading(
    job_id: JobId,
    readings: ReadingsDep,
    principal: Annotated[Principal, Allowed(Permission.READINGS_UNBLIND)],
    body: ViewerIn = ViewerIn(),  # noqa: B008 - it is never changed
) -> list[ReviewOut]:
    """Shows all reviews to the caller, also while the second reading is open.

    This is recorded in the second reading. The caller can then not give one of the readings.
    """
    name = principal.reader or body.reader
    readings.get(principal.project, job_id)
    if not name.strip():
        raise BadRequest(
            "The request has no name.",
            expected="The name of who looks at the readings, in `reader`.",
            hint="Enter your name: it is recorded.",
        )
    known = readings.unblind(principal.project, job_id, name, time.time())
    return [review_out(review) for review in known]


@router.post("/v1/second-readings", status_code=201)
def request_second_readings(
    body: SecondReadingsIn,
    wanted: JobFilterDep,
    readings: ReadingsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.READINGS_MANAGE)],
) -> SecondReadingsOut:
    """Puts many jobs up for a second reading: those that the query selects, or a share of them.

    The query is that of GET /v1/jobs, such as `model=` and `verdict=accepted`. Jobs that have a
    second reading are left out.
    """
    if body.jobs is None:
        ids = readings.without(principal.project, of_caller(wanted, principal))
    else:
        ids = list(dict.fromkeys(body.jobs))
    chosen = sample(ids, body.share, body.seed)
    if len(chosen) > MOST_JOBS:
        raise BadRequest(
            f"The request selects {len(chosen)} jobs.",
            expected=f"At most {MOST_JOBS} jobs.",
            hint="Choose a smaller share, or a filter that selects fewer jobs.",
        )
    by = principal.reader or body.reader
    new = readings.request(principal.project, chosen, options_of(body), by, time.time())
    audited.add(AuditObject.JOB, *new)
    return SecondReadingsOut(jobs=new, selected=len(ids))


@router.get("/v1/second-readings/agreement")
def get_reader_agreement(
    wanted: JobFilterDep,
    readings: ReadingsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
    reader: Readers = [],  # noqa: B006 - FastAPI copies it
) -> ReaderAgreementOut:
    """How often two readers agree, over the jobs that the query selects, as in GET /v1/jobs.

    Jobs whose second reading is open are not part of it.
    """
    compared = reader_agreement.rows(
        readings, principal.project, of_caller(wanted, principal), reader
    )
    return reader_agreement_out(reader_agreement.agreement_of(compared, reader))


@router.get("/v1/second-readings/agreement.csv", response_class=Response, responses=_CSV)
def get_reader_agreement_table(
    wanted: JobFilterDep,
    readings: ReadingsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
    reader: Readers = [],  # noqa: B006
) -> Response:
    """The readings of each job that the query selects, as a table."""
    compared = reader_agreement.rows(
        readings, principal.project, of_caller(wanted, principal), reader
    )
    return Response(
        _table(compared, principal.reader),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="reader-agreement.csv"'},
    )


def _table(compared: Sequence[JobReading], reader: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(agreement_table(compared, lambda one: shown_names(one.reading, reader)))
    return text.getvalue()
