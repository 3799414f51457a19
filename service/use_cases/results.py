"""Results: the mask, report and preview of a finished job."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imaging.errors import Conflict, NotFound
from imaging.formats import registry
from imaging.formats.format import MaskFormat, ReportFormat, Segmentation
from imaging.formats.limits import Limits
from imaging.formats.mask_file import read
from imaging.formats.sniff import open_scan
from jobs.blobs import Blobs
from jobs.job import Job, JobState
from jobs.repository import Jobs, Reviews, Scans
from jobs.stored_scan import StoredScan
from service.resources.scratch import Scratch
from service.use_cases.downloads import Download, stored_file, written_file
from service.use_cases.result_files import ResultFiles
from service.use_cases.result_formats import ResultDownload, check_convertible, downloads
from service.use_cases.result_mask import ResultMask


@dataclass(frozen=True, slots=True)
class Results:
    """Reads and converts results, in flat memory."""

    jobs: Jobs
    scans: Scans
    reviews: Reviews
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

    def corrected(self, project: str, job_id: str, review_id: str, reader: str) -> ResultMask:
        """The mask that a reader corrected; raises NotFound, Conflict.

        `reader`: the name of who asks, empty if it is not known.
        """
        job = self.finished_job(project, job_id)
        return ResultMask(job, self.reviews.with_mask(project, job_id, review_id, reader))

    def reviewed(self, project: str, job_id: str, review_id: str, reader: str) -> ResultMask:
        """The mask that a reader corrected or measured, as `corrected`; raises NotFound,
        Conflict."""
        job = self.finished_job(project, job_id)
        return ResultMask(job, self.reviews.with_results(project, job_id, review_id, reader))

    def mask(self, result: ResultMask, mask_format: str) -> Download:
        """A job's mask, or the one that a reader corrected, in a format.

        An image's mask in a format for volumes is on the grid of `ScanViews.volume`. Raises
        BadRequest for a format that cannot hold the mask, and what `ResultFiles.write` raises.
        """
        target, tag = registry.mask_format(mask_format), result.tag(mask_format)
        name = f"mask-{result.name}{target.file_ending}"
        if mask_format == result.format:
            stored = stored_file(self.blobs, result.sha256, name, target.media_type)
            return replace(stored, tag=tag)
        if target.needs_description:
            return self._described(result, target, name)
        scan = self.scans.get(result.job.project, result.job.grid_scan)
        check_convertible(result.format, scan, target)
        return self._converted(result, target, scan, name)

    def downloads(self, project: str, job_id: str) -> list[ResultDownload]:
        """The formats that a job's mask and report can be downloaded in; none without a mask.

        Raises NotFound.
        """
        job = self.jobs.get(project, job_id)
        if job.mask_format is None:
            return []
        return downloads(job, self.scans.get(project, job.grid_scan))

    def report_file(self, result: ResultMask, target: ReportFormat) -> Download:
        """The report about a mask as a file; the report of a corrected mask is measured anew."""
        return self._described(result, target, f"report-{result.name}{target.file_ending}")

    def report(self, job: Job) -> Mapping[str, Any]:
        """A finished job's report."""
        return self.jobs.report(job.project, job.id)

    def preview(self, job: Job) -> Download:
        """A finished job's preview image; raises NotFound if a rule of retention has deleted it."""
        if job.preview_sha256 is None:
            raise NotFound(
                "The preview is gone: the project keeps previews for a limited time.",
                expected="A job that ended within that time.",
                hint="Download the mask, or run the job again.",
            )
        name = f"preview-{job.id}.png"
        return stored_file(self.blobs, job.preview_sha256, name, "image/png")

    def _described(
        self, result: ResultMask, target: MaskFormat | ReportFormat, name: str
    ) -> Download:
        return written_file(
            self.scratch,
            lambda path: self.files.write(result, target, path),
            name,
            target.media_type,
            result.tag(target.name),
        )

    def _converted(
        self, result: ResultMask, target: MaskFormat, scan: StoredScan, name: str
    ) -> Download:
        with self.blobs.local(result.sha256) as source:
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
                result.tag(target.name),
            )
