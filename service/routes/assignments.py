"""Assignments: which reader is to judge a job. It informs readers, and forbids nobody to judge."""

from typing import Annotated

from jobs.assignment import Assigned, Assignment
from jobs.audit.event import AuditObject
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import AssignmentsDep, JobStatusesDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.job_serializers import job_out
from service.schemas import (
    AssigneeIn,
    AssignmentOut,
    AssignmentsIn,
    AssignmentsOut,
    JobId,
    JobOut,
)

router = Router(tags=["reviews"])


@router.put("/v1/jobs/{job_id}/assignee")
def assign_job(
    job_id: JobId,
    body: AssigneeIn,
    assignments: AssignmentsDep,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_ASSIGN)],
) -> JobOut:
    """Assigns a job to a reader, or to nobody. With `seen`, a job that was assigned to somebody
    else meanwhile is a 409."""
    wanted = Assignment(job_id, body.seen)
    assignments.assign_one(principal.project, wanted, body.assignee)
    return job_out(statuses.get(principal.project, job_id))


@router.post("/v1/assignments")
def assign_jobs(
    body: AssignmentsIn,
    assignments: AssignmentsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_ASSIGN)],
) -> AssignmentsOut:
    """Assigns up to 1,000 jobs to a reader, or to nobody, and says what became of each.

    To send it again changes nothing.
    """
    wanted = [Assignment(job.id, job.seen) for job in body.jobs]
    outcomes = assignments.assign(principal.project, wanted, body.assignee)
    audited.add(AuditObject.JOB, *(job for job, one in outcomes.items() if one is Assigned.DONE))
    return AssignmentsOut(
        results=[AssignmentOut(job=job, outcome=outcome) for job, outcome in outcomes.items()]
    )
