"""DICOM on the page: a series of many files, a study to choose from, slices that are uneven."""

import copy
import re
from pathlib import Path

import httpx
import nibabel
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom import Dataset, dcmread

from tests.support.dicom.files import classic, write
from tests.support.page import finish


@pytest.fixture(scope="module")
def series() -> list[Dataset]:
    """The left hippocampus of the MNI152 template as sagittal MR images."""
    import nilearn.datasets

    image = nilearn.datasets.load_mni152_template(resolution=1)
    values = np.round(image.get_fdata() * 1000 / image.get_fdata().max())
    start = np.round(np.linalg.solve(image.affine, [-42, -45, -34, 1])[:3]).astype(int)
    part = np.s_[start[0] : start[0] + 34, start[1] : start[1] + 50, start[2] : start[2] + 42]
    affine = image.affine.copy()
    affine[:3, 3] = image.affine[:3, :3] @ start + image.affine[:3, 3]
    cut = nibabel.Nifti1Image(values[part].astype(np.int16), affine)
    turned = cut.as_reoriented(np.array([[2, 1], [0, -1], [1, -1]]))  # j, k, i: sagittal
    return classic(np.asarray(turned.dataobj), turned.affine)


def test_a_series_from_files_to_segmentation(
    page: Page, address: str, series: list[Dataset], tmp_path: Path
) -> None:
    """Many files are one line; the job's page offers objects for a PACS, and they are sound."""
    page.set_input_files("#files", write(series, tmp_path))
    row = page.locator(".uploads li")
    expect(row).to_have_count(1)
    expect(row).to_have_attribute("data-state", "ready")
    expect(row).to_contain_text(f"{len(series)} DICOM files")
    page.locator("label.card:has(input[value='hippocampus-mri-3d'])").click()
    page.click("#start")
    page.wait_for_url(re.compile("#job="))
    finish(page, address, page.url.partition("#job=")[2])
    links = page.locator(".findings .links")
    with page.expect_download() as told:
        links.get_by_text("DICOM SEG").click()
    told.value.save_as(tmp_path / "seg.dcm")
    made = dcmread(tmp_path / "seg.dcm")
    assert made.Modality == "SEG"
    assert made.FrameOfReferenceUID == series[0].FrameOfReferenceUID
    for name in ("RT Structure Set", "DICOM SR", "DICOM label map"):
        href = links.get_by_text(name).get_attribute("href")
        assert httpx.get(str(href), timeout=60).content[128:132] == b"DICM"


def test_a_study_is_chosen_from(page: Page, series: list[Dataset], tmp_path: Path) -> None:
    other = classic(np.zeros((8, 9, 5), np.int16), np.eye(4), SeriesNumber=8)
    scout = classic(np.zeros((8, 9, 2), np.int16), np.eye(4), ImageType=["ORIGINAL", "LOCALIZER"])
    page.set_input_files("#files", write([*series, *other, *scout], tmp_path))
    choice = page.locator(".uploads .choice")
    expect(choice.locator("li")).to_have_count(3)
    expect(choice).to_contain_text("localizer")
    choice.get_by_text("MR series 8").click()
    row = page.locator(".uploads li[data-state=ready]")
    expect(row).to_contain_text("8 × 9 × 5")
    page.locator(".uploads button.icon").click()
    page.set_input_files("#files", sorted(tmp_path.iterdir()))
    choice.get_by_text("Take all 2").click()
    expect(row).to_have_count(2)


def test_uneven_slices_are_resampled_when_asked(
    page: Page, series: list[Dataset], tmp_path: Path
) -> None:
    page.set_input_files("#files", write(series[:10] + series[11:], tmp_path))
    row = page.locator(".uploads > li")
    expect(row).to_have_attribute("data-state", "refused")
    expect(row).to_contain_text("1 slice is missing")
    row.get_by_text("Resample the slices").click()
    expect(row).to_have_attribute("data-state", "ready")
    expect(row).to_contain_text("resampled")


def test_slices_at_one_position_cannot_be_resampled(
    page: Page, series: list[Dataset], tmp_path: Path
) -> None:
    images = copy.deepcopy(series)
    images[4].ImagePositionPatient = images[3].ImagePositionPatient
    images[4].InstanceNumber = images[3].InstanceNumber
    page.set_input_files("#files", write(images, tmp_path))
    row = page.locator(".uploads > li")
    expect(row).to_have_attribute("data-state", "refused")
    expect(row).to_contain_text("same position")
    expect(row.get_by_text("Resample the slices")).to_have_count(0)


def test_a_folder_is_picked(page: Page, series: list[Dataset], tmp_path: Path) -> None:
    write(series, tmp_path / "study" / "deep")
    (tmp_path / "study" / "DICOMDIR").write_bytes(b"no image")
    page.set_input_files("#folder", tmp_path / "study")
    row = page.locator(".uploads > li")
    expect(row).to_have_count(1)
    expect(row).to_have_attribute("data-state", "ready")
