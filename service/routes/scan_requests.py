"""What all requests that make scans of files have in common: their options and the response."""

from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from jobs.audit.event import AuditObject
from service.http.audited import AuditedObjects
from service.routes.scan_serializers import refused_out, scan_out, uploaded_mask_out
from service.schemas import ScanOut, ScansOut
from service.use_cases.scan_intake import IntakeResult, ScanSelection


class UploadOptions(BaseModel):
    """Which DICOM series, or which parts of a file, become scans, and how."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    series: Annotated[str | None, Field(pattern=r"^[0-9.]{1,64}$")] = None
    """SeriesInstanceUID."""
    stack: Annotated[int | None, Field(ge=1)] = None
    """Number of the volume in the series, from 1."""
    volume: Annotated[int | None, Field(ge=1)] = None
    """Number of the time point, frame, component or page in the file, from 1."""
    each: bool = False
    """Makes a scan of each series, volume and part; of localizers only if there is nothing else."""
    resample: bool = False
    """Resamples tilted or unevenly spaced slices; a DICOM mask is mapped back to the slices."""
    deidentify: bool = False
    """De-identifies by the Basic Profile of DICOM PS3.15, with consistent pseudonyms."""

    @property
    def selection(self) -> ScanSelection:
        """The options as scan intake takes them."""
        return ScanSelection(**self.model_dump())


def scans_out(
    result: IntakeResult, options: UploadOptions, response: Response, audited: AuditedObjects
) -> ScanOut | ScansOut:
    """The scan, or with `each` all of them; 201 if one of them or a mask is new, else 200."""
    audited.add(AuditObject.SCAN, *(taken.scan.id for taken in result.taken))
    new = any(taken.created for taken in result.taken)
    new = new or any(one.mask is not None and one.mask.created for one in result.masks)
    response.status_code = 201 if new else 200
    masks = [uploaded_mask_out(mask) for mask in result.masks]
    scans = [scan_out(taken.scan) for taken in result.taken]
    if options.each:
        refused = [refused_out(one) for one in result.refused]
        return ScansOut(scans=scans, refused=refused, masks=masks)
    response.headers["Location"] = f"/v1/scans/{scans[0].id}"
    return scans[0].model_copy(update={"masks": masks})
