"""Two masks side by side and as a difference, and a second scan that is linked by position."""

import time
from collections.abc import Iterator
from functools import partial
from uuid import uuid4

import nibabel
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from imaging.formats.limits import Limits
from imaging.formats.mask_file import write
from imaging.formats.sniff import open_scan
from imaging.metrics import dice
from jobs.blobs import open_blobs
from jobs.review import Review
from tests.support.finished_jobs import complete_report, run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes
from tests.support.page import watched
from tests.support.screen import Screen
from tests.support.waiting import until

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SHAPE = (24, 24, 20)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
COLOURS = {"Only in A": (230, 159, 0), "Only in B": (86, 180, 233), "Same in both": (138, 138, 138)}


@pytest.fixture
def page(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    for page in watched(browser, str(gateway.client.base_url)):
        page.set_viewport_size({"width": 1280, "height": 720})
        yield page


def block(*slices: slice) -> NDArray[np.uint8]:
    mask = np.zeros(SHAPE, np.uint8)
    mask[slices] = 1
    return mask


def corrected(gateway: Gateway, job: str, mask: NDArray[np.uint8]) -> str:
    """The id of a review with a corrected mask."""
    store, folder = open_blobs(gateway.settings), gateway.data.parent
    with gateway.repository() as repository:
        scan = repository.scans.get("local", repository.jobs.by_id(job).grid_scan)
        with store.local(scan.sha256) as path:
            write(folder / "label.nii.gz", mask, open_scan(path, Limits()))
        review = Review(
            id=uuid4().hex,
            job=job,
            verdict="corrected",
            comment="",
            reviewer="Ann",
            created_at=time.time(),
            mask_sha256=store.put(folder / "label.nii.gz"),
            mask_format="nifti",
        )
        return repository.reviews.add("local", review).id


def finished(gateway: Gateway, content: bytes, mask: NDArray[np.uint8], name: str) -> str:
    scan = gateway.scan(content, name)
    job = str(gateway.job(scan=scan, model="solid")["id"])
    run_job(gateway, job, mask)
    complete_report(gateway, job)
    return job


def complete(page: Page) -> None:
    page.wait_for_function("() => window.tessera.compared().complete")


def spots(page: Page, world: NDArray[np.float64], image: int) -> list[dict[str, float]]:
    found: list[dict[str, float]] = page.evaluate(
        "([p, image]) => window.tessera.project(p, image)", [world[:3].tolist(), image]
    )
    return found


def shows(page: Page, voxel: tuple[int, ...], image: int, colour: tuple[int, ...]) -> bool:
    """Whether an image shows about this hue at a voxel, after the crosshair went there."""
    world = AFFINE @ [*voxel, 1]
    page.evaluate("p => window.tessera.jump(p)", world[:3].tolist())
    screen = Screen(page).shoot()
    (spot,) = spots(page, world, image)
    shown = np.median(screen.around(spot, 4), axis=0)
    grey = shown.max() - shown.min() < 40
    wanted = np.array(colour, float)
    if wanted.max() - wanted.min() < 40:
        return bool(grey)
    return bool(not grey and np.corrcoef(shown, wanted)[0, 1] > 0.9)


def test_two_masks_side_by_side_and_their_difference(page: Page, gateway: Gateway) -> None:
    before = block(slice(4, 14), slice(6, 16), slice(5, 12))
    after = block(slice(8, 18), slice(6, 16), slice(5, 10))
    voxels = nifti_bytes(SHAPE, affine=AFFINE)
    job = finished(gateway, voxels, before, "both.nii")
    review = corrected(gateway, job, after)
    page.evaluate(f"location.hash = 'job={job}'")
    page.wait_for_selector(".stage[data-mask=shown]")
    page.get_by_role("link", name="Compare with the mask before").press("Enter")
    complete(page)
    page.go_back()
    page.wait_for_selector(".stage[data-mask=shown]")
    page.keyboard.press("y")
    complete(page)
    assert f"with-review={review}" in page.url, "the corrected mask is the first choice"

    red, nothing = (255, 0, 0), (128, 128, 128)
    for voxel, colours in (((5, 10, 7), (red, nothing)), ((16, 10, 7), (nothing, red))):
        for image, colour in enumerate(colours):
            until(partial(shows, page, voxel, image, colour))

    common = before & after
    figure = dice(before > 0, after > 0)
    expect(page.locator("#dice")).to_have_text(f"Dice {figure:.3f}")
    path = f"/v1/jobs/{job}/comparison?with_review={review}"
    served = gateway.client.get(path).json()
    assert served["dice"] == figure
    ml = 2 * 2 * 3 / 1000
    rows = page.get_by_role("list", name="Differences").get_by_role("listitem")
    for row, mask in enumerate((before - common, after - common)):
        count = int(mask.sum())
        expect(rows.nth(row)).to_contain_text(f"{count} voxels")
        expect(rows.nth(row)).to_contain_text(f"{count * ml:.2f} ml")

    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Difference")).to_have_attribute("aria-pressed", "true")
    places = {"Only in A": (5, 10, 7), "Only in B": (16, 10, 7), "Same in both": (10, 10, 7)}
    page.keyboard.press("]")
    for kind, voxel in places.items():
        until(partial(shows, page, voxel, 0, COLOURS[kind]))
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.reload()
    complete(page)
    expect(page.get_by_role("button", name="Difference")).to_have_attribute("aria-pressed", "true")

    listed = page.get_by_role("region", name="Slices with differences").get_by_role("button")
    expect(listed).to_have_count(7)  # slices 5 to 11
    expect(page.locator(".slices [aria-current]")).to_have_count(1)
    numbers = []
    for key in "kkkkkkkjj":
        page.keyboard.press(key)
        numbers.append(page.locator(".slices [aria-current]").inner_text().split()[0])
    assert numbers[6] == "9", "axial slices are counted from the head: 20 - 11"
    assert numbers[-2:] == ["10", "11"]
    page.keyboard.press("Escape")
    page.wait_for_selector(".stage[data-mask=shown]")


def landmark(shape: tuple[int, ...], affine: NDArray[np.float64], at: list[float]) -> bytes:
    """A dark scan with a bright ball of 6 mm at a point in mm."""
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    world = grid @ affine[:3, :3].T + affine[:3, 3]
    ball = np.linalg.norm(world - at, axis=-1) < 6
    noise = np.random.default_rng(len(at)).integers(0, 200, shape)
    image = nibabel.Nifti1Image(np.where(ball, 1000, noise).astype(np.int16), affine)
    image.header.set_xyzt_units("mm")
    return bytes(image.to_bytes())


def crosshair(page: Page, image: str) -> tuple[float, float]:
    """Where the lines of the crosshair meet, in pixels of the window."""
    found = page.locator(f"[data-side={image}] .pane:not([hidden]) .cross").evaluate(
        """cross => {
          const box = cross.getBoundingClientRect()
          const [across, , up] = cross.querySelectorAll('line')
          const at = (line, name) => Number(line.getAttribute(name))
          return [box.left + at(up, 'x1'), box.top + at(across, 'y1')]
        }"""
    )
    return (float(found[0]), float(found[1]))


def test_a_scan_of_another_grid_is_linked_by_position(page: Page, gateway: Gateway) -> None:
    place = [10.0, -6.0, 15.0]
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    oblique = np.diag([-1.5, 1.5, 8.0, 1.0])
    oblique[:2, :2] = turn @ oblique[:2, :2]
    oblique[:3, 3] = [40, -50, -26]
    fine = np.diag([2.0, 2.0, 3.0, 1.0])
    fine[:3, 3] = [-24, -30, -16]
    mask = np.zeros((26, 26, 20), np.uint8)
    mask[2:4, 2:4, 2:4] = 1
    job = finished(gateway, landmark(mask.shape, fine, place), mask, "recent.nii")
    prior = gateway.scan(landmark((44, 48, 8), oblique, place), "prior.nii")

    page.evaluate(f"location.hash = 'job={job}'")
    page.wait_for_selector(".stage[data-mask=shown]")
    page.keyboard.press("y")
    complete(page)
    page.locator("#compare-scan").select_option(prior)
    expect(page.locator("#alignment")).to_contain_text("not known whether positions are shared")
    complete(page)

    def under_both() -> bool:
        page.evaluate("p => window.tessera.jump(p)", place)
        screen = Screen(page).shoot()
        values = [
            screen.around({"x": x, "y": y}, 20).astype(int)
            for x, y in (crosshair(page, "A"), crosshair(page, "B"))
        ]
        return all(np.median(one.max(1)) > 150 for one in values)

    until(under_both)
    for image in (0, 1):
        (spot,) = spots(page, np.array([*place, 1.0]), image)
        at = crosshair(page, "AB"[image])
        assert np.hypot(spot["x"] - at[0], spot["y"] - at[1]) < (20 if image == 0 else 1)
    page.keyboard.press("ArrowDown")
    (first,), (second,) = ([spots(page, np.array([*place, 1.0]), n)] for n in (0, 1))
    assert (len(first), len(second)) == (0, 1), "3 mm further: another slice of A, the same of B"

    page.keyboard.press("l")
    expect(page.locator("#alignment")).to_contain_text("The images move apart")
    page.keyboard.press("t")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("l")
    expect(page.locator("#alignment")).to_contain_text("Aligned by hand")
    assert "offset=" in page.url
    offset = page.locator(".alignment .fact").inner_text()
    assert Axe().run(page, options=RULES).response["violations"] == []
    page.reload()
    complete(page)
    expect(page.locator(".alignment .fact")).to_have_text(offset)
