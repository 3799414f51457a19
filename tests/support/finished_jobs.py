"""Jobs that end without a worker and without a network."""

from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import update

from imaging.formats import registry
from imaging.formats.limits import Limits
from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from jobs.blobs import open_blobs
from jobs.job import Job, Progress
from jobs.repository import Held
from jobs.repository.schema.job_tables import jobs
from tests.support.claims import claimed
from tests.support.gateway import Gateway


def run_job(gateway: Gateway, job_id: str, mask: np.ndarray, **measurements: Any) -> Job:
    """Does what a worker does: claims the job, stores a mask and a preview, finishes."""
    blobs = open_blobs(gateway.settings)
    with gateway.repository() as repository:
        job = claimed(repository, job_id)
        repository.leases.renew({Held(job_id, job.fence): Progress(2, 4)}, 60)
        stored = repository.scans.get(job.project, next(iter(job.scans.values())))
        folder = gateway.data.parent
        with blobs.local(stored.sha256) as path:
            scan = open_scan(path, Limits())
            flat = scan.dimension == 2
            png = flat and mask.max() < 1 << 16
            kind = "png" if png else "ome-tiff" if flat else "nifti"
            made = folder / f"mask{registry.mask_format(kind).file_ending}"
            if png:
                Image.fromarray(mask).save(made)
            else:
                write(made, mask, scan)
        preview = folder / "preview.png"
        Image.fromarray(np.full((4, 4, 3), 90, np.uint8)).save(preview)
        assert repository.leases.finish(
            job_id,
            job.fence,
            mask_sha256=blobs.put(made),
            mask_format=kind,
            preview_sha256=blobs.put(preview),
            report={
                "model": {
                    "name": job.model,
                    "version": job.model_version,
                    "sha256": job.model_sha256,
                },
                "device": "cpu",
                "precision": "fp32",
                "exact": True,
                "tiling": {"kind": "one pass", "tiles": 1},
                "seconds": {"total": 0.5},
                "warnings": [],
                "measurements": {
                    "labels": [measured(flat=flat)],
                    "instances": None,
                    "objects": [],
                    **measurements,
                },
            },
        )
        return repository.jobs.by_id(job_id)


def finished_job(
    gateway: Gateway, content: bytes, name: str, mask: np.ndarray, **request: Any
) -> str:
    """The id of a job of an upload with this mask; the model is one of `tests.support.cards`."""
    model = "flat" if mask.ndim == 2 else "solid"
    job = gateway.job(**{"scan": gateway.scan(content, name), "model": model, **request})
    return str(run_job(gateway, str(job["id"]), mask).id)


HOW_IT_RAN = {
    "model": {"name": "hippocampus-mri-3d", "version": "1", "sha256": "f" * 64},
    "device": "cpu",
    "precision": "fp32",
    "exact": True,
    "tiling": {"kind": "exact", "tiles": 1},
    "seconds": {"total": 1.0},
    "warnings": [],
}
"""Members of a worker's report that `run_job` leaves out, and that the page shows."""


def complete_report(gateway: Gateway, job_id: str) -> None:
    """Adds HOW_IT_RAN to the report of a finished job."""
    with gateway.repository() as repository:
        job = repository.jobs.by_id(job_id)
        report = repository.jobs.report(job.project, job_id) | HOW_IT_RAN
        with repository.database.write() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(report=report))


def measured(*, flat: bool) -> dict[str, object]:
    return {
        "value": 1,
        "name": "thing",
        "voxels": 6,
        "volume_ml": None if flat else 0.036,
        "area_px": 6 if flat else None,
        "area_mm2": None,
        "bounding_box": [[1, 1], [3, 4]] if flat else [[1, 1, 1], [2, 3, 4]],
        "centroid_voxel": [1.5, 2.0] if flat else [1.0, 1.5, 2.0],
        "centroid_mm": None if flat else [1.0, 3.0, 6.0],
    }
