"""A scan that is unlike what the model is made for does not look like a result."""

import json
from pathlib import Path

import httpx
import nibabel as nib
import numpy as np
import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Page, expect

from models.registry import ZOO
from tests.support.page import finish


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT as a NIfTI, which states no modality: a body with fat, organs and bone, in air."""
    rng = np.random.default_rng(3)
    values = np.full((96, 80, 40), -1000.0)
    x, y = np.ogrid[-1:1:96j, -1:1:80j]
    for radius, level in ((0.9, -90), (0.8, 45), (0.2, 500)):
        values[x**2 + y**2 < radius**2] = level
    values = (values + rng.normal(0, 12, values.shape)).round().astype(np.int16)
    path = tmp_path_factory.mktemp("abdomen") / "abdomen.nii.gz"
    nib.save(nib.Nifti1Image(values, np.diag([3.0, 3, 5, 1])), path)
    return path


def copy(source: Path, target: Path) -> None:
    """A scan that is new to the service: one voxel differs."""
    image = nib.load(source)
    values = np.asarray(image.dataobj).copy()
    values[0, 0, 0] += 1
    nib.save(nib.Nifti1Image(values, image.affine, image.header), target)


def card(page: Page, model: str) -> str:
    return f"label.card:has(input[value='{model}'])"


def start(page: Page, path: Path, model: str) -> str:
    page.set_input_files("#files", path)
    page.locator(card(page, model)).click()
    page.click("#start")
    page.wait_for_url("**#job=*")
    return page.url.partition("#job=")[2]


def test_a_ct_for_a_model_of_brain_mri(page: Page, address: str, abdomen: Path) -> None:
    job = start(page, abdomen, "brain-mri-3d")
    report = finish(page, address, job)
    assert [doubt["kind"] for doubt in report["doubts"]] == ["modality", "empty"]
    bar = page.get_by_role("alert", name="Doubts about the mask")
    expect(bar).to_contain_text("This mask may be wrong")
    row = page.locator(f"[data-job='{job}']")
    expect(row.get_by_role("img", name="may be wrong: 2 reasons")).to_be_visible()
    expect(bar).to_contain_text("Its values look like the Hounsfield units of a CT")
    canvas, above = page.locator(".stage .canvas").bounding_box(), bar.bounding_box()
    assert canvas
    assert above
    assert above["y"] + above["height"] <= canvas["y"]  # over the image, and not on it
    assert above["width"] >= canvas["width"]

    page.wait_for_selector(".stage[data-mask=shown]")
    page.keyboard.press("a")
    question = page.get_by_role("dialog", name="Accept this mask?")
    expect(question).to_contain_text("Hounsfield units")
    expect(question).to_contain_text("empty")
    page.keyboard.press("a")  # a shortcut does not answer it
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    expect(page.locator("#pill")).to_have_text("to review")
    page.click("#accepted")
    question.get_by_role("button", name="Accept it anyway").click()
    expect(page.locator(f'[data-job="{job}"]')).to_have_attribute("data-verdict", "accepted")


def test_a_scan_that_fits_has_no_bar_and_no_question(page: Page, address: str) -> None:
    job = start(page, ZOO / "hippocampus-mri-3d" / "sample.nii.gz", "hippocampus-mri-3d")
    assert finish(page, address, job)["doubts"] == []
    page.wait_for_selector(".stage[data-mask=shown]")
    expect(page.locator(".doubts")).to_be_hidden()
    expect(page.locator(".uncompared")).to_be_hidden()
    page.keyboard.press("a")
    expect(page.locator(f'[data-job="{job}"]')).to_have_attribute("data-verdict", "accepted")


def test_each_scan_gets_the_model_that_fits_it(page: Page, address: str, tmp_path: Path) -> None:
    brain, crop = (tmp_path / f"{name}.nii.gz" for name in ("head", "crop"))
    copy(ZOO / "brain-mri-3d" / "sample.nii.gz", brain)
    copy(ZOO / "hippocampus-mri-3d" / "sample.nii.gz", crop)
    tissue = tmp_path / "tissue.png"
    Image.fromarray(skimage.data.immunohistochemistry()[:200, :240]).save(tissue)
    page.set_input_files("#files", crop)
    expect(page.locator(card(page, "hippocampus-mri-3d")).locator("input")).to_be_checked()
    expect(page.locator(card(page, "hippocampus-mri-3d"))).to_contain_text("voxel size, extent")
    expect(page.locator(card(page, "brain-mri-3d"))).to_contain_text("Made for other scans")
    page.set_input_files("#files", [brain, tissue])
    each = page.locator(card(page, ""))
    expect(each).to_contain_text("crop.nii.gz: Hippocampus")
    expect(each).to_contain_text("head.nii.gz: Brain")
    expect(each.locator("input")).to_be_checked()
    expect(page.locator(card(page, "nuclei-2d")).locator("input")).to_be_checked()
    expect(page.locator("#start")).to_have_text("Start 3 jobs")
    page.click("#start")
    page.wait_for_url("**#job=*")
    jobs = httpx.get(f"{address}/v1/jobs?limit=3").json()["jobs"]
    chosen = {job["scan_name"]: job["model"] for job in jobs}
    assert chosen == {
        "head.nii.gz": "brain-mri-3d",
        "crop.nii.gz": "hippocampus-mri-3d",
        "tissue.png": "nuclei-2d",
    }, json.dumps(chosen)
    flat = next(job["id"] for job in jobs if job["model"] == "nuclei-2d")
    page.evaluate(f"location.hash = 'job={flat}'")
    expect(page.locator(".uncompared")).to_contain_text("does not state which scans it was")
    expect(page.locator(".doubts")).to_be_hidden()


def test_a_choice_against_the_fit_is_warned_of(page: Page, abdomen: Path) -> None:
    page.set_input_files("#files", abdomen)
    page.locator(card(page, "hippocampus-mri-3d")).click()
    expect(page.locator(".doubtful")).to_contain_text("abdomen.nii.gz is unlike the scans that")
    expect(page.locator(".doubtful")).to_contain_text("Its extent is 288 mm R-L")
