"""A mask that a reader corrected."""

import time
from io import BytesIO

import numpy as np
from pydicom import Dataset, dcmread

from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from jobs.blobs import open_blobs
from jobs.review import Review
from tests.support.dicom.headers import blobs, files, series
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway
from tests.support.waiting import until


class Corrected:
    """A DICOM series with a finished job, and what a reader made of its mask."""

    def __init__(self, gateway: Gateway, change: int = 1, model: str | None = None) -> None:
        """`model`: one that a worker runs; None: the job is finished without a worker."""
        self.gateway, self.acquired = gateway, series()
        sent = [("files", (f"{n}.dcm", data)) for n, data in enumerate(files(self.acquired))]
        self.scan = gateway.client.post("/v1/scans", files=sent).json()
        made = (blobs() > 0).astype(np.uint8).transpose(2, 1, 0)
        self.job = str(gateway.job(scan=self.scan["id"], model=model or "solid", priority=9)["id"])
        if model is None:
            run_job(gateway, self.job, made)
        else:
            until(lambda: gateway.client.get(f"/v1/jobs/{self.job}").json()["state"] == "succeeded")
        self.mask = made.copy()
        self.mask[:change, :2, 1] = 1 - self.mask[:change, :2, 1]
        self.review = self._reviewed()
        self.path = f"/v1/jobs/{self.job}/reviews/{self.review}"

    def _reviewed(self) -> str:
        """Stores the mask as 3D Slicer's label is stored."""
        store, folder = open_blobs(self.gateway.settings), self.gateway.data.parent
        with store.local(self.scan["sha256"]) as path:
            write(folder / "corrected.nii.gz", self.mask, open_scan(path))
        review = Review(
            id=f"review{self.job[:8]}",
            job=self.job,
            verdict="corrected",
            comment="",
            reviewer="reader",
            created_at=time.time(),
            mask_sha256=store.put(folder / "corrected.nii.gz"),
            mask_format="nifti",
        )
        with self.gateway.repository() as repository:
            return repository.reviews.add("local", review).id

    def object(self, path: str) -> Dataset:
        answer = self.gateway.client.get(f"{self.path}/{path}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/dicom"
        return dcmread(BytesIO(answer.content))
