"""Scans: sent, listed, looked at, deleted."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from service.http import etags
from service.http.uploads import uploaded
from service.parts import OwnerDep, PartsDep
from service.routes import serializers
from service.schemas import Cursor, Identifier, ScanOut, ScanPage, ScansOut
from service.use_cases import results, scan_intake
from service.use_cases.scan_intake import Asked

router = APIRouter(tags=["scans"])


class AskedIn(BaseModel):
    """Which of the DICOM series in an upload are meant, and how they are to be taken."""

    series: Annotated[str | None, Field(pattern=r"^[0-9.]{1,64}$")] = None
    """SeriesInstanceUID."""
    stack: Annotated[int | None, Field(ge=1)] = None
    """Volume of the series, from 1."""
    each: bool = False
    """A scan of each, localizers apart."""
    resample: bool = False
    """Tilted or uneven slices are resampled; a DICOM mask is brought back to them."""
    deidentify: bool = False
    """By the Basic Profile of DICOM PS3.15, with consistent pseudonyms."""


_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "One scan (NIfTI, NRRD, PNG, JPEG, TIFF, OME-Zarr in a "
                            "zip, DICOM), or the files of a DICOM series or study, alone or in a "
                            "zip or tar.",
                        }
                    },
                }
            }
        },
    }
}
_NIFTI: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The scan as NIfTI.",
        "content": {results.NIFTI: {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "The caller's copy is still good."},
}


@router.post(
    "/v1/scans",
    status_code=201,
    responses={
        200: {"model": ScanOut | ScansOut, "description": "The same scan was here already."}
    },
    openapi_extra=_FORM,
)
async def upload_scan(
    request: Request,
    response: Response,
    parts: PartsDep,
    project: OwnerDep,
    asked: Annotated[AskedIn, Query()],
) -> ScanOut | ScansOut:
    """Takes files in, streamed; a scan is recognised by its content, proved whole, then stored.

    Several scans in one upload are listed in the problem's `choices`; `series` and `stack` choose
    one of them, `each=true` makes a scan of each, localizers apart, and is answered with a list.
    """
    async with uploaded(request, parts.scratch, parts.settings.upload_bytes) as uploads:
        wish = Asked(**asked.model_dump())
        taken, refused = await parts.take_in(scan_intake.take_all, parts, project, uploads, wish)
    response.status_code = 201 if any(created for _, created in taken) else 200
    scans = [serializers.scan_out(scan) for scan, _ in taken]
    if asked.each:
        return ScansOut(scans=scans, refused=[serializers.refused_out(one) for one in refused])
    response.headers["Location"] = f"/v1/scans/{scans[0].id}"
    return scans[0]


@router.get("/v1/scans")
def list_scans(
    parts: PartsDep,
    project: OwnerDep,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ScanPage:
    """The scans that were sent, newest first; `next_cursor` leads to the next page."""
    scans, following = parts.repository.scans.page(project, cursor=cursor, limit=limit)
    return ScanPage(scans=[serializers.scan_out(scan) for scan in scans], next_cursor=following)


@router.get("/v1/scans/{scan_id}")
def get_scan(scan_id: Identifier, parts: PartsDep, project: OwnerDep) -> ScanOut:
    """What a scan is."""
    return serializers.scan_out(parts.repository.scans.get(project, scan_id))


@router.delete("/v1/scans/{scan_id}", status_code=204)
def delete_scan(scan_id: Identifier, parts: PartsDep, project: OwnerDep) -> None:
    """Deletes a scan and all that was made of it; refused while a job that uses it is not final."""
    scan_intake.discard(parts, project, scan_id)


@router.get("/v1/scans/{scan_id}/volume", response_class=Response, responses=_NIFTI)
async def get_volume(
    scan_id: Identifier, request: Request, parts: PartsDep, project: OwnerDep
) -> Response:
    """The scan as a NIfTI that a viewer can load; a picture becomes a volume of one slice."""
    scan = await parts.show(parts.repository.scans.get, project, scan_id)
    tag = f"{scan.sha256}-volume"
    if etags.known(request, tag):
        return etags.unchanged(tag)
    return await parts.show(results.volume, parts, scan, tag)
