"""Rows of scans and jobs, not stored."""

from typing import Any

from jobs.job import Job, JobState, Options
from jobs.stored_scan import StoredScan


def make_scan(name: str = "scan", project: str = "ada", **changes: Any) -> StoredScan:
    values = {
        "id": name,
        "project": project,
        "sha256": (name.encode().hex() * 64)[:64],
        "name": "head.nii.gz",
        "format": "nifti",
        "shape": (1, 10, 20, 30),
        "dtype": "float32",
        "spacing_mm": (1.0, 0.5, 2.0),
        "affine": (
            (1.0, 0.0, 0.0, -3.5),
            (0.0, 0.5, 0.0, 0.0),
            (0.0, 0.0, 2.0, 7.0),
            (0.0,) * 3 + (1.0,),
        ),
        "bytes": 1234,
        "warnings": ("its orientation is a guess",),
        "created_at": 1_000.5,
    }
    return StoredScan(**{**values, **changes})


def make_job(name: str = "job", project: str = "ada", **changes: Any) -> Job:
    values = {
        "id": name,
        "project": project,
        "scans": {"t1": "scan"},
        "model": "nuclei-2d",
        "model_version": "1",
        "model_sha256": "f" * 64,
        "options": Options(),
        "priority": 5,
        "queue": "any",
        "state": JobState.QUEUED,
        "attempt": 0,
        "created_at": 2_000.25,
    }
    return Job(**{**values, **changes})
