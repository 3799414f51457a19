"""Masks that are corrected in the page, and what is stored of them."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from models.card_parts import Label
from tests.support.cards import card
from tests.support.finished_jobs import measured, run_job
from tests.support.gateway import Gateway, start
from tests.support.shown_slice import Slice, Voxel

SHAPE = (30, 26, 22)
SPACING = np.array([0.8, 1.3, 2.1])
MIDDLE = np.array([13.0, 12, 10])
LABELS = ("liver", "spleen", "kidney")
COLOURS = ("#d95f5f", "#5fd98a", "#e0c050")


def turned() -> NDArray[np.float64]:
    a, b = np.radians((25, 15))
    about_z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    about_x = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    return np.array(about_x) @ np.array(about_z)


STORAGES = {
    "axial": np.diag([-1.0, -1.0, 1.0]),
    "flipped": np.diag([1.0, 1.0, -1.0]),
    "coronal": np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "sagittal": np.array([[0.0, 0, -1], [-1, 0, 0], [0, -1, 0]]),
    "oblique": turned(),
}


def correcting_gateway(folder: Path) -> Iterator[Gateway]:
    """A gateway with a model for images and one for volumes. It has no worker."""
    labels = tuple(Label(value=n + 1, name=name, color=COLOURS[n]) for n, name in enumerate(LABELS))
    for dimension, name in ((2, "areas"), (3, "organs")):
        plain = card(name, dimension, "image")
        one = plain.model_copy(update={"labels": labels, "outputs": (0, 1, 2, 3)})
        (folder / "models" / name).mkdir(parents=True)
        one.save(folder / "models" / name / "card.json")
    running = start(folder / "data", models=str(folder / "models"))
    yield running
    running.stop()


def model_mask() -> NDArray[np.uint8]:
    mask = np.zeros(SHAPE, np.uint8)
    mask[8:18, 8:18, 6:16] = 1
    mask[18:24, 8:18, 6:16] = 2
    return mask


def finished(gateway: Gateway, data: bytes, name: str, model: str, mask: NDArray[np.uint8]) -> str:
    job = gateway.job(scan=gateway.scan(data, name), model=model, priority=9)
    labels = [{**measured(flat=mask.ndim == 2), "value": n + 1} for n in range(len(LABELS))]
    run_job(gateway, str(job["id"]), mask, labels=labels)
    return str(job["id"])


def finished_volume(
    gateway: Gateway, storage: str, values: NDArray[np.int16], mask: NDArray[np.uint8]
) -> tuple[str, NDArray[np.float64]]:
    """A job with a mask, and the affine of its scan."""
    affine = np.eye(4)
    affine[:3, :3] = STORAGES[storage] * SPACING
    affine[:3, 3] = (-11, 7, 30)
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(1, 0)
    return finished(gateway, image.to_bytes(), f"{storage}.nii", "organs", mask), affine


def open_mask(page: Page, job: str) -> None:
    """Opens a job, and waits for its mask."""
    page.evaluate(f"location.hash = 'job={job}'")
    page.wait_for_function(
        "job => window.tessera.shown().job === job && window.tessera.shown().mask", arg=job
    )
    page.wait_for_load_state("networkidle")


def correct(page: Page, job: str) -> None:
    """Opens a job, and begins its correction if it has no draft."""
    open_mask(page, job)
    if page.locator(".correction").is_hidden():
        page.keyboard.press("t")
    expect(page.locator(".correction")).to_be_visible()


def saved(page: Page, gateway: Gateway, job: str) -> dict[str, Any]:
    """Saves the correction, and returns its review."""
    with page.expect_response(
        lambda one: one.url.endswith(f"/{job}/reviews") and one.request.method == "POST"
    ) as answer:
        page.keyboard.press("Control+s")
    expect(page.locator(".correction")).to_be_hidden()
    review: dict[str, Any] = answer.value.json()
    assert review in gateway.client.get(f"/v1/jobs/{job}/reviews").json()
    return review


def stored(gateway: Gateway, job: str, review: str) -> nibabel.Nifti1Image:
    path = f"/v1/jobs/{job}/reviews/{review}/mask?format=nifti"
    answer = gateway.client.get(path)
    assert answer.status_code == 200, answer.text
    data = answer.content
    return nibabel.Nifti1Image.from_bytes(
        gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    )


def distance(voxel: Voxel) -> NDArray[np.float64]:
    """mm from a voxel to each."""
    grid = np.moveaxis(np.indices(SHAPE), 0, -1)
    return np.asarray(np.linalg.norm((grid - voxel) * SPACING, axis=-1))


def ball_in_the_dark() -> NDArray[np.int16]:
    """A bright ball of 9 mm; values differ by less than 10 in it, and around it."""
    values = np.random.default_rng(3).integers(0, 9, SHAPE).astype(np.int16)
    values[distance(MIDDLE) <= 9] += 200
    return values


@dataclass(frozen=True)
class Correction:
    """A volume that is corrected on screen."""

    page: Page
    gateway: Gateway
    job: str
    affine: NDArray[np.float64]

    @classmethod
    def of(
        cls, page: Page, gateway: Gateway, storage: str, mask: NDArray[np.uint8]
    ) -> "Correction":
        job, affine = finished_volume(gateway, storage, ball_in_the_dark(), mask)
        page.evaluate("localStorage.setItem('tessera.view', 'planes')")
        correct(page, job)
        correction = cls(page, gateway, job, affine)
        correction.go(MIDDLE)
        return correction

    def go(self, voxel: Voxel) -> None:
        world = (self.affine @ [*voxel, 1])[:3].tolist()
        self.page.evaluate("p => window.tessera.jump(p)", world)

    def slice(self, plane: str, at: Voxel = MIDDLE) -> Slice:
        return Slice.of(self.page, plane, self.affine, at)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            expect(self.page.locator(".tool-working")).to_be_hidden()

    def click(self, button: str) -> None:
        self.page.locator(f"#{button}").click()
        expect(self.page.locator(".tool-working")).to_be_hidden()

    def stored(self) -> NDArray[np.uint8]:
        review = saved(self.page, self.gateway, self.job)
        return np.asarray(stored(self.gateway, self.job, review["id"]).dataobj, np.uint8)
