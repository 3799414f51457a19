"""A real gateway with the surface on a second port, a real worker, small real networks."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nibabel
import numpy as np
import pytest

from models.card import ModelCard
from models.card_parts import Label
from tests.service.conftest import Gateway, card, environment, free_port, start
from tests.workers.conftest import network

FRIEND = "https://viewer.example.org"
AFFINE = np.array([[0, -1.1, 0, 5], [0.9, 0, 0, 6], [0, 0, 1.3, 7], [0, 0, 0, 1.0]])
SMALL, SPARSE = "small", "sparse"


@dataclass(frozen=True, slots=True)
class Served:
    """The surface from outside: its address, a plain HTTP client for it, the gateway beneath."""

    gateway: Gateway
    port: int
    http: httpx.Client
    folder: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def volume(self, seed: int, shape: tuple[int, ...] = (14, 16, 18)) -> Path:
        """A file of noise on oblique axes, new to the service."""
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
            found = repository.image_names.find("local", image)
        return dict(self.gateway.client.get(f"/v1/scans/{found.id}").json())

    def jobs(self, image: str) -> list[dict[str, Any]]:
        """Tessera's own view of an image's jobs, newest first."""
        scan = self.scan(image)["id"]
        jobs = self.gateway.client.get("/v1/jobs?limit=200").json()["jobs"]
        return [job for job in jobs if scan in job["scans"].values()]


def _sparse(models: Path) -> ModelCard:
    """The small network with label values that are not contiguous."""
    made = network(models / SPARSE, SPARSE, 4)
    found = made.model_copy(
        update={
            "labels": (
                Label(value=7, name="late", color="#00ff00"),
                Label(value=3, name="early", color="#ff0000"),
            ),
            "outputs": (0, 3, 7),
        }
    )
    found.save(models / SPARSE / "card.json")
    return found


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Gateway, worker and both ports; tests use images of their own."""
    folder = tmp_path_factory.mktemp("monai")
    models, data, port = folder / "models", folder / "data", free_port()
    network(models / SMALL, SMALL, 4)
    _sparse(models)
    for one in (card("contrasts", 3, "t1", "t2"), card("broken", 3, "t1")):
        (models / one.name).mkdir()
        one.save(models / one.name / "card.json")
    gateway = start(data, models=str(models), monai_label_port=str(port), allowed_origins=FRIEND)
    with folder.joinpath("worker.log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-c", "from cli.main import main; main()", "worker"],
            env=environment(data, gateway.port, models=str(models), device="cpu", threads="1"),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as http:
        yield Served(gateway, port, http, folder)
    worker.terminate()
    worker.wait(30)
    gateway.stop()
