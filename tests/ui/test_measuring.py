"""Measurements are drawn in the image, have the right numbers, and are saved with the review."""

import json
import re
from io import BytesIO
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.support.finished_jobs import finished_job
from tests.support.gateway import Gateway
from tests.support.images import png_bytes

SHAPE = (26, 22, 20)
SPACING = np.array([0.8, 1.3, 2.1])
MIDDLE = np.array([12, 11, 9])
PLANES = ("axial", "coronal", "sagittal")
PLACED = {"l": 2, "g": 3, "b": 2, "e": 2, "p": 1}
"""Key of a tool -> points that are placed."""
CORNERS = ((-4, -3), (5, 4), (5, -2))
"""Offsets of the placed points from the middle, in voxels along the axes of a slice."""


def turned() -> NDArray[np.float64]:
    a, b = np.radians((25, 15))
    about_z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    about_x = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    return np.array(about_x) @ np.array(about_z)


STORAGES = {
    "axial": np.diag([-1.0, -1.0, 1.0]),
    "flipped": np.diag([1.0, 1.0, -1.0]),
    "sagittal": np.array([[0.0, 0, -1], [-1, 0, 0], [0, -1, 0]]),
    "oblique": turned(),
}


def affine_of(storage: str) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = STORAGES[storage] * SPACING
    affine[:3, 3] = (-11, 7, 30)
    return affine


def finished(gateway: Gateway, data: bytes, name: str, shape: tuple[int, ...]) -> str:
    mask = np.zeros(shape, np.uint8)
    mask[2:5, 2:5] = 1
    return finished_job(gateway, data, name, mask, priority=9)


def volume(gateway: Gateway, storage: str) -> str:
    random = np.random.default_rng(len(storage))
    values = random.integers(-900, 900, SHAPE).astype(np.int16)
    image = nibabel.Nifti1Image(values, affine_of(storage))
    image.header.set_xyzt_units("mm")
    image.header.set_slope_inter(1, 0)
    return finished(gateway, image.to_bytes(), f"{storage}.nii", SHAPE)


def show(page: Page, job: str) -> None:
    page.evaluate(f"location.hash = 'job={job}'")
    page.wait_for_function(
        "job => window.tessera.shown().job === job && window.tessera.shown().mask", arg=job
    )
    expect(page.locator("#accepted")).to_be_enabled()
    page.wait_for_load_state("networkidle")


def spot(page: Page, plane: str, world: NDArray[np.float64]) -> tuple[float, float] | None:
    """Where a point is in a plane, if its slice contains it."""
    script = "([plane, p]) => window.tessera.project(p).find(one => one.plane === plane)"
    found = page.evaluate(script, [plane, world.tolist()])
    return None if found is None else (found["x"], found["y"])


def press_through(page: Page, places: list[tuple[float, float]]) -> None:
    """Draws from the first place to the next ones."""
    page.mouse.move(*places[0])
    page.mouse.down()
    for n, place in enumerate(places[1:]):
        page.mouse.move(*place)
        if n:
            page.mouse.down()
        page.mouse.up()
    if len(places) == 1:
        page.mouse.up()


def drafted(page: Page, job: str) -> list[dict[str, Any]]:
    text = page.evaluate(f"localStorage.getItem('tessera.draft.{job}.measurements')")
    drawn: list[dict[str, Any]] = json.loads(json.loads(text)["text"]) if text else []
    return drawn


def own(page: Page) -> Locator:
    return page.locator(".measurements > div > .drawn > li")


def texts(rows: Locator) -> list[list[str]]:
    return [row.locator(".jump span").all_inner_texts() for row in rows.all()]


def expected_texts(one: dict[str, Any], voxels: str) -> list[str]:
    """What the page says, from what the service computes."""

    def rounded(value: float) -> str:
        return f"{value:.0f}" if abs(value) >= 1000 else f"{float(f'{value:.4g}'):g}"

    size = f"{one['size'] or 0:.1f}" if (one["size"] or 0) >= 10 else f"{one['size'] or 0:.3g}"
    unit = {"mm2": " mm²", "px2": " px²", "degrees": "°"}.get(one["unit"], f" {one['unit']}")
    if one["kind"] == "probe":
        return [f"{one['value']:g}"]
    lines = [f"{size}{unit}"]
    if "mean" in one:
        lines += [
            f"mean {rounded(one['mean'])}, SD {rounded(one['sd'])}",
            f"min {one['minimum']:g}, max {one['maximum']:g}",
            f"{one['voxels']} {voxels}",
        ]
    return lines


def check_texts(shown: list[list[str]], read: list[dict[str, Any]], voxels: str) -> None:
    """Numbers that end in 5 are rounded in two ways."""
    expected = [expected_texts(one, voxels) for one in read]
    numbers = re.compile(r"-?[0-9.]+(?:e[+-]?[0-9]+)?")
    for mine, its in zip(shown, expected, strict=True):
        words = [[numbers.sub("#", line) for line in lines] for lines in (mine, its)]
        assert words[0] == words[1]
        figures = [list(map(float, numbers.findall(" ".join(lines)))) for lines in (mine, its)]
        assert figures[0] == pytest.approx(figures[1], rel=1e-3), (mine, its)


def draw_in_planes(page: Page, job: str, affine: NDArray[np.float64], tools: str) -> None:
    """Each tool in every plane, at known voxels."""
    middle = affine[:3, :3] @ MIDDLE + affine[:3, 3]
    page.evaluate("p => window.tessera.jump(p)", middle.tolist())
    for plane in PLANES:
        axes = [n for n in range(3) if spot(page, plane, middle + affine[:3, n]) is not None]
        assert len(axes) == 2
        for key in tools:
            placed = PLACED[key]
            wanted = [middle + affine[:3, axes] @ corner for corner in CORNERS[:placed]]
            places = [spot(page, plane, point) for point in wanted]
            page.keyboard.press(key)
            press_through(page, [place for place in places if place is not None])
            page.keyboard.press("Escape")
            points = np.array(drafted(page, job)[-1]["points"])
            a = np.array(places[0])
            beside = spot(page, plane, middle + affine[:3, axes] @ np.add(CORNERS[0], (1, 0)))
            voxel_px = np.linalg.norm(np.array(beside) - a)
            within = 1.5 / voxel_px * SPACING.max()  # the pointer is on whole pixels
            if key in "lgp":
                assert np.abs(points - wanted).max() < within, (plane, key)
            assert np.abs(points.mean(0) - np.mean(wanted, 0)).max() < within, (plane, key)


def test_numbers_are_right_in_every_storage_and_plane(gateway: Gateway, reader: Page) -> None:
    """The list says what the service computes from the stored points and the stored scan.

    By keyboard, below, a scan is measured that is stored as axial.
    """
    reader.set_viewport_size({"width": 1000, "height": 560})  # less to draw
    for storage in ("flipped", "sagittal", "oblique"):
        job = volume(gateway, storage)
        show(reader, job)
        tools = "lgbep" if storage == "oblique" else "lb"
        draw_in_planes(reader, job, affine_of(storage), tools)
        shown = texts(own(reader))
        assert len(shown) == len(PLANES) * len(tools)
        reader.fill("#reviewer", "Dr. A")
        reader.locator("#accepted").click()
        expect(own(reader)).to_have_count(0)
        (review,) = gateway.client.get(f"/v1/jobs/{job}/reviews").json()
        path = f"/v1/jobs/{job}/reviews/{review['id']}/measurements"
        read = gateway.client.get(path).json()["measurements"]
        check_texts(shown, read, "voxels")
        assert drafted(reader, job) == []


def test_measuring_by_keyboard(gateway: Gateway, reader: Page) -> None:
    """Points are placed by keys; deletions are undone; drafts survive; saved ones are read-only."""
    job = volume(gateway, "axial")
    show(reader, job)
    for key in ("l", ".", *["Shift+ArrowRight"] * 4, *["Shift+ArrowDown"] * 3, "."):
        reader.keyboard.press(key)
    length = np.hypot(4 * SPACING[0], 3 * SPACING[1])
    expect(own(reader).locator(".size")).to_have_text(f"{length:.3g} mm")
    reader.keyboard.press(".")
    expect(reader.locator(".measurements .hint")).to_have_text("Point 1 placed.")
    reader.keyboard.press("Escape")
    expect(reader.locator(".measurements .hint")).to_have_text("Cancelled.")
    reader.keyboard.press("Escape")
    expect(reader.locator(".tools [data-kind=length]")).to_have_attribute("aria-pressed", "false")
    for key, count in (("Delete", 0), ("z", 1)):
        reader.keyboard.press(key)
        expect(own(reader)).to_have_count(count)
    move_as_a_whole(reader, job)
    label = own(reader).locator("input")
    label.fill("tail")
    label.press("Enter")
    reader.reload()
    show(reader, job)
    expect(own(reader).locator("input")).to_have_value("tail")
    figures = reader.locator("[data-plane=axial] .measure")
    expect(figures).to_have_count(1)
    reader.keyboard.press("h")
    expect(figures).to_have_count(0)
    reader.keyboard.press("h")
    reader.fill("#reviewer", "Dr. A")
    reader.keyboard.press("Tab")
    reader.keyboard.press("a")
    expect(reader.locator(".undo button")).to_be_visible()
    reader.keyboard.press("u")
    expect(own(reader).locator("input")).to_have_value("tail")
    reader.locator("#accepted").click()
    expect(own(reader)).to_have_count(0)
    show(reader, job)
    saved = reader.get_by_role("region", name="Measured by Dr. A")
    expect(saved.locator(".size")).to_have_text(f"{length:.3g} mm")
    expect(saved.locator("input[type=text]")).to_have_count(0)
    saved.get_by_role("checkbox").uncheck()
    expect(figures).to_have_count(0)


def move_as_a_whole(page: Page, job: str) -> None:
    """The one measurement, a length on an axial slice: by keys, then by its line."""
    before = np.array(drafted(page, job)[0]["points"])
    for key in (",", *["Shift+ArrowRight"] * 3, "Shift+ArrowUp", "Escape", "Shift+ArrowRight"):
        page.keyboard.press(key)
    moved = np.array(drafted(page, job)[0]["points"])
    voxels = np.array([3 * -SPACING[0], SPACING[1], 0])  # the patient's left is on the right
    assert np.abs(moved - before - voxels).max() < 1e-3
    middle = spot(page, "axial", moved.mean(0))
    assert middle is not None
    page.mouse.move(*middle)
    expect(page.locator("[data-plane=axial]")).to_have_class(re.compile("grips"))
    page.mouse.down()
    page.mouse.move(middle[0] - 40, middle[1] + 30, steps=3)
    page.mouse.up()
    after = np.array(drafted(page, job)[0]["points"])
    assert np.abs((after[1] - after[0]) - (moved[1] - moved[0])).max() < 1e-3
    there = spot(page, "axial", after.mean(0))
    assert there == pytest.approx((middle[0] - 40, middle[1] + 30), abs=1)


def test_an_image_is_measured_in_pixels(gateway: Gateway, reader: Page) -> None:
    job = finished(gateway, png_bytes((60, 90)), "grey.png", (60, 90))
    show(reader, job)
    for key in ("b", "e"):
        reader.keyboard.press(key)
        places = [(12.0, 20.0), (31.0, 64.0)]
        script = "([r, c]) => window.tessera.project(window.tessera.worldOfPixel(r, c))[0]"
        ends = [reader.evaluate(script, list(place)) for place in places]
        press_through(reader, [(end["x"], end["y"]) for end in ends])
        reader.keyboard.press("Escape")
    corner = np.array(drafted(reader, job)[0]["points"][0])
    assert np.abs(corner - (20, 12, 0)).max() < 0.3
    shown = texts(own(reader))
    reader.locator("#accepted").click()
    expect(own(reader)).to_have_count(0)
    (review,) = gateway.client.get(f"/v1/jobs/{job}/reviews").json()
    path = f"/v1/jobs/{job}/reviews/{review['id']}/measurements"
    read = gateway.client.get(path).json()["measurements"]
    check_texts(shown, read, "pixels")
    assert {one["unit"] for one in read} == {"px2"}
    # an image that is stored in colours and is grey everywhere has one value, and is no RGB
    out = BytesIO()
    Image.open(BytesIO(png_bytes((60, 90)))).convert("RGB").save(out, "png")
    show(reader, finished(gateway, out.getvalue(), "stored.png", (60, 90)))
    expect(reader.locator("header.job .facts")).to_contain_text("90 × 60 px, grey")
    expect(reader.locator("#readout")).to_have_text(re.compile(r"value \d+$"))
