"""The assistant: strokes of a reader refine a label of a mask."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from imaging.assistance.assistants import DEFAULT
from imaging.box import Box
from service.auth import Permission, Principal
from service.http.dependencies import AssistanceDep, AssistantThreadsDep
from service.http.file_content import file_content
from service.http.permissions import Allowed
from service.http.router import Router
from service.schemas import AssistantName, JobId
from service.use_cases.draft_edits import MEDIA_TYPE

router = Router(tags=["reviews"])

_CONTENT: dict[str, Any] = file_content(MEDIA_TYPE)
_CHANGES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The voxels that change, as a gzip stream of runs.", "content": _CONTENT}
}
_Edge = Annotated[int, Query(ge=0, lt=1 << 32)]
_Low = Annotated[
    list[_Edge], Query(min_length=3, max_length=3, description="First voxel of the box: i, j, k.")
]
_High = Annotated[
    list[_Edge],
    Query(min_length=3, max_length=3, description="Voxel after the last one of the box: i, j, k."),
]


@router.post(
    "/v1/jobs/{job_id}/assistance",
    response_class=Response,
    responses=_CHANGES,
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
async def refine_label(
    job_id: JobId,
    low: _Low,
    high: _High,
    request: Request,
    assistance: AssistanceDep,
    threads: AssistantThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
    assistant: Annotated[AssistantName, Query(description="The method.")] = DEFAULT,
) -> Response:
    """Refines one label of the job's mask inside a box, from strokes of a reader. Nothing is
    stored.

    The body is a gzip stream of runs as in a draft, at most 16 MiB: three little-endian uint32,
    `start`, `length` and `value`, with flat indices of the mask as `nifti`. The value 1 marks the
    voxels that have the label now, 2 a stroke on voxels that belong to it, 3 a stroke on voxels
    that do not. All voxels are inside the box, which has at most 4,194,304 voxels.

    The response has the voxels that change: the value is 1 for those that get the label, 0 for
    those that lose it. A stroke that the mask agrees with changes nothing. The scan is the job's
    first one.
    """
    marks = await request.body()
    box = Box(tuple(low), tuple(high))
    args = (principal.project, job_id, box, marks, assistant)
    changes = await threads.run(assistance.refine, *args)
    return Response(changes, media_type=MEDIA_TYPE)
