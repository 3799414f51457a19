"""The assistant over HTTP: strokes change the label where they are drawn, and errors say why."""

import gzip
import io
from typing import Any

import httpx
import nibabel
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.answers import check_problem
from tests.support.corrections import pack, unpack, voxel_runs
from tests.support.finished_jobs import finished_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes

SHAPE = (30, 24, 20)
CHILD = "service.resources.assistant_child"


def ball(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    middle = [(n - 1) / 2 for n in shape]
    return sum((at - m) ** 2 for at, m in zip(np.indices(shape), middle, strict=True)) < 64


def volume(truth: np.ndarray, name: str = ".nii.gz") -> bytes:
    """A bright ball in noise, stored with flipped, swapped and unequal axes."""
    values = 500 * truth + np.random.default_rng(7).normal(100, 40, truth.shape)
    affine = np.array([[0, -1.5, 0, 9], [-1, 0, 0, 4], [0, 0, 2, -7], [0, 0, 0, 1.0]])
    image = nibabel.Nifti1Image(values.astype(np.int16), affine)
    data = bytes(image.to_bytes())
    return gzip.compress(data) if name.endswith(".gz") else data


def ask(
    gateway: Gateway, job: str, runs: Any, low: list[int], high: list[int], **more: Any
) -> httpx.Response:
    body = runs if isinstance(runs, bytes) else pack(runs)
    return gateway.client.post(
        f"/v1/jobs/{job}/assistance", params={"low": low, "high": high, **more}, content=body
    )


def changed(answer: httpx.Response, mask: np.ndarray) -> np.ndarray:
    """The mask after the changes of an answer."""
    assert answer.status_code == 200, answer.text
    flat = mask.flatten(order="F")
    for start, length, value in unpack(answer.content):
        flat[start : start + length] = value
    return flat.reshape(mask.shape, order="F")


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.sum(a & b) / (a.sum() + b.sum()))


def children(gateway: Gateway) -> list[psutil.Process]:
    return [one for one in psutil.Process(gateway.process.pid).children() if CHILD in one.cmdline()]


def test_a_stroke_adds_a_missed_part_and_another_removes_a_leak(gateway: Gateway) -> None:
    """On the scan's own grid, and nowhere outside of the box."""
    truth = ball()
    missed = truth & (np.indices(SHAPE)[0] < 14)
    job = finished_job(gateway, volume(truth), "scan.nii.gz", missed.astype(np.uint8))
    stroke = np.zeros(SHAPE, bool)
    stroke[15:22, 12, 10] = stroke[18, 8:17, 10] = True
    runs = voxel_runs(truth, missed, 1) + voxel_runs(truth, stroke, 2)
    answer = ask(gateway, job, runs, [0, 0, 0], list(SHAPE))
    assert answer.headers["content-type"] == "application/octet-stream", answer.text
    corrected = changed(answer, missed)
    assert dice(missed, truth) < 0.8 < 0.95 < dice(corrected, truth)

    small = ask(gateway, job, voxel_runs(truth, stroke, 2), [15, 7, 9], [22, 18, 12])
    outside = np.ones(SHAPE, bool)
    outside[15:22, 7:18, 9:12] = False
    assert not changed(small, np.zeros(SHAPE, bool))[outside].any()

    leak = truth.copy()
    leak[8:22, 19:24, 7:12] = True
    stroke[:] = False
    stroke[10:20, 22, 9] = True
    runs = voxel_runs(truth, leak, 1) + voxel_runs(truth, stroke, 3)
    removed = changed(ask(gateway, job, runs, [0, 0, 0], list(SHAPE)), leak)
    assert dice(leak, truth) < 0.94 < 0.98 < dice(removed, truth)

    agreeing = voxel_runs(truth, truth, 1) + voxel_runs(truth, truth & stroke, 2)
    assert unpack(ask(gateway, job, agreeing, [0, 0, 0], list(SHAPE)).content) == []


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_image_is_refined_on_the_grid_of_its_mask_as_nifti(gateway: Gateway, mode: str) -> None:
    truth = np.zeros((60, 90), bool)
    truth[10:30, 50:80] = True
    noise = np.random.default_rng(3).normal(60, 8, truth.shape)
    pixels = np.clip(noise + 100 * truth, 0, 255).astype(np.uint8)
    image = Image.fromarray(pixels)
    if mode == "RGB":  # the object differs in colour alone
        other = np.clip(noise + 100 * ~truth, 0, 255).astype(np.uint8)
        image = Image.fromarray(np.stack([pixels, other, other], -1))
    file = io.BytesIO()
    image.save(file, "PNG")
    missed = truth & (np.indices(truth.shape)[1] < 62)
    job = finished_job(gateway, file.getvalue(), f"{mode}.png", missed.astype(np.uint8))
    stroke = np.zeros(truth.shape, bool)
    stroke[20, 64:78] = True
    as_nifti = gateway.client.get(f"/v1/jobs/{job}/mask?format=nifti").content
    mask = np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(as_nifti)).dataobj) > 0
    assert mask.shape == (90, 60, 1)

    def placed(where: np.ndarray) -> np.ndarray:
        return where[::-1].T[..., None]

    np.testing.assert_array_equal(mask, placed(missed))
    runs = voxel_runs(mask, mask, 1) + voxel_runs(mask, placed(stroke), 2)
    corrected = changed(ask(gateway, job, runs, [40, 20, 0], [90, 60, 1]), mask)
    assert dice(mask, placed(truth)) < 0.6 < 0.95 < dice(corrected, placed(truth))


def test_what_cannot_be_answered_is_refused(gateway: Gateway) -> None:
    job = finished_job(gateway, volume(ball()), "scan.nii.gz", ball().astype(np.uint8))
    whole = ([0, 0, 0], list(SHAPE))
    check_problem(ask(gateway, job, [[0, 1, 2]], [0, 0, 0], [31, 24, 20]), 422)
    check_problem(ask(gateway, job, [[0, 1, 2]], [5, 0, 0], [5, 24, 20]), 422)
    check_problem(ask(gateway, job, [[0, 1, 2]], [0, 0], [5, 24, 20]), 422)
    check_problem(ask(gateway, job, [[0, 1, 2]], *whole, assistant="none"), 422)
    check_problem(ask(gateway, job, [[0, 1, 4]], *whole), 422)
    check_problem(ask(gateway, job, b"not gzip", *whole), 422)
    check_problem(ask(gateway, job, b"", *whole), 422)
    outside = check_problem(ask(gateway, job, [[0, 1, 2]], [1, 0, 0], [30, 24, 20]), 422)
    assert "outside its box" in str(outside["detail"])
    check_problem(ask(gateway, job, [[0, 14400, 1]] * 5, *whole), 413)
    check_problem(ask(gateway, job, [[14399, 2, 1]], *whole), 422)
    waiting = gateway.job(scan=gateway.scan(nifti_bytes(seed=8171)), model="solid")["id"]
    check_problem(ask(gateway, waiting, [[0, 1, 2]], [0, 0, 0], [1, 1, 1]), 409)
    assert gateway.client.post(f"/v1/jobs/{waiting}/cancel").status_code == 200
    large = np.zeros((3, 2000, 1000), np.uint8)
    job = finished_job(
        gateway, gzip.compress(bytes(nibabel.Nifti1Image(large, np.eye(4)).to_bytes())), "l", large
    )
    refused = check_problem(ask(gateway, job, [[0, 1, 2]], [0, 0, 0], [3, 2000, 1000]), 413)
    assert "4,194,304" in str(refused["expected"])


def test_a_deleted_scan_is_forgotten(gateway: Gateway) -> None:
    job = finished_job(gateway, volume(ball()), "scan.nii.gz", ball().astype(np.uint8))
    question: tuple[Any, ...] = ([[0, 1, 2]], [0, 0, 0], list(SHAPE))
    assert ask(gateway, job, *question).status_code == 200
    assert len(children(gateway)) == 1
    (scan,) = gateway.client.get(f"/v1/jobs/{job}").json()["scans"].values()
    assert gateway.client.delete(f"/v1/scans/{scan}").status_code == 204
    assert children(gateway) == []
    check_problem(ask(gateway, job, *question), 404)
