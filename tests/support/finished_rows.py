"""Finished jobs as rows, without a gateway and without files."""

from typing import Any

from jobs.repository import Repository
from tests.support.rows import make_job


def add_finished(
    repository: Repository, name: str, report: dict[str, Any] | None = None, **changes: Any
) -> None:
    """Stores a job and ends it with a mask and this report, as a worker does."""
    repository.jobs.add(make_job(name, **changes))
    job = repository.leases.claim(name, "worker", 60)
    assert job is not None
    assert repository.leases.finish(
        name,
        job.fence,
        mask_sha256="a" * 64,
        mask_format="nifti",
        preview_sha256=None,
        report=report or {},
    )


def report_of(**volumes_ml: float) -> dict[str, Any]:
    """A report with labels of these volumes, valued 1, 2 and so on."""
    labels = [
        {"value": value, "name": name, "voxels": int(1000 * ml), "volume_ml": ml}
        for value, (name, ml) in enumerate(volumes_ml.items(), start=1)
    ]
    return {"warnings": [], "doubts": [], "measurements": {"labels": labels}}
