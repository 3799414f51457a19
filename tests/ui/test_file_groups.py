"""Which files of a folder the page uploads together."""

from pathlib import Path

import nibabel as nib
import numpy as np
from playwright.sync_api import Locator, Page, expect

from tests.support.page import drop

HEIGHTS = {"1": 5, "2": 6, "3": 7}
"""Patient -> slices. The voxels of patient 1 are too few for any other header."""


def patients(folder: Path) -> Path:
    """A folder for each patient, all with the same file names; the last one lacks its voxels."""
    for name, height in HEIGHTS.items():
        (folder / name).mkdir(parents=True)
        voxels = np.full((8, 9, height), height, np.int16)
        nib.Nifti1Pair(voxels, np.eye(4)).to_filename(folder / name / "scan.hdr")
    (folder / "3" / "scan.img").unlink()
    return folder


def check(rows: Locator) -> None:
    """Patients 1 and 2 are scans; the header of patient 3 got no voxels of another patient."""
    expect(rows).to_have_count(3)
    expect(rows.and_(rows.page.locator("[data-state=ready]"))).to_have_count(2)
    for height in (5, 6):
        expect(rows.filter(has_text=f"8 × 9 × {height}")).to_have_count(1)
    refused = rows.and_(rows.page.locator("[data-state=refused]"))
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("header of a NIfTI pair")


def test_a_header_gets_the_voxels_of_its_own_folder(page: Page, tmp_path: Path) -> None:
    page.set_input_files("#folder", patients(tmp_path / "study"))
    check(page.locator(".uploads > li"))


def test_the_same_for_dropped_folders(page: Page, tmp_path: Path) -> None:
    """Also for two dropped folders of one name, whose files have equal paths."""
    study = patients(tmp_path / "study")
    (study / "2").rename(tmp_path / "1")
    (study / "3").rename(study / "deep")
    drop(page, study / "1", tmp_path / "1", study / "deep")
    check(page.locator(".uploads > li"))


def test_files_without_a_folder_are_paired_if_only_one_fits(page: Page, tmp_path: Path) -> None:
    """Dropped files may be from several folders; Chromium calls the second `scan (1).hdr`."""
    study = patients(tmp_path / "study")
    (study / "1" / "scan.img").rename(study / "1" / "SCAN.IMG")
    page.set_input_files("#files", sorted((study / "1").iterdir()))
    rows = page.locator(".uploads > li")
    expect(rows).to_have_attribute("data-state", "ready")
    drop(page, study / "3" / "scan.hdr", study / "2" / "scan.hdr", study / "2" / "scan.img")
    expect(rows).to_have_count(4)
    expect(rows.and_(page.locator("[data-state=refused]"))).to_have_count(3)
