"""Results: the mask, report and preview of a finished job."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from imaging.errors import BadRequest, Conflict
from imaging.formats.limits import Limits
from imaging.formats.mask_file import DICOM, SUFFIXES, read, write
from imaging.formats.nifti import write_volume
from imaging.formats.sniff import open_scan
from jobs.blobs import Blobs
from jobs.job import Job, JobState
from jobs.repository import Jobs, Scans
from jobs.review import Review
from jobs.stored_scan import StoredScan
from service.resources.scratch import Scratch
from service.use_cases.dicom_results import DicomResults
from service.use_cases.downloads import Download, stored_file, written_file
from service.use_cases.scan_views import NIFTI

DICOM_MEDIA = "application/dicom"
"""PS3.18 8.7.3, RFC 3240."""
MEDIA = {
    "nifti": NIFTI,
    "png": "image/png",
    "ome-tiff": "image/tiff",
    "ome-zarr": "application/zip",
    "nrrd": "application/octet-stream",
    **dict.fromkeys(DICOM, DICOM_MEDIA),
}
"""Mask format -> media type."""
REPORT_ENDING = ".sr.dcm"


@dataclass(frozen=True, slots=True)
class Results:
    """Reads and converts results, in flat memory."""

    jobs: Jobs
    scans: Scans
    blobs: Blobs
    scratch: Scratch
    limits: Limits
    dicom: DicomResults

    def finished_job(self, project: str, job_id: str) -> Job:
        """The project's job, which succeeded; raises NotFound, Conflict."""
        job = self.jobs.get(project, job_id)
        if job.state is JobState.SUCCEEDED:
            return job
        raise Conflict(
            f"The job is {job.state}: it has no mask.",
            expected="A job that succeeded.",
            hint="Wait until the job is finished. If it failed, its error says why.",
        )

    def mask_tag(self, job: Job, form: str) -> str:
        """Identifies the content of `mask`."""
        return f"{job.mask_sha256}-{form}"

    def mask(self, job: Job, form: str) -> Download:
        """A finished job's mask in the format `form`; an image's NIfTI is on `volume`'s grid.

        Raises BadRequest for a format that cannot hold the mask, and what `DicomResults` raises.
        """
        name, tag = f"mask-{job.id}{SUFFIXES[form]}", self.mask_tag(job, form)
        if form == job.mask_format:
            stored = stored_file(self.blobs, str(job.mask_sha256), name, MEDIA[form])
            return replace(stored, tag=tag)
        if form in DICOM:
            make = partial(self.dicom.write, job, form)
            return written_file(self.scratch, make, name, DICOM_MEDIA, tag)
        scan = self.scans.get(job.project, job.grid_scan)
        _check_convertible(form, scan)
        return self._converted(job, form, scan, name, tag)

    def dicom_report(self, job: Job) -> Download:
        """A finished job's measurements as a DICOM Structured Report."""
        make = partial(self.dicom.write, job, "dicom-sr")
        name, tag = f"report-{job.id}{REPORT_ENDING}", self.mask_tag(job, "dicom-sr")
        return written_file(self.scratch, make, name, DICOM_MEDIA, tag)

    def report(self, job: Job) -> Mapping[str, Any]:
        """A finished job's report."""
        return self.jobs.report(job.project, job.id)

    def preview(self, job: Job) -> Download:
        """A finished job's preview image."""
        name = f"preview-{job.id}.png"
        return stored_file(self.blobs, str(job.preview_sha256), name, MEDIA["png"])

    def corrected_mask(self, review: Review) -> Download:
        """The mask that a reviewer drew, in the format that it is stored in."""
        form = str(review.mask_format)
        name = f"corrected-{review.id}{SUFFIXES[form]}"
        return stored_file(self.blobs, str(review.mask_sha256), name, MEDIA[form])

    def _converted(self, job: Job, form: str, scan: StoredScan, name: str, tag: str) -> Download:
        with self.blobs.local(str(job.mask_sha256)) as source:
            stored = open_scan(source, self.limits, self.scratch.folder)
            placed = replace(
                stored, spacing_mm=scan.spacing_mm, format=scan.format, affine=np.array(scan.affine)
            )
            if form == "nifti":
                make = partial(write_volume, scan=placed)
                return written_file(self.scratch, make, name, NIFTI, tag)
            numbers = read(source, len(scan.shape) - 1, self.scratch.folder)
            name += ".zip" if form == "ome-zarr" else ""
            make = partial(write, mask=numbers, scan=placed)
            return written_file(self.scratch, make, name, MEDIA[form], tag)


def _check_convertible(form: str, scan: StoredScan) -> None:
    flat = len(scan.shape) == 3
    if form == "png" or (form == "ome-tiff" and not flat):
        raise BadRequest(
            f"This mask is too large for {form}." if flat else f"A volume cannot be {form}.",
            expected="nifti, nrrd or ome-zarr for a volume; nifti, nrrd, ome-tiff or ome-zarr for "
            "a large image or one with more than 65,535 objects.",
            hint="Omit `format`, or download preview.png for an image to look at.",
        )
