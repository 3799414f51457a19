"""A job's results in formats that describe them, for downloads and for deliveries to a peer."""

from dataclasses import dataclass
from pathlib import Path

from imaging.errors import Conflict
from imaging.formats import mask_file
from imaging.formats.format import MaskFormat, ReportFormat, Segmentation
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.mask_description import MaskDescription
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Jobs, Scans
from models.registry import Registry
from service.resources.scratch import Scratch


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Writes results with the scan and the descriptions of the labels."""

    jobs: Jobs
    scans: Scans
    registry: Registry
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def write(self, job: Job, target: MaskFormat | ReportFormat, path: Path) -> None:
        """Writes a finished job's mask or report to `path`.

        The same job always gives the same DICOM UIDs. Raises BadRequest if the format needs another
        scan, Conflict if the model's name now belongs to another network, whose labels may differ.
        """
        description = self._description(job)
        stored = self.scans.get(job.project, job.grid_scan)
        report = self.jobs.report(job.project, job.id)
        with (
            self.blobs.local(stored.sha256) as scan_path,
            self.blobs.local(str(job.mask_sha256)) as mask_path,
        ):
            scan = open_scan(scan_path, self.limits, self.scratch.folder)
            mask = mask_file.read(mask_path, scan.dimension, self.scratch.folder)
            made_at = job.finished_at or job.created_at
            target.write(path, Segmentation(mask, scan, description, report, made_at))

    def _description(self, job: Job) -> MaskDescription:
        card = self.registry.get(job.model).card
        if card.sha256 != job.model_sha256:
            raise Conflict(
                f"The installed model {job.model} is not the one that made the mask.",
                expected=f"The model with checksum {job.model_sha256[:12]}...",
                hint="Run the job again, or download the mask as nifti.",
            )
        return card.mask_description()
