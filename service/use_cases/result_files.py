"""A job's results in formats that describe them, for downloads and for deliveries to a peer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imaging.errors import Conflict
from imaging.formats import mask_file
from imaging.formats.format import MaskFormat, ReportFormat, Segmentation
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.mask_description import MaskDescription
from imaging.measure import report_rows
from imaging.scan import Scan
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Jobs, Scans
from models.registry import Registry
from service.resources.scratch import Scratch
from service.use_cases.reader_measurements import measurements_of
from service.use_cases.result_mask import ResultMask
from service.use_cases.uploaded_mask_report import description_of


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Writes results with the scan and the descriptions of the labels."""

    jobs: Jobs
    scans: Scans
    registry: Registry
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def write(self, result: ResultMask, target: MaskFormat | ReportFormat, path: Path) -> None:
        """Writes a mask, or the report about it, to `path`.

        The same mask always gives the same DICOM UIDs. Raises BadRequest if the format needs
        another scan, Conflict if the model's name now belongs to another network, whose labels may
        differ.
        """
        job = result.job
        report: Mapping[str, Any] = self.jobs.report(job.project, job.id)
        description = description_of(report) if job.uploaded else self._description(job)
        stored = self.scans.get(job.project, job.grid_scan)
        with (
            self.blobs.local(stored.sha256) as scan_path,
            self.blobs.local(result.sha256) as mask_path,
        ):
            scan = open_scan(scan_path, self.limits, self.scratch.folder)
            mask = mask_file.read(mask_path, scan.dimension, self.scratch.folder)
            if result.corrected:
                description = replace(description, corrected=True)
                report = _report(report, mask, scan, description)
            of_reader = measurements_of(result.review, scan)
            if of_reader is not None:
                report = {**report, "reader_measurements": of_reader.as_dict()}
            target.write(
                path,
                Segmentation(mask, scan, description, report, result.made_at, of_reader),
            )

    def _description(self, job: Job) -> MaskDescription:
        card = self.registry.get(job.model).card
        if card.checksum != job.model_sha256:
            raise Conflict(
                f"The installed model {job.model} is not the one that made the mask.",
                expected=f"The model with checksum {job.model_sha256[:12]}...",
                hint="Run the job again, or download the mask as nifti.",
            )
        return card.mask_description(supplied=job.options.starts_from_mask)


def _report(
    report: Mapping[str, Any], mask: NDArray[Any], scan: Scan, description: MaskDescription
) -> Mapping[str, Any]:
    """The job's report with the measurements of a corrected mask."""
    labels = [(segment.number, segment.name) for segment in description.segments]
    measurements = report_rows(mask, scan, labels, numbered=description.instances)
    return {
        "model": report.get("model"),
        "supplied": description.supplied,
        "corrected": True,
        "measurements": measurements,
    }
