"""What the viewer draws: grey values, outlines and orientation, in every storage of a volume."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nibabel
import nilearn
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page
from scipy import ndimage

from tests.support.screen import Screen
from tests.support.waiting import until

MODEL = "hippocampus-mri-3d"
OUTLINE = 2
"""Width of an outline in pixels, along the rows and columns of the screen."""
OVER = ".pane > :not(.slice)"
"""Crosshair, letters and text: they lie over the image."""
PLANES = ("axial", "coronal", "sagittal")
WINDOWS = {"1": (40, 80), "2": (80, 200), "3": (-600, 1500), "4": (50, 400), "6": (400, 1800)}


def segmented(address: str, path: Path) -> str:
    """The id of a finished job of the scan at `path`."""
    with path.open("rb") as file:
        sent = httpx.post(f"{address}/v1/scans", files={"files": file}, timeout=60)
    scan = sent.raise_for_status().json()
    new = {"scan": scan["id"], "model": MODEL}
    job: str = (
        httpx.post(f"{address}/v1/jobs", json=new, timeout=60).raise_for_status().json()["id"]
    )
    until(lambda: state_of(address, job) == "succeeded")
    return job


def state_of(address: str, job: str) -> str:
    state: str = httpx.get(f"{address}/v1/jobs/{job}", timeout=30).json()["state"]
    return state


def mask_of(address: str, job: str) -> nibabel.Nifti1Image:
    answer = httpx.get(f"{address}/v1/jobs/{job}/mask", timeout=30).raise_for_status()
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content))


def show(page: Page, address: str, job: str) -> None:
    page.goto("about:blank")
    page.goto(f"{address}/#job={job}")
    page.wait_for_selector(".stage[data-mask=shown]")


def stored(folder: Path, name: str, data: NDArray[Any], affine: NDArray[np.float64]) -> Path:
    image = nibabel.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm")
    path = folder / f"{name}.nii.gz"
    nibabel.save(image, path)
    return path


# grey values


@pytest.fixture(scope="module")
def blocks() -> NDArray[np.int16]:
    """Blocks of one value each, as in a CT: air around, then everything from -1000 to 1500."""
    random = np.random.default_rng(3)
    values = random.integers(-1000, 1500, (6, 6, 4)).astype(np.int16)
    values[1:5, 1:5] = random.integers(-160, 260, (4, 4, 4))
    values[0], values[-1] = -1000, -1000
    return values.repeat(10, 0).repeat(9, 1).repeat(8, 2)


def linear(value: int, centre: int, width: int) -> float:
    """PS3.3 C.11.2.1.2.1, for an output of 0 to 255."""
    if value <= centre - 0.5 - (width - 1) / 2:
        return 0
    if value > centre - 0.5 + (width - 1) / 2:
        return 255
    return ((value - (centre - 0.5)) / (width - 1) + 0.5) * 255


def test_shown_grey_is_the_linear_function_of_dicom(
    page: Page, address: str, tmp_path: Path, blocks: NDArray[np.int16]
) -> None:
    path = stored(tmp_path, "ct", blocks, np.diag([1, 1, 1.5, 1]))
    show(page, address, segmented(address, path))
    page.keyboard.press("m")  # without the mask
    centres = [(i, j, k) for i in range(5, 60, 10) for j in range(4, 54, 9) for k in (12, 20)]
    screen = Screen(page)
    checked = 0
    for key, (centre, width) in WINDOWS.items():
        page.keyboard.press(f"Shift+Digit{key}")
        assert page.locator(".pane[data-plane=axial] .window").inner_text() == (
            f"C {centre}  W {width}"
        )
        checked += sum(
            greys_agree(page, screen, blocks, voxel, centre, width) for voxel in centres[::18]
        )
    assert checked > 60


def greys_agree(
    page: Page, screen: Screen, blocks: NDArray[np.int16], at: tuple[int, int, int], c: int, w: int
) -> int:
    """Compares the middles of the blocks in the three slices through a voxel; their number."""
    page.evaluate("p => window.tessera.jump(p)", [at[0] + 2, at[1] + 2, (at[2] + 1) * 1.5])
    screen.shoot()
    count = 0
    voxels = [(i, j, at[2] + 1) for i in range(5, 60, 10) for j in range(4, 54, 9)]
    found = screen.spots([[i, j, k * 1.5] for i, j, k in voxels])
    for voxel, spots in zip(voxels, found, strict=True):
        wanted = linear(int(blocks[voxel]), c, w)
        for spot in spots:
            shown = screen.at(spot).astype(int)
            assert np.abs(shown - wanted).max() <= 1, (voxel, spot["plane"], shown, wanted)
            count += 1
    return count


def test_a_right_drag_sets_the_window_of_every_plane(
    page: Page, address: str, tmp_path: Path, blocks: NDArray[np.int16]
) -> None:
    path = stored(tmp_path, "drag", blocks, np.eye(4))
    show(page, address, segmented(address, path))
    page.keyboard.press("Shift+Digit4")
    pane = page.locator(".pane[data-plane=coronal]")
    box = pane.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 100)
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 90, box["y"] + 80, steps=4)
    texts = page.locator(".pane .window").all_inner_texts()[:3]  # live: the button is still down
    page.mouse.up(button="right")
    assert len(set(texts)) == 1
    centre, width = map(int, re.findall(r"-?\d+", texts[0]))
    assert width > 400  # to the right: wider
    assert centre > 50  # upwards: darker
    page.keyboard.press("0")
    assert page.locator(".pane .window").all_inner_texts()[:3] != texts


# storages


@dataclass(frozen=True)
class Storage:
    """How the same anatomy is stored."""

    data: NDArray[Any]
    affine: NDArray[np.float64]
    letters: dict[str, str]
    """Plane -> letters at the left, right, top and bottom."""


STRAIGHT = {"axial": "R L A P", "coronal": "R L S I", "sagittal": "A P S I"}


def turned(degrees: tuple[float, float]) -> NDArray[np.float64]:
    """A rotation about z, then about x."""
    a, b = np.radians(degrees)
    about_z = [[np.cos(a), -np.sin(a), 0, 0], [np.sin(a), np.cos(a), 0, 0], [0, 0, 1, 0]]
    about_x = [[1, 0, 0, 0], [0, np.cos(b), -np.sin(b), 0], [0, np.sin(b), np.cos(b), 0]]
    last = [0, 0, 0, 1]
    return np.array([*about_x, last]) @ np.array([*about_z, last])


def storages() -> Iterator[tuple[str, Storage]]:
    """The left hippocampus of MNI152, stored in six ways."""
    folder = Path(nilearn.__file__).parent / "datasets" / "data"
    (path,) = folder.glob("mni_icbm152_t1_*.nii.gz")
    whole = nibabel.load(path)
    middle = np.round(np.linalg.inv(whole.affine) @ [-25, -22, -18, 1])[:3].astype(int)
    box = tuple(slice(m - n // 2, m + n // 2) for m, n in zip(middle, (40, 56, 44), strict=True))
    cut = whole.slicer[box]

    def oriented(codes: str, image: nibabel.Nifti1Image = cut) -> tuple[NDArray[Any], Any]:
        start = nibabel.io_orientation(image.affine)
        change = nibabel.orientations.ornt_transform(
            start, nibabel.orientations.axcodes2ornt(tuple(codes))
        )
        out = image.as_reoriented(change)
        return np.asarray(out.dataobj), out.affine

    for name, codes in (
        ("axial", "LPS"),
        ("coronal", "LSA"),
        ("sagittal", "PSR"),
        ("flipped", "RAI"),
    ):
        yield name, Storage(*oriented(codes), STRAIGHT)
    data, affine = oriented("LPS", cut.slicer[:, :, ::3])
    yield "anisotropic", Storage(data, affine, STRAIGHT)
    data, affine = oriented("LAS")
    letters = {"axial": "RA LP AL PR", "coronal": "RA LP S I", "sagittal": "AL PR S I"}
    yield "oblique", Storage(data, turned((25, 0)) @ affine, letters)


STORAGES = dict(storages())


@pytest.fixture(scope="module", params=STORAGES)
def shown(
    request: pytest.FixtureRequest, address: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Storage, str]:
    """A storage, and the job that segmented it."""
    storage = STORAGES[request.param]
    path = stored(tmp_path_factory.mktemp("stored"), request.param, storage.data, storage.affine)
    return storage, segmented(address, path)


def test_letters_and_outlines_are_right_in_every_plane(
    page: Page, address: str, shown: tuple[Storage, str]
) -> None:
    """The letters name the sides of the patient. Every drawn pixel is as near to the true border of
    a label as the line is wide; no border is missing."""
    storage, job = shown
    show(page, address, job)
    for plane, letters in storage.letters.items():
        sides = page.locator(f".pane[data-plane={plane}] .side").all_inner_texts()
        assert " ".join(sides) == letters, plane
    mask = mask_of(address, job)
    data = np.asarray(mask.dataobj)
    if page.get_by_role("button", name="Fill", exact=True).get_attribute("aria-pressed") == "true":
        page.keyboard.press("f")
    point = np.argwhere(data == 1)[len(np.argwhere(data == 1)) // 2]
    page.evaluate("p => window.tessera.jump(p)", (mask.affine @ [*point, 1])[:3].tolist())
    page.evaluate(f"document.querySelectorAll('{OVER}').forEach(node => (node.hidden = true))")
    screen = Screen(page).shoot()
    colours = colours_of(address, job)
    for plane in PLANES:
        labels, grid = labels_on_screen(page, plane, mask, point)
        drawn = labels_drawn(page, screen, plane, colours)
        check_outline(labels, grid, drawn, plane)


def colours_of(address: str, job: str) -> dict[int, NDArray[np.int_]]:
    name = httpx.get(f"{address}/v1/jobs/{job}", timeout=30).json()["model"]
    labels = httpx.get(f"{address}/v1/models/{name}", timeout=30).json()["labels"]
    numbers = {one["value"]: one["color"].lstrip("#") for one in labels}
    return {value: np.array(list(bytes.fromhex(text))) for value, text in numbers.items()}


def frame(page: Page, plane: str) -> tuple[int, int, int, int]:
    box = page.locator(f".pane[data-plane={plane}] .slice").bounding_box()
    assert box is not None
    return tuple(round(box[name]) for name in ("x", "y", "width", "height"))  # type: ignore[return-value]


def labels_on_screen(
    page: Page, plane: str, mask: nibabel.Nifti1Image, point: NDArray[np.int_]
) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
    """The mask's value at the middle of each pixel of a pane, from three projected voxels.

    Beyond the grid it goes on as at its edge. Second: the pixels of the grid.
    """
    x, y, width, height = frame(page, plane)
    steps = np.array([[0, 0, 0], *np.eye(3, dtype=int)]) + point
    world = [(mask.affine @ [*step, 1])[:3].tolist() for step in steps]
    script = (
        "([plane, all]) => all.map(p => window.tessera.project(p).find(s => s.plane === plane))"
    )
    spots = page.evaluate(script, [plane, world])
    inside = [axis for axis in range(3) if spots[axis + 1] is not None]
    assert len(inside) == 2  # the third axis leads out of the slice
    start = np.array([spots[0]["x"] - x, spots[0]["y"] - y])
    columns = [[spots[n + 1]["x"] - x, spots[n + 1]["y"] - y] - start for n in inside]
    pixels = np.stack(np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5), -1)
    moved = np.rint((pixels - start) @ np.linalg.inv(np.array(columns).T).T).astype(int)
    index = np.broadcast_to(point, (height, width, 3)).copy()
    for n, axis in enumerate(inside):
        index[..., axis] += moved[..., n]
    within = ((index >= 0) & (index < mask.shape)).all(-1)
    values = np.asarray(mask.dataobj)[
        tuple(np.moveaxis(index.clip(0, np.array(mask.shape) - 1), -1, 0))
    ]
    return values, within


def labels_drawn(
    page: Page, screen: Screen, plane: str, colours: dict[int, NDArray[np.int_]]
) -> NDArray[np.int_]:
    """Pixels of a pane in the very colour of a label."""
    x, y, width, height = frame(page, plane)
    part = screen.pixels[y : y + height, x : x + width].astype(int)
    drawn = np.zeros(part.shape[:2], int)
    for value, colour in colours.items():
        drawn[(np.abs(part - colour) <= 3).all(-1)] = value
    return drawn


def check_outline(
    labels: NDArray[np.int_], grid: NDArray[np.bool_], drawn: NDArray[np.int_], plane: str
) -> None:
    square = np.ones((2 * OUTLINE + 3,) * 2, bool)  # one pixel more, for rounding at the border
    for value in np.unique(drawn[drawn > 0]):
        inside = labels == value
        near = ndimage.binary_dilation(inside, square) & ndimage.binary_dilation(~inside, square)
        assert not (drawn == value)[~near].any(), (plane, value)
    assert np.count_nonzero(drawn) > 60, plane
    border = np.zeros(labels.shape, bool)
    for value in np.unique(labels[labels > 0]):
        inside = labels == value
        border |= inside & ~ndimage.binary_erosion(inside, np.ones((3, 3), bool), border_value=1)
    covered = ndimage.binary_dilation(drawn > 0, np.ones((3, 3), bool))
    assert (border & grid & covered).sum() > 0.99 * (border & grid).sum(), plane
