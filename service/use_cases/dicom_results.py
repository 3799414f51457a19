"""A job's results as DICOM objects: the same for whoever fetches them and whoever is sent them."""

from pathlib import Path

from imaging.errors import Conflict
from imaging.formats import mask_file
from imaging.formats.sniff import open_scan
from imaging.mask_description import MaskDescription
from jobs.job import Job
from service.parts import Parts


def write(parts: Parts, job: Job, form: str, path: Path) -> None:
    """Writes a finished job's mask, or with form `dicom-sr` its measurements, to `path`.

    Its UIDs are the same every time. Raises BadRequest where the scan did not come as DICOM,
    Conflict where the model that made the mask is no longer the one of its name: its labels may
    mean something else now.
    """
    from imaging.formats.dicom.objects import write_object  # loads for a second

    description = _description(parts, job)
    stored = parts.repository.scans.get(job.project, job.grid_scan)
    sizes = parts.repository.jobs.report(job.project, job.id).get("measurements")
    with (
        parts.blobs.local(stored.sha256) as source,
        parts.blobs.local(str(job.mask_sha256)) as made,
    ):
        scan = open_scan(source, parts.limits, parts.scratch.folder)
        mask = mask_file.read(made, scan.dimension, parts.scratch.folder)
        made_at = job.finished_at or job.created_at
        write_object(path, form, mask, scan, description, sizes, made_at)


def _description(parts: Parts, job: Job) -> MaskDescription:
    card = parts.registry.get(job.model).card
    if card.sha256 != job.model_sha256:
        raise Conflict(
            f"The model {job.model} here is not the one that made the mask.",
            expected=f"The model with checksum {job.model_sha256[:12]}...",
            hint="Run the job again, or fetch the mask as nifti.",
        )
    return card.mask_description()
