"""Large images are shown in tiles with their masks, and objects can be chosen."""

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

ROWS, COLUMNS = 4_200, 5_000
FIRST = (slice(1_000, 1_400), slice(2_000, 2_600))
SECOND = (slice(3_000, 3_300), slice(4_000, 4_200))


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


@pytest.fixture(scope="module")
def job(address: str) -> str:
    """A finished job whose mask, of two objects, was uploaded."""
    rows, columns = np.indices((ROWS, COLUMNS), np.uint16)
    grey = (60 + rows // 60 + columns // 60).astype(np.uint8)
    image = np.stack([grey, grey, grey], -1)
    mask = np.zeros((ROWS, COLUMNS), np.uint16)
    mask[FIRST], mask[SECOND] = 1, 2
    with httpx.Client(base_url=address, timeout=120) as client:

        def scan(pixels: np.ndarray) -> str:
            answer = client.post("/v1/scans", files={"files": ("a.png", png(pixels))})
            return str(answer.raise_for_status().json()["id"])

        asked: dict[str, Any] = {
            "scans": {"image": scan(image), "mask": scan(mask)},
            "model": "nuclei-2d",
            "options": {"mask": "start"},
        }
        channel = client.get("/v1/models/nuclei-2d").json()["channels"][0]
        asked["scans"][channel] = asked["scans"].pop("image")
        answer = client.post("/v1/jobs", json=asked)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])


def opened(page: Page, address: str, job: str) -> None:
    page.goto(f"{address}/#job={job}")
    page.wait_for_selector(".stage[data-mask=shown]")
    page.locator(".tiled canvas").first.wait_for()
    page.wait_for_load_state("networkidle")


def place(page: Page, row: float, column: float) -> tuple[float, float]:
    """Where a pixel of the image is on screen."""
    point = page.evaluate(
        """([row, column]) => {
            const { worldOfPixel, project } = window.tessera
            return project(worldOfPixel(row, column))[0]
        }""",
        [row, column],
    )
    return float(point["x"]), float(point["y"])


def colour(page: Page, row: float, column: float) -> np.ndarray:
    x, y = place(page, row, column)
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        return np.asarray(shot.convert("RGB"))[round(y), round(x)].astype(int)


def test_objects_of_a_large_image_are_seen_and_chosen(page: Page, address: str, job: str) -> None:
    opened(page, address, job)
    expect(page.locator("#still")).to_have_count(0)
    outside = colour(page, 2_000, 1_000)
    assert np.ptp(outside) <= 3, "grey, as the image is there"
    assert abs(int(outside[0]) - (60 + 2_000 // 60 + 1_000 // 60)) <= 3
    inside = colour(page, 1_200, 2_300)
    assert np.ptp(inside) > 20, "in the colour of the object"
    assert np.abs(inside - colour(page, 3_150, 4_100)).max() > 20, "another object, another colour"

    page.mouse.click(*place(page, 1_200, 2_300))
    expect(page.locator("#readout")).to_contain_text("nucleus 1")
    expect(page.locator("#readout")).to_contain_text("row 1")
    page.mouse.click(*place(page, 3_150, 4_100))
    expect(page.locator("#readout")).to_contain_text("nucleus 2")
    page.mouse.click(*place(page, 2_000, 1_000))
    expect(page.locator("#readout")).not_to_contain_text("nucleus")

    page.keyboard.press("m")
    page.wait_for_function(
        "() => document.querySelector('.tools button[aria-pressed=false]') !== null"
    )
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    assert np.ptp(colour(page, 1_200, 2_300)) <= 3, "the mask is hidden"


def test_a_large_image_is_shown_in_full_resolution(page: Page, address: str, job: str) -> None:
    opened(page, address, job)
    page.locator(".tiled").hover()
    for _ in range(16):
        page.keyboard.press("+")
    page.wait_for_function(
        """() => {
            const { worldOfPixel, project } = window.tessera
            return project(worldOfPixel(0, 1000))[0].x - project(worldOfPixel(0, 0))[0].x > 1000
        }"""
    )  # a pixel of the image is larger than one of the screen


def test_a_large_image_is_measured_in_pixels(page: Page, address: str, job: str) -> None:
    """Its values are not on the page: areas have no statistics, and there is no probe."""
    opened(page, address, job)
    expect(page.locator(".tools [data-kind=probe]")).to_be_hidden()
    ends = place(page, 1_000, 1_000), place(page, 3_000, 4_000)
    for key in ("l", "b"):
        page.keyboard.press(key)
        page.mouse.move(*ends[0])
        page.mouse.down()
        page.mouse.move(*ends[1], steps=2)
        page.mouse.up()
    sizes = page.locator(".measurements .drawn .jump").all_inner_texts()
    length, area = (float(text.split()[0]) for text in sizes)
    assert [text.split()[1] for text in sizes] == ["px", "px²"]
    assert length == pytest.approx(np.hypot(2_000, 3_000), rel=0.01)
    assert area == pytest.approx(2_000 * 3_000, rel=0.02)
    figure = page.locator(".measure[data-kind=length] circle").first
    before = float(figure.get_attribute("cx") or 0)
    page.keyboard.press("+")
    expect(figure).not_to_have_attribute("cx", str(before))


def test_a_part_that_is_missing_is_said(browser: Browser, address: str, job: str) -> None:
    """It would look like a part without objects. A fault that passes is not seen."""
    page = browser.new_page()
    faults = 0

    def fault(route: Route) -> None:
        nonlocal faults
        faults += 1
        if faults == 1 or lasting:
            route.fulfill(status=503)
        else:
            route.continue_()

    for lasting in (False, True):
        faults = 0
        page.goto("about:blank")
        page.route("**/mask/tiles/*/*/*", fault)
        opened(page, address, job)
        said = page.get_by_role("alert").filter(has_text="The image is not complete")
        if lasting:
            expect(said).to_be_visible()
        else:
            page.wait_for_timeout(2500)
            expect(said).to_have_count(0)
        page.unroute_all()
    page.context.close()
