"""Masks that are uploaded with their scans: recognised, drawn with their own labels, judged."""

from pathlib import Path

import nibabel
import numpy as np
from playwright.sync_api import Page, expect

from tests.support.dicom.files import classic
from tests.support.dicom.given_masks import write_with_seg
from tests.support.dicom.scans import voxels
from tests.support.screen import Screen


def saved(path: Path, data: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(data, np.eye(4))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def test_masks_come_with_their_scans(page: Page, tmp_path: Path) -> None:
    grid = (24, 20, 12)
    mask = np.zeros(grid, np.uint8)
    mask[4:12, 4:16, 2:9] = 1
    mask[14:22, 4:16, 2:9] = 2
    images = classic(voxels(grid), np.eye(4), modality="CT", WindowCenter=40, WindowWidth=400)
    page.set_input_files("#files", write_with_seg(images, tmp_path, mask))
    row = page.locator(".uploads > li")
    expect(row).to_contain_text("Mask: Tumour, Vessel")
    row.get_by_role("button", name="Review this mask").click()
    page.wait_for_selector(".stage[data-mask=shown]")
    expect(page.locator(".findings .labels li")).to_have_count(2)
    expect(page.locator(".panel .use")).to_have_text(
        "The mask was uploaded with the scan, as a DICOM Segmentation. "
        "Its file says that it was made automatically."
    )
    for _ in range(5):
        page.keyboard.press("]")  # areas without the scan
    for place, colour in (([7, 8, 5], (200, 30, 90)), ([17, 8, 5], (32, 96, 240))):
        page.evaluate("p => window.tessera.jump(p)", [place[0] + 3, place[1] + 4, place[2]])
        screen = Screen(page).shoot()
        spots = [spot for spot in screen.spots([place])[0] if spot["plane"] == "axial"]
        assert np.abs(screen.at(spots[0]).astype(int) - colour).max() <= 3
    page.click("#accepted")
    expect(page.locator(".jobs li[data-verdict=accepted]").first).to_contain_text("Mask mask.dcm")
    # files that state nothing: a name is a guess, and the reader chooses
    page.keyboard.press("n")
    scan = saved(tmp_path / "t1.nii.gz", voxels(grid, seed=9).astype(np.float32))
    label = saved(tmp_path / "t1_seg.nii.gz", np.where(mask > 0, mask + 4, 0).astype(np.int16))
    page.set_input_files("#files", [scan, label])
    choice = page.get_by_label("What t1_seg.nii.gz is")
    expect(choice.locator("option:checked")).to_have_text("a mask of t1.nii.gz")
    choice.focus()
    page.keyboard.press("Home")  # "a scan", by the keyboard
    expect(choice).to_be_focused()
    review = choice.locator("xpath=ancestor::li").get_by_role("button", name="Review this mask")
    expect(review).to_have_count(0)
    choice.select_option("a mask of t1.nii.gz")
    review.click()
    page.wait_for_selector(".stage[data-mask=shown]")
    expect(page.locator(".findings .labels")).to_contain_text("Label 5")
    expect(page.locator(".panel .use")).to_contain_text("as a label map.")
