"""A job's results as DICOM objects, the same for downloads and for deliveries to a peer."""

from dataclasses import dataclass
from pathlib import Path

from imaging.errors import Conflict
from imaging.formats import mask_file
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.mask_description import MaskDescription
from jobs.blobs import Blobs
from jobs.job import Job
from jobs.repository import Jobs, Scans
from models.registry import Registry
from service.resources.scratch import Scratch


@dataclass(frozen=True, slots=True)
class DicomResults:
    """Writes results as DICOM objects."""

    jobs: Jobs
    scans: Scans
    registry: Registry
    blobs: Blobs
    scratch: Scratch
    limits: Limits

    def write(self, job: Job, form: str, path: Path) -> None:
        """Writes a finished job's mask, or its measurements if `form` is `dicom-sr`, to `path`.

        The object's UIDs are the same every time. Raises BadRequest if the scan is not DICOM,
        Conflict if the model's name now belongs to another network, whose labels may differ.
        """
        from imaging.formats.dicom.objects import write_object  # takes a second to import

        description = self._description(job)
        stored = self.scans.get(job.project, job.grid_scan)
        measurements = self.jobs.report(job.project, job.id).get("measurements")
        with (
            self.blobs.local(stored.sha256) as scan_path,
            self.blobs.local(str(job.mask_sha256)) as mask_path,
        ):
            scan = open_scan(scan_path, self.limits, self.scratch.folder)
            mask = mask_file.read(mask_path, scan.dimension, self.scratch.folder)
            made_at = job.finished_at or job.created_at
            write_object(path, form, mask, scan, description, measurements, made_at)

    def _description(self, job: Job) -> MaskDescription:
        card = self.registry.get(job.model).card
        if card.sha256 != job.model_sha256:
            raise Conflict(
                f"The installed model {job.model} is not the one that made the mask.",
                expected=f"The model with checksum {job.model_sha256[:12]}...",
                hint="Run the job again, or download the mask as nifti.",
            )
        return card.mask_description()
