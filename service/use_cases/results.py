"""Results: the mask, report and preview of a finished job."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imaging.errors import Conflict
from imaging.formats import registry
from imaging.formats.format import MaskFormat, ReportFormat, Segmentation
from imaging.formats.limits import Limits
from imaging.formats.mask_file import read
from imaging.formats.sniff import open_scan
from jobs.blobs import Blobs
from jobs.job import Job, JobState
from jobs.repository import Jobs, Scans
from jobs.review import Review
from jobs.stored_scan import StoredScan
from service.resources.scratch import Scratch
from service.use_cases.downloads import Download, stored_file, written_file
from service.use_cases.result_files import ResultFiles
from service.use_cases.result_formats import ResultDownload, check_convertible, downloads


@dataclass(frozen=True, slots=True)
class Results:
    """Reads and converts results, in flat memory."""

    jobs: Jobs
    scans: Scans
    blobs: Blobs
    scratch: Scratch
    limits: Limits
    files: ResultFiles

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

    def mask_tag(self, job: Job, mask_format: str) -> str:
        """Identifies the content of `mask`."""
        return f"{job.mask_sha256}-{mask_format}"

    def mask(self, job: Job, mask_format: str) -> Download:
        """A finished job's mask in a format.

        An image's mask in a format for volumes is on the grid of `ScanViews.volume`. Raises
        BadRequest for a format that cannot hold the mask, and what `ResultFiles.write` raises.
        """
        target, tag = registry.mask_format(mask_format), self.mask_tag(job, mask_format)
        name = f"mask-{job.id}{target.file_ending}"
        if mask_format == job.mask_format:
            stored = stored_file(self.blobs, str(job.mask_sha256), name, target.media_type)
            return replace(stored, tag=tag)
        if target.needs_description:
            return self._described(job, target, name)
        scan = self.scans.get(job.project, job.grid_scan)
        check_convertible(job, scan, target)
        return self._converted(job, target, scan, name, tag)

    def downloads(self, project: str, job_id: str) -> list[ResultDownload]:
        """The formats that a job's mask and report can be downloaded in; none without a mask.

        Raises NotFound.
        """
        job = self.jobs.get(project, job_id)
        if job.mask_format is None:
            return []
        return downloads(job, self.scans.get(project, job.grid_scan))

    def report_object(self, job: Job, target: ReportFormat) -> Download:
        """A finished job's report as an object that refers to the mask."""
        return self._described(job, target, f"report-{job.id}{target.file_ending}")

    def report(self, job: Job) -> Mapping[str, Any]:
        """A finished job's report."""
        return self.jobs.report(job.project, job.id)

    def preview(self, job: Job) -> Download:
        """A finished job's preview image."""
        name = f"preview-{job.id}.png"
        return stored_file(self.blobs, str(job.preview_sha256), name, "image/png")

    def corrected_mask(self, review: Review) -> Download:
        """The mask that a reviewer drew, in the format that it is stored in."""
        stored = registry.mask_format(str(review.mask_format))
        name = f"corrected-{review.id}{stored.file_ending}"
        return stored_file(self.blobs, str(review.mask_sha256), name, stored.media_type)

    def _described(self, job: Job, target: MaskFormat | ReportFormat, name: str) -> Download:
        return written_file(
            self.scratch,
            lambda path: self.files.write(job, target, path),
            name,
            target.media_type,
            self.mask_tag(job, target.name),
        )

    def _converted(
        self, job: Job, target: MaskFormat, scan: StoredScan, name: str, tag: str
    ) -> Download:
        with self.blobs.local(str(job.mask_sha256)) as source:
            stored = open_scan(source, self.limits, self.scratch.folder)
            placed = replace(
                stored, spacing_mm=scan.spacing_mm, format=scan.format, affine=np.array(scan.affine)
            )
            segmentation = Segmentation(
                read(source, len(scan.shape) - 1, self.scratch.folder), placed
            )
            return written_file(
                self.scratch,
                lambda path: target.write(path, segmentation),
                name,
                target.media_type,
                tag,
            )
