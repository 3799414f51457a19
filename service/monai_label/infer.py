"""Inference: a mask for an image, a session's image or an uploaded file."""

from typing import Annotated

from anyio.to_thread import run_sync
from fastapi import Depends, Request, Response

from imaging.errors import Conflict
from jobs.audit.event import AuditObject
from jobs.job import JobState
from jobs.stored_scan import StoredScan
from service.auth import Permission, Principal
from service.http import errors
from service.http.audited import AuditedDep
from service.http.dependencies import (
    ImageSessionsDep,
    NamedScansDep,
    ScansDep,
    UploadSpaceDep,
    UploadThreadsDep,
    UsableModelsDep,
    ViewThreadsDep,
    provided,
)
from service.http.multipart import base_name
from service.http.permissions import Allowed
from service.http.router import Router
from service.monai_label.endpoint import endpoint
from service.monai_label.form import Form, received_form
from service.monai_label.image_lookup import ImageLookupDep
from service.monai_label.infer_params import InferParams, Output
from service.monai_label.infer_response import InferResponses
from service.monai_label.segmentation import Segmentations

router = Router()


class ImageChoice:
    """The image that a request names: as a parameter, as a session, or as a file in the form."""

    def __init__(
        self,
        scans: NamedScansDep,
        images: ImageLookupDep,
        rows: ScansDep,
        sessions: ImageSessionsDep,
        threads: UploadThreadsDep,
        image: str = "",
        session_id: str = "",
    ) -> None:
        self._scans, self._images, self._rows, self._sessions = scans, images, rows, sessions
        self._threads = threads
        self._image, self._session_id = base_name(image), session_id

    async def scan(self, form: Form, principal: Principal) -> StoredScan:
        """The session's image, else the uploaded file, else the named image.

        Raises Forbidden for an uploaded file if the principal may not write scans.
        """
        if self._session_id:
            session = await run_sync(self._sessions.use, principal.project, self._session_id)
            return await run_sync(self._rows.get, principal.project, session.scan)
        files = form.all_files("file")
        if files:
            principal.require(Permission.SCANS_WRITE)
            return await self._threads.run(
                self._scans.take_in, principal.project, files, self._image
            )
        return await self._images.find(principal, self._image)


@endpoint(router, "POST", "/infer/{model}")
async def infer(
    model: str,
    request: Request,
    models: UsableModelsDep,
    space: UploadSpaceDep,
    choice: Annotated[ImageChoice, Depends()],
    segmentations: Annotated[Segmentations, provided(Segmentations)],
    responses: Annotated[InferResponses, provided(InferResponses)],
    threads: ViewThreadsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CREATE)],
    output: Output = "",
) -> Response:
    """Segments an image and waits for the mask; a mask that exists already is sent at once."""
    card = (await run_sync(models.get, principal.project, model)).card
    async with received_form(request, space) as form:
        params = InferParams.parse(form.json("params"))
        scan = await choice.scan(form, principal)
    audited.add(AuditObject.SCAN, scan.id)
    job = await segmentations.finished(scan, card, request.is_disconnected)
    audited.add(AuditObject.JOB, job.id)
    if job.state is JobState.FAILED:
        return errors.problem_response(errors.stored(job.error or {}))
    if job.state is JobState.CANCELLED:
        raise Conflict(
            "The job was cancelled.",
            expected="A job that runs to its end.",
            hint="Send the request again to start another job.",
        )
    return await threads.run(responses.respond, job, scan, card, params, output)
