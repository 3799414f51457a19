"""A reader's way through the page: upload, wait, look, judge, come back."""

import gzip
import io
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import nibabel
import nilearn
import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Error, Page, Route, expect
from scipy import ndimage

from tests.support.page import finish
from tests.support.screen import Screen

CROP = (40, 56, 44)
HIPPOCAMPUS_MM = (-25, -22, -18)


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MNI152 around the left hippocampus, stored with axes reordered and flipped, 1 x 1 x 1 mm."""
    folder = Path(nilearn.__file__).parent / "datasets" / "data"
    (path,) = folder.glob("mni_icbm152_t1_*.nii.gz")
    whole = nibabel.load(path)
    middle = np.round(np.linalg.inv(whole.affine) @ [*HIPPOCAMPUS_MM, 1])[:3].astype(int)
    box = tuple(slice(m - n // 2, m + n // 2) for m, n in zip(middle, CROP, strict=True))
    crop = whole.slicer[box]
    turned = crop.as_reoriented(np.array([[1, -1], [0, -1], [2, 1]]))
    assert nibabel.aff2axcodes(turned.affine) != ("R", "A", "S")
    out = tmp_path_factory.mktemp("scans") / "subject.nii.gz"
    nibabel.save(turned, out)
    return out


def picture(folder: Path, rows: int, columns: int) -> Path:
    """Stained tissue of that size, scikit-image's own mirrored beyond its edges."""
    tissue = skimage.data.immunohistochemistry()
    grown = np.pad(tissue, ((0, 0), (0, max(0, columns - 512)), (0, 0)), "symmetric")
    path = folder / f"tissue-{rows}-{columns}.png"
    Image.fromarray(grown[:rows, :columns]).save(path)
    return path


def share_of(pixels: NDArray[np.uint8], colour: str) -> float:
    """How much of `pixels` has this very colour."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(pixels.astype(int) - wanted).max(-1) <= 3).mean())


def hold(page: Page, pattern: str = r"/mask\?") -> list[Route]:
    """What the page asks for, masks as a rule, waits here until it is let go."""
    held: list[Route] = []
    page.route(re.compile(pattern), lambda route: held.append(route))
    return held


def asked_for(page: Page, held: list[Route]) -> list[Route]:
    """`held`, once something is in it."""
    for _ in range(600):
        if held:
            return held
        page.wait_for_timeout(50)
    raise AssertionError("the page never asked")


def begin(page: Page, path: Path) -> str:
    """Uploads a scan, chooses a model and starts a job; its id."""
    page.set_input_files("#files", path)
    expect(page.locator(".uploads li")).to_have_attribute("data-state", "ready")
    model = "nuclei-2d" if path.suffix == ".png" else "hippocampus-mri-3d"
    page.locator(f"label.card:has(input[value='{model}'])").click()
    page.click("#start")
    page.wait_for_url(re.compile("#job="))
    return page.url.partition("#job=")[2]


def within(spot: dict[str, Any], frame: Any, cross: dict[str, Any]) -> bool:
    """On the canvas, and not under the crosshair."""
    x, y = spot["x"] - frame["x"], spot["y"] - frame["y"]
    far = min(abs(spot["x"] - cross["x"]), abs(spot["y"] - cross["y"]))
    return 4 < x < frame["width"] - 4 and 4 < y < frame["height"] - 4 and far > 6


def let_go(page: Page, held: list[Route]) -> None:
    for route in asked_for(page, held):
        route.continue_()
    page.wait_for_selector(".stage[data-mask=shown]")


def mixed(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """A pixel around which about as much is mask as is not, away from the edges."""
    share = ndimage.uniform_filter(inside.astype(np.float32), 80)[40:-40, 40:-40]
    row, column = np.unravel_index(np.abs(share - 0.5).argmin(), share.shape)
    return int(row) + 40, int(column) + 40


def opaque(page: Page) -> None:
    page.locator("#opacity").fill("100")


def jump(page: Page, point: Sequence[float]) -> None:
    page.evaluate("p => window.tessera.jump(p)", list(point))


def test_a_volume_is_uploaded_segmented_seen_accepted_and_found_again(
    page: Page, address: str, brain: Path
) -> None:
    held = hold(page)
    job = begin(page, brain)
    report = finish(page, address, job)
    labels = report["measurements"]["labels"]
    colours = {n["value"]: n["color"] for n in model_of(address, job)["labels"]}
    assert all(row["voxels"] > 300 for row in labels)
    opaque(page)
    screen = Screen(page)

    before = {}
    for row in labels:
        jump(page, row["centroid_mm"])
        (spots,) = screen.spots([row["centroid_mm"]])
        assert {spot["plane"] for spot in spots} == {"axial", "coronal", "sagittal"}
        screen.shoot()
        before[row["value"]] = [share_of(screen.around(s), colours[row["value"]]) for s in spots]
    assert all(share == 0 for shares in before.values() for share in shares)

    let_go(page, held)
    for row in labels:
        jump(page, row["centroid_mm"])
        (spots,) = screen.spots([row["centroid_mm"]])
        screen.shoot()
        shares = [share_of(screen.around(s), colours[row["value"]]) for s in spots]
        assert min(shares) > 0.4, (row["name"], shares)

    page.fill("#comment", "The tail is short by a slice.")
    page.fill("#reviewer", "Reader One")
    page.keyboard.press("Tab")
    page.click("#accepted")
    expect(page.locator(f'[data-job="{job}"]')).to_have_attribute("data-verdict", "accepted")
    page.unroute_all()
    page.goto("about:blank")
    page.goto(f"{address}/#job={job}")  # the page may have opened the next mask by itself
    page.wait_for_selector(".stage[data-mask=shown]")
    expect(page.locator("#pill")).to_have_text("accepted")
    expect(page.locator(".reviews li")).to_contain_text("The tail is short by a slice.")
    expect(page.locator(".reviews li")).to_contain_text("Reader One")
    expect(page.locator(f'[data-job="{job}"]')).to_have_attribute("data-verdict", "accepted")


def test_every_voxel_of_a_slice_is_drawn_where_it_lies(
    page: Page, address: str, brain: Path
) -> None:
    """Against the mask as the service stores it, in a scan whose axes are flipped and swapped."""
    job = begin(page, brain)
    finish(page, address, job)
    page.wait_for_selector(".stage[data-mask=shown]")
    opaque(page)
    page.keyboard.press("2")  # axial alone
    mask = mask_of(address, job)
    data = np.asarray(mask.dataobj)
    k = int(np.bincount(np.nonzero(data)[2]).argmax())
    corner = mask.affine @ [0, 0, k, 1]
    jump(page, corner[:3])  # the crosshair lies off the mask
    grid = [(i, j, k) for i in range(data.shape[0]) for j in range(data.shape[1])]
    world = [(mask.affine @ [*voxel, 1])[:3].tolist() for voxel in grid]
    screen = Screen(page).shoot()
    colours = {n["value"]: n["color"] for n in model_of(address, job)["labels"]}
    wrong = checked = 0
    for voxel, spots in zip(grid, screen.spots(world), strict=True):
        if min(voxel[:2]) < 2:
            continue  # under the crosshair
        (spot,) = spots
        seen = [v for v, c in colours.items() if share_of(screen.at(spot)[None], c)]
        wrong += seen != [n for n in [int(data[voxel])] if n]
        checked += 1
    assert np.count_nonzero(data[..., k]) > 100
    assert checked > 2000
    assert wrong == 0

    first, second = (s[0] for s in screen.spots([(-40, *world[0][1:]), (-20, *world[0][1:])]))
    assert first["x"] > second["x"]  # the patient's left is on the reader's right


@pytest.mark.parametrize(("rows", "columns"), [(300, 512), (160, 8300)])
def test_a_picture_is_drawn_under_its_mask_pixel_by_pixel(
    page: Page, address: str, tmp_path: Path, rows: int, columns: int
) -> None:
    """The second is wider than a texture may be, so every other pixel of it is drawn."""
    held = hold(page)
    path = picture(tmp_path, rows, columns)
    job = begin(page, path)
    report = finish(page, address, job)
    assert report["measurements"]["instances"]["count"] > 10
    opaque(page)
    mask = np.asarray(Image.open(io.BytesIO(png_of(address, job))))
    assert mask.shape == (rows, columns)
    step = 1 if columns < 8192 else 2
    row, column = mixed(mask > 0)
    middle = page.evaluate(f"window.tessera.worldOfPixel({row}, {column})")
    jump(page, middle)
    for _ in range(4 if step == 1 else 12):
        page.keyboard.press("+")
    pixels = [(r, c) for r in range(0, rows, 7) for c in range(0, columns, 6 * step)]
    let_go(page, held)
    page.keyboard.press("m")
    screen = Screen(page).shoot()
    script = "all => all.map(([r, c]) => window.tessera.worldOfPixel(r, c))"
    spots = [found[0] if found else None for found in screen.spots(page.evaluate(script, pixels))]
    ((cross,),) = screen.spots([middle])
    frame = page.locator("#view").bounding_box()
    assert frame is not None
    shown = [n for n, spot in enumerate(spots) if spot and within(spot, frame, cross)]
    bare = {n: screen.at(spots[n]).astype(int) for n in shown}  # type: ignore[arg-type]
    colours = np.asarray(Image.open(path)).astype(int)
    assert np.mean([np.abs(bare[n] - colours[pixels[n]]).mean() for n in shown]) < 15
    page.keyboard.press("m")
    screen.shoot()
    covered = {n for n in shown if np.abs(screen.at(spots[n]) - bare[n]).max() > 0}  # type: ignore[arg-type]
    inside = {n for n in shown if mask[pixels[n]] > 0}
    assert min(len(inside), len(shown) - len(inside)) > 100
    assert covered == inside
    size = page.locator(".findings .labels .size").inner_text()
    assert int(re.sub(r"\D", "", size)) == int((mask > 0).sum())


def test_what_is_no_scan_says_so_beside_one_that_is(
    page: Page, address: str, brain: Path, tmp_path: Path
) -> None:
    text = tmp_path / "notes.nii.gz"
    text.write_text("these are notes, and no scan")
    with text.open("rb") as file:
        refused = httpx.post(f"{address}/v1/scans", files={"files": file}, timeout=30).json()
    page.set_input_files("#files", [text, brain])
    row = page.locator(".uploads li", has_text="notes.nii.gz")
    expect(row).to_have_attribute("data-state", "refused")
    for part in ("detail", "expected", "hint"):
        expect(row).to_contain_text(refused[part])
    other = page.locator(".uploads li", has_text=brain.name)
    expect(other).to_have_attribute("data-state", "ready")
    expect(page.locator("#start")).to_be_enabled()


def test_without_webgl_the_still_picture_is_judged(blind_page: Page, brain: Path) -> None:
    job = begin(blind_page, brain)
    still = blind_page.locator("#still")
    expect(still).to_be_visible(timeout=60_000)
    assert still.evaluate("image => image.decode().then(() => image.naturalWidth)") > 30
    expect(blind_page.locator(".stage .cover")).to_contain_text("no WebGL 2")
    blind_page.keyboard.press("r")
    blind_page.keyboard.press("Enter")
    expect(blind_page.locator(f'[data-job="{job}"]')).to_have_attribute("data-verdict", "rejected")


def test_what_comes_late_is_not_shown_for_another_job(
    page: Page, address: str, brain: Path, tmp_path: Path
) -> None:
    """A scan's facts, its voxels or its mask that arrive after the reader went to another job."""
    volume = begin(page, brain)
    finish(page, address, volume)
    page.keyboard.press("n")
    flat = begin(page, picture(tmp_path, 200, 300))
    finish(page, address, flat)
    scan = httpx.get(f"{address}/v1/jobs/{volume}", timeout=30).json()["scans"]["t1"]
    for late in (f"/v1/scans/{scan}$", f"/v1/scans/{scan}/volume", f"/v1/jobs/{volume}/report$"):
        page.goto("about:blank")  # what the page knows already it would not ask for again
        held = hold(page, late)  # also what the page loads before its job opens
        page.goto(f"{address}/#job={flat}")
        page.wait_for_selector(".stage[data-mask=shown]")
        page.click(f'[data-job="{volume}"] a')
        page.wait_for_url(re.compile(volume))
        asked_for(page, held)
        page.click(f'[data-job="{flat}"] a')
        expect(page.locator("header.job h1")).to_have_text("tissue-200-300.png")
        page.wait_for_selector(".stage[data-mask=shown]")
        for route in held:
            with suppress(Error):  # the page may have given the request up
                route.continue_()
        page.unroute(re.compile(late))
        page.wait_for_timeout(1500)  # its head is drawn anew every second
        expect(page.locator("header.job h1")).to_have_text("tissue-200-300.png")
        expect(page.locator("header.job .facts")).to_contain_text("300 × 200 px")
        expect(page.locator(".jobview .findings-scroll")).to_contain_text("nucleus")
        expect(page.locator(".jobview .findings-scroll")).not_to_contain_text("hippocampus")
        expect(page.locator("#readout")).to_contain_text("column")
        page.click("text=Use this scan again")
        expect(page.locator(".uploads li")).to_contain_text("tissue-200-300.png")


def test_keys_step_through_the_worklist_and_the_address_tells_where_one_is(
    page: Page, address: str, brain: Path
) -> None:
    older = begin(page, brain)
    finish(page, address, older)
    page.keyboard.press("n")
    expect(page.locator("#start-title")).to_be_visible()
    newer = begin(page, brain)
    assert newer != older
    finish(page, address, newer)
    page.keyboard.press("j")
    page.wait_for_url(re.compile(f"#job={older}"))
    page.keyboard.press("k")
    page.wait_for_url(re.compile(f"#job={newer}"))
    expect(page.locator(f'[data-job="{newer}"] a')).to_have_attribute("aria-current", "page")


def model_of(address: str, job: str) -> dict[str, Any]:
    name = httpx.get(f"{address}/v1/jobs/{job}", timeout=30).json()["model"]
    model: dict[str, Any] = httpx.get(f"{address}/v1/models/{name}", timeout=30).json()
    return model


def mask_of(address: str, job: str) -> nibabel.Nifti1Image:
    answer = httpx.get(f"{address}/v1/jobs/{job}/mask", timeout=30).raise_for_status()
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content))


def png_of(address: str, job: str) -> bytes:
    answer = httpx.get(f"{address}/v1/jobs/{job}/mask?format=png", timeout=30)
    return answer.raise_for_status().content
