"""Drafts: corrections of masks that are saved while the reader works on them."""

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Query, Request, Response

from service.auth import Permission, Principal
from service.http.dependencies import DraftEditsDep, DraftsDep, ViewThreadsDep
from service.http.downloads import file_response
from service.http.file_content import file_content
from service.http.permissions import Allowed
from service.http.readers import ReaderDep
from service.http.router import Router
from service.routes.review_serializers import draft_out
from service.schemas import ChangeNumber, DraftIn, DraftOut, DraftsOut, Identifier, JobId
from service.use_cases.draft_edits import MEDIA_TYPE

router = Router(tags=["reviews"])

_CONTENT: dict[str, Any] = file_content(MEDIA_TYPE)
_CHANGES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The runs of all sets, as one gzip stream.", "content": _CONTENT}
}
MOST_LISTED = 1_000
"""Maximum number of drafts in a response."""
_DraftId = Annotated[Identifier, Query(description="Id of the draft.")]
_KnownDraft = Annotated[
    Identifier | None, Query(description="Id of the draft; a 409 if the reader has another one.")
]
Corrector = Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)]


@router.put("/v1/jobs/{job_id}/draft")
def begin_draft(
    job_id: JobId,
    edits: DraftEditsDep,
    principal: Corrector,
    body: DraftIn = DraftIn(),  # noqa: B008 - it is never changed
) -> DraftOut:
    """Begins a correction of a mask, or returns the one that the reader has begun.

    A draft belongs to its reader: no other reader sees it. It is saved with `draft` in POST
    .../reviews. One that nobody opens or changes for 30 days (`TESSERA_DRAFT_KEEP_S`) is deleted.
    """
    reader = principal.reader or body.reader
    return draft_out(edits.begin(principal.project, job_id, reader, body.base))


@router.get("/v1/jobs/{job_id}/draft")
def get_draft(
    job_id: JobId,
    drafts: DraftsDep,
    reader: ReaderDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
) -> DraftOut:
    """The correction that the reader has begun; a 404 if there is none."""
    return draft_out(drafts.get(principal.project, job_id, reader.of(principal)))


@router.get("/v1/jobs/{job_id}/drafts")
def list_drafts(
    job_id: JobId,
    drafts: DraftsDep,
    reader: ReaderDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
) -> DraftsOut:
    """The correction that the reader has begun; an empty list if there is none."""
    found = drafts.of_reader(principal.project, job_id, reader.of(principal))
    return DraftsOut(drafts=[draft_out(one) for one in found])


@router.get("/v1/drafts")
def list_all_drafts(
    drafts: DraftsDep,
    reader: ReaderDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
) -> DraftsOut:
    """The corrections with changes that the reader has begun and not saved, of all jobs; the newest
    first, at most 1,000."""
    found = drafts.of_project(principal.project, reader.of(principal), MOST_LISTED)
    return DraftsOut(drafts=[draft_out(one) for one in found])


@router.delete("/v1/jobs/{job_id}/draft", status_code=204)
def give_up_draft(
    job_id: JobId,
    drafts: DraftsDep,
    reader: ReaderDep,
    principal: Corrector,
    draft: _KnownDraft = None,
) -> None:
    """Deletes the correction that the reader has begun, with all its changes."""
    drafts.give_up(principal.project, job_id, reader.of(principal), draft)


@router.put(
    "/v1/jobs/{job_id}/draft/changes/{number}",
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
async def append_changes(
    job_id: JobId,
    number: ChangeNumber,
    draft: _DraftId,
    request: Request,
    edits: DraftEditsDep,
    reader: ReaderDep,
    principal: Corrector,
    seconds: Annotated[
        float,
        Query(ge=0, le=86_400, description="How long the reader has worked since the last set."),
    ] = 0.0,
) -> DraftOut:
    """Stores the next set of changes. Once this has a response, the set is on the disk.

    The body is a gzip stream of runs, at most 16 MiB and 4,194,304 runs. A run is three
    little-endian uint32, `start`, `length` and `value`: the voxels with the flat indices `start` to
    `start + length - 1` get the label `value`, which is 0 or a label of the mask. Flat indices are
    those of the mask as `nifti`: on the scan's own grid, with the first axis fastest. Runs apply in
    their order.

    The last set may be sent again. Any other number is a 409 (`draft-changed`): another page has
    sent changes.
    """
    packed = await request.body()
    args = (principal.project, job_id, reader.of(principal), draft, number, packed, seconds)
    return draft_out(await run_sync(edits.append, *args))


@router.get(
    "/v1/jobs/{job_id}/draft/changes",
    response_class=Response,
    responses=_CHANGES,
)
async def get_changes(
    job_id: JobId,
    edits: DraftEditsDep,
    reader: ReaderDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
    draft: _KnownDraft = None,
) -> Response:
    """All changes of the correction that the reader has begun, with which a page goes on."""
    name = reader.of(principal)
    return file_response(await threads.run(edits.changes, principal.project, job_id, name, draft))
