"""How the page shows a DICOM scan as its file asks for: its window, and the corners."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from pydicom import Dataset

from tests.support.dicom.files import NUMBER, PATIENT, classic, picture
from tests.support.dicom.given_masks import write_with_seg
from tests.support.screen import Screen

BLOCK = 8
Grey = Callable[[float], float]


def linear(centre: float, width: float) -> Grey:
    """PS3.3 C.11.2.1.2.1, from 0 to 255."""
    return lambda x: 255 * float(np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0, 1))


def sigmoid(centre: float, width: float) -> Grey:
    """PS3.3 C.11.2.1.3.1."""
    return lambda x: 255 / (1 + float(np.exp(-4 * (x - centre) / width)))


def negative(grey: Grey) -> Grey:
    return lambda x: 255 - grey(x)


def blocks(shape: tuple[int, ...], values: tuple[int, int]) -> NDArray[np.int16]:
    """Blocks of one value each."""
    random = np.random.default_rng(4).integers(*values, shape).astype(np.int16)
    for axis in range(len(shape)):
        random = random.repeat(BLOCK, axis)
    return random


def open_job(page: Page, address: str, folder: Path, images: list[Dataset]) -> None:
    files = [("files", path.read_bytes()) for path in write_with_seg(images, folder)]
    answer = httpx.post(f"{address}/v1/scans", files=files, timeout=60).raise_for_status()
    page.goto("about:blank")
    page.goto(f"{address}/#job={answer.json()['masks'][0]['job']}")
    page.wait_for_selector(".stage[data-mask=shown]")
    page.keyboard.press("m")  # the scan alone, without the texts over it
    page.evaluate(
        """() => document.querySelectorAll('.pane > :not(.slice)')
        .forEach(over => { over.style.opacity = 0 })"""
    )


def check(page: Page, volume: NDArray[Any], grey: Grey, tolerance: float = 1.5) -> None:
    """Compares the middles of blocks of a volume's axial slice with a function of its values."""
    k = volume.shape[2] - BLOCK // 2
    page.evaluate("p => window.tessera.jump(p)", [0, 0, k])
    screen = Screen(page).shoot()
    count = 0
    rows, columns = (range(BLOCK // 2, length, BLOCK) for length in volume.shape[:2])
    voxels = [[i, j, k] for i in rows for j in columns]
    for (i, j, _), spots in zip(voxels, screen.spots(voxels), strict=True):
        for spot in spots:
            shown, wanted = screen.at(spot).astype(float), grey(float(volume[i, j, k]))
            assert np.abs(shown - wanted).max() <= tolerance, (i, j, shown, wanted)
            count += 1
    assert count >= 16


def test_a_scan_starts_with_the_window_of_its_file(
    page: Page, address: str, tmp_path: Path
) -> None:
    volume, identity = blocks((4, 4, 3), (-900, 900)), np.eye(4)
    window, preset = page.locator(".pane[data-plane=axial] .window"), page.locator("#preset")
    two = {
        "WindowCenter": ["40", "-300"],
        "WindowWidth": ["900", "1500"],
        "WindowCenterWidthExplanation": ["SOFT", "WIDE"],
    }
    open_job(page, address, tmp_path / "two", classic(volume, identity, modality="CT", **two))
    expect(window).to_have_text("C 40  W 900")
    check(page, volume, linear(40, 900))
    preset.select_option("WIDE (C -300  W 1500)")
    expect(window).to_have_text("C -300  W 1500")
    page.keyboard.press("Shift+Digit0")
    expect(window).to_have_text("C 40  W 900")
    expect(preset).to_have_value("file-0")
    curve: dict[str, Any] = {"WindowCenter": 100, "WindowWidth": 600, "VOILUTFunction": "SIGMOID"}
    white = {**curve, "PhotometricInterpretation": "MONOCHROME1"}
    open_job(page, address, tmp_path / "curve", classic(volume, identity, **white))
    expect(window).to_have_text("C 100  W 600  sigmoid")
    check(page, volume, negative(sigmoid(100, 600)), 2.5)
    preset.select_option("Automatic")
    numbers = window.inner_text().split()
    check(page, volume, negative(linear(float(numbers[1]), float(numbers[3]))))
    page.keyboard.press("i")
    expect(page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("0")
    expect(page.get_by_role("button", name="Invert")).to_have_attribute("aria-pressed", "true")
    expect(window).to_have_text("C 100  W 600  sigmoid")


def test_a_window_that_shows_nothing_is_not_the_first_one(
    page: Page, address: str, tmp_path: Path
) -> None:
    """As in a file whose values were scaled without its window: all of the scan would be black."""
    volume = blocks((4, 4, 3), (0, 100))
    dark: dict[str, Any] = {"WindowCenter": 2000, "WindowWidth": 4000}
    open_job(page, address, tmp_path, classic(volume, np.eye(4), **dark))
    window, preset = page.locator(".pane[data-plane=axial] .window"), page.locator("#preset")
    expect(preset).to_have_value("auto")
    expect(page.locator(".notice")).to_contain_text("shows almost nothing")
    automatic = window.inner_text()
    page.keyboard.press("w")
    expect(window).to_have_text("C 2000  W 4000")
    expect(preset).to_have_value("file-0")
    page.keyboard.press("w")
    expect(window).to_have_text(automatic)


def test_an_image_of_monochrome1_starts_with_its_window(
    page: Page, address: str, tmp_path: Path
) -> None:
    pixels = blocks((5, 6), (0, 4096)).astype(np.uint16)
    image = picture(pixels, BitsStored=12, HighBit=11, WindowCenter=2000, WindowWidth=3000)
    image.PhotometricInterpretation = "MONOCHROME1"
    open_job(page, address, tmp_path, [image])
    screen = Screen(page).shoot()
    grey = negative(linear(2000, 3000))
    for row in range(BLOCK // 2, pixels.shape[0], BLOCK):
        for column in range(BLOCK // 2, pixels.shape[1], BLOCK):
            world = page.evaluate(f"window.tessera.worldOfPixel({row}, {column})")
            (spot,) = screen.spots([world])[0]
            shown = screen.at(spot).astype(float)
            assert np.abs(shown - grey(float(pixels[row, column]))).max() <= 1.5


def test_corners_name_the_scan_without_the_patient(
    page: Page, address: str, tmp_path: Path
) -> None:
    """What helps least is left out first where a pane is small."""
    volume = blocks((4, 4, 3), (-900, 900))
    open_job(page, address, tmp_path, classic(volume, np.eye(4), modality="CT"))
    pane = page.locator(".pane[data-plane=axial]")
    subject = pane.locator(".subject").inner_text()
    assert len(subject) == 16
    expect(pane.locator(".series")).to_have_text("CT · series 3")
    expect(pane.locator(".date")).to_have_text("2020-01-02")
    text = page.locator("body").inner_text()
    assert not [secret for secret in (PATIENT, NUMBER, "Norma") if secret in text]

    names = (".subject", ".series", ".date", ".zoom", ".slice-number", ".window", ".scale")
    seen: list[tuple[float, set[str]]] = []
    for width in (1280, 1180, 1080, 1000, 960):
        page.set_viewport_size({"width": width, "height": 800})
        box = pane.bounding_box()
        assert box is not None
        seen.append((box["width"], {name for name in names if pane.locator(name).is_visible()}))
        left, right = (pane.locator(name).bounding_box() for name in (".about", ".slice-number"))
        if left is not None and right is not None:
            assert left["x"] + left["width"] <= right["x"]
    shown = [those for _, those in sorted(seen, key=lambda one: -one[0])]
    assert len(shown[0]) == 7
    assert all(later <= earlier for earlier, later in pairwise(shown))
    assert {".slice-number", ".window", ".scale"} <= shown[-1]
    assert ".date" not in shown[-1]
