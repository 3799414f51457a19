"""A small network that was trained here, and judged masks of it in a database."""

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np

from jobs.blobs import Blobs
from jobs.repository import Repository
from jobs.review import Review
from models.card import ModelCard
from tests.support.judged_masks import ball
from tests.support.rows import make_job, make_scan

AFFINE = np.diag((1.0, 1.0, 2.0, 1.0))


def trained_model(folder: Path, models: Path, steps: int = 5) -> ModelCard:
    """Trains the network `blob` in `folder` and puts the model into `models`."""
    from models.export import export
    from models.training.train import train
    from tests.support.training_data import blobs, write_config

    best = train(write_config(folder, steps=steps), folder / "out", data=blobs(folder))
    return export(best, models / "blob")


def add_judged(
    repository: Repository,
    store: Blobs,
    card: ModelCard,
    folder: Path,
    number: int,
    *,
    project: str = "ada",
    verdict: str = "accepted",
) -> None:
    """Stores a scan of its own subject, a finished job on it, and a verdict on the mask."""
    name, image, mask = f"case{number}", *ball(np.random.default_rng(number))
    files = []
    for values in (image, mask):
        path = folder / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(values, AFFINE), path)
        files.append(store.put(path, move=True))
    scan = make_scan(
        name,
        project,
        sha256=files[0],
        shape=(1, *image.shape),
        affine=tuple(map(tuple, AFFINE.tolist())),
        spacing_mm=(1.0, 1.0, 2.0),
    )
    repository.scans.add(replace(scan, name=f"sub-{number:02}_t1.nii.gz"))
    job = make_job(
        name,
        project,
        scans={"t1": name},
        model=card.full_name,
        model_version=card.version,
        model_sha256=card.checksum,
    )
    repository.jobs.add(job)
    claimed = repository.leases.claim(name, "w", 60)
    assert claimed is not None
    assert repository.leases.finish(
        name,
        claimed.fence,
        mask_sha256=files[1],
        mask_format="nifti",
        preview_sha256=None,
        report={"warnings": []},
    )
    review = Review(f"review{number}", name, verdict, "", "Ada", 3_000.0 + number)
    if verdict == "corrected":
        review = replace(review, mask_sha256=files[1], mask_format="nifti")
    repository.reviews.add(project, review)
