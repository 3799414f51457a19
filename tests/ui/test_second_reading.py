"""Two readers judge a mask without seeing each other, and a third one decides, by keyboard."""

import json
from functools import partial
from pathlib import Path

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from imaging.formats.limits import Limits
from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from tests.support.finished_jobs import finished_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes
from tests.support.screen import Screen
from tests.support.waiting import until

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SHAPE = (24, 24, 20)


def mask_of(rows: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[4 : 4 + rows, 6:16, 5:15] = 1
    return mask


def shows_the_model(page: Page, wanted: bool) -> bool:
    """Whether each plane shows a mask, or none, where only the model's one has its label."""
    world = [16.0, 20.0, 30.0]
    page.evaluate("p => window.tessera.jump(p)", world)
    screen = Screen(page).shoot()
    colours = [screen.around(spot, 3).astype(int).mean(0) for spot in screen.spots([world])[0]]
    return {bool(red > green + 20) for red, green, _ in colours} == {wanted}


def open_as(page: Page, name: str, job: str) -> None:
    """Opens a job under a reader's name."""
    page.evaluate(f"localStorage.setItem('tessera.reviewer', '{name}')")
    page.evaluate(f"location.hash = 'job={job}'")
    page.reload()
    page.wait_for_function("() => window.tessera.shown().mask")
    expect(page.locator("#accepted")).to_be_enabled()


def correct(gateway: Gateway, scan: str, name: str, rows: int, folder: Path) -> None:
    """Sends a label map as 3D Slicer does."""
    image, label = folder / "image.nii.gz", folder / "label.nii.gz"
    path = f"/monai-label/datastore/image?image={scan}"
    image.write_bytes(gateway.client.get(path).content)
    write(label, mask_of(rows), open_scan(image, Limits()))
    params = {"client_id": name, "label_info": [{"name": "thing", "idx": 1}]}
    answer = gateway.client.put(
        f"/monai-label/datastore/label?image={scan}",
        files={"label": ("label.nii.gz", label.read_bytes())},
        data={"params": json.dumps(params)},
    )
    assert answer.status_code == 200, answer.text


def test_two_blind_readers_and_one_who_decides(
    reader: Page, second_reader: Page, gateway: Gateway, tmp_path: Path
) -> None:
    ann, other = reader, second_reader
    job = finished_job(gateway, nifti_bytes(SHAPE, 5), "both.nii", mask_of(16))
    (scan,) = gateway.client.get(f"/v1/jobs/{job}").json()["scans"].values()
    note, row = "#reading-note", f"[data-job='{job}']"

    open_as(ann, "", job)
    ann.locator("#request-reading").press("Enter")
    ann.get_by_role("button", name="Cancel the second reading").press("Enter")
    question = ann.get_by_role("dialog")
    expect(question).to_contain_text("All reviews of this mask are then shown to everybody")
    question.get_by_role("button", name="Cancel the second reading").click()
    ann.locator("#request-reading").press("Enter")
    expect(ann.locator(note)).to_contain_text("0 of 2 readings are given")
    ann.keyboard.press("a")
    expect(ann.locator("#reviewer")).to_be_focused()  # a reading needs a name
    ann.keyboard.type("Ann")
    ann.keyboard.press("Tab")
    open_as(other, "Bob", job)
    ann.locator("#accepted").press("Enter")
    expect(ann.locator(note)).to_contain_text("hidden from others until 1 other reader has")

    expect(other.locator(note)).to_contain_text("1 of 2 readings are given")
    expect(other.locator(row)).to_contain_text("1 of 2 readings")
    expect(other.locator(".reviews li")).to_have_count(0)
    expect(other.locator("#accepted")).to_have_attribute("aria-pressed", "false")
    assert "Ann" not in other.content()

    correct(gateway, scan, "Bob", 8, tmp_path)
    expect(ann.locator(note)).to_have_text("The readers differ. Another reader decides.")
    expect(ann.locator(row)).to_contain_text("to be adjudicated")

    open_as(other, "Cem", job)
    expect(other.locator(note)).to_contain_text("your verdict decides")
    table = other.get_by_role("table", name="Readings side by side")
    for part in ("Reader 1", "Reader 2", "Accepted", "Corrected"):
        expect(table).to_contain_text(part)
    expect(other.locator(".second-reading .overlap")).to_contain_text("Dice 0.67")
    assert "Ann" not in table.inner_text()
    assert Axe().run(other, options=RULES).response["violations"] == []
    for shown in (True, False) * 2:
        until(partial(shows_the_model, other, shown))
        other.keyboard.press("v")
    until(partial(shows_the_model, other, True))
    other.keyboard.press("v")
    expect(other.get_by_role("button", name="Reader 2")).to_have_attribute("aria-pressed", "true")
    other.keyboard.press("d")
    expect(other.locator(note)).to_have_text("Another reader has decided.")
    for part in ("Ann", "Bob"):
        expect(table).to_contain_text(part)
    expect(ann.locator("#pill")).to_have_text("corrected")

    ann.select_option("[aria-label=Filter]", "all")
    ann.get_by_text("More filters and views").click()
    ann.get_by_role("button", name="Second readings").click()
    expect(ann.get_by_role("dialog")).to_contain_text("Read by two readers1 job")
    assert Axe().run(ann, options=RULES).response["violations"] == []
    ann.keyboard.press("Escape")

    permissions = ["jobs:read", "models:read", "results:read", "reviews:read", "scans:read"]
    account = gateway.client.get("/v1/account").json()
    account |= {"reader": "Cem", "permissions": permissions}
    other.route("**/v1/account", lambda route: route.fulfill(json=account))
    other.reload()
    expect(other.get_by_role("table", name="Readings side by side")).to_be_visible()
    skip = other.get_by_role("button", name="Skip")
    expect(skip).to_be_visible()
    for name in ("Accept", "Reject", "Assign …", "Delete scan …", "Use this scan again"):
        expect(other.get_by_role("button", name=name)).to_have_count(0)
