"""Viewers: who else has a job open, so that two readers do not judge it without knowing."""

from typing import Annotated

from service.auth import Permission, Principal
from service.http.dependencies import ViewersDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.review_serializers import viewer_out
from service.schemas import JobId, ViewerId, ViewerIn, ViewersOut

router = Router(tags=["reviews"])


@router.put("/v1/jobs/{job_id}/viewers/{viewer_id}")
def renew_viewer(
    job_id: JobId,
    viewer_id: ViewerId,
    viewers: ViewersDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
    body: ViewerIn = ViewerIn(),  # noqa: B008 - it is never changed
) -> ViewersOut:
    """Reports that a page shows a job, and returns who else has it open.

    A page that does not repeat this for 30 seconds counts as closed. It blocks nobody: anyone may
    still review the job.
    """
    name = principal.reader or body.reader
    others = viewers.renew(principal.project, job_id, viewer_id, name)
    return ViewersOut(account=principal.reader, others=[viewer_out(one) for one in others])


@router.delete("/v1/jobs/{job_id}/viewers/{viewer_id}", status_code=204)
def remove_viewer(
    job_id: JobId,
    viewer_id: ViewerId,
    viewers: ViewersDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
) -> None:
    """Reports that a page no longer shows a job."""
    viewers.remove(principal.project, job_id, viewer_id)
