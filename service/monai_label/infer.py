"""Inference: an image, a session or a file, and a model's name, to a mask."""

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from imaging.errors import Conflict
from jobs.job import JobState, StoredScan
from service.http import errors
from service.monai_label import image_names, infer_response, segmentation
from service.monai_label.endpoint import serves
from service.monai_label.form import Form, received
from service.monai_label.images import kept
from service.monai_label.infer_params import Asked, Output
from service.parts import OwnerDep, Parts, PartsDep

router = APIRouter()


@serves(router, "POST", "/infer/{model}")
async def infer(
    model: str,
    request: Request,
    parts: PartsDep,
    project: OwnerDep,
    image: str = "",
    session_id: str = "",
    output: Output = "",
) -> Response:
    """Has a model segment an image and waits for the mask; a mask that is there comes at once."""
    card = (await run_sync(parts.registry.get, model)).card
    async with received(request, parts) as form:
        asked = Asked.of(form.json("params"))
        scan = await _scan(parts, project, form, image, session_id)
    job = await segmentation.finished(parts, request, scan, card)
    if job.state is JobState.FAILED:
        return errors.respond(errors.stored(job.error or {}))
    if job.state is JobState.CANCELLED:
        raise Conflict("The job was cancelled.", hint="Ask again to have it done.")
    return await parts.show(infer_response.respond, parts, job, scan, card, asked, output)


async def _scan(parts: Parts, project: str, form: Form, image: str, session_id: str) -> StoredScan:
    """The session's image, else the file that came, else the image that is named."""
    if session_id:
        session = await run_sync(parts.repository.sessions.use, project, session_id)
        return await run_sync(parts.repository.scans.get, project, session.scan)
    if form.uploads("file"):
        return await parts.take_in(kept, parts, project, form.uploads("file"), image)
    return await run_sync(image_names.image, parts, project, image)
