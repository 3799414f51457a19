"""The MONAI Label interface as a client sees it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nibabel
import numpy as np

from tests.support.gateway import Gateway

FRIEND = "https://viewer.example.org"
AFFINE = np.array([[0, -1.1, 0, 5], [0.9, 0, 0, 6], [0, 0, 1.3, 7], [0, 0, 0, 1.0]])
SMALL, SPARSE = "small", "sparse"


@dataclass(frozen=True, slots=True)
class Served:
    """The running interface: its address, an HTTP client, and the gateway below it."""

    gateway: Gateway
    port: int
    http: httpx.Client
    folder: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def volume(self, seed: int, shape: tuple[int, ...] = (14, 16, 18)) -> Path:
        """A file of noise on reordered axes, which the service has not seen."""
        path = self.folder / f"volume-{seed}.nii.gz"
        voxels = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), path)
        return path

    def put(self, seed: int, name: str = "") -> str:
        """The id of a new image, under `name` where one is given."""
        with self.volume(seed).open("rb") as file:
            answer = self.http.put(
                "/datastore/", params={"image": name}, files={"file": ("v.nii.gz", file)}
            )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["image"])

    def scan(self, image: str) -> dict[str, Any]:
        """Tessera's own view of an image."""
        with self.gateway.repository() as repository:
            row = repository.image_names.find("local", image)
        return dict(self.gateway.client.get(f"/v1/scans/{row.id}").json())

    def jobs(self, image: str) -> list[dict[str, Any]]:
        """Tessera's own view of an image's jobs, newest first."""
        scan = self.scan(image)["id"]
        jobs = self.gateway.client.get("/v1/jobs?limit=200").json()["jobs"]
        return [job for job in jobs if scan in job["scans"].values()]
