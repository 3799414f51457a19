"""The tools of a correction: the stored mask has the voxels that another library computes."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Route, expect
from scipy import ndimage

from tests.support.correcting import (
    MIDDLE,
    SHAPE,
    SPACING,
    Correction,
    ball_in_the_dark,
    correct,
    correcting_gateway,
    distance,
    finished,
    model_mask,
    saved,
    stored,
)
from tests.support.gateway import Gateway
from tests.support.images import png_bytes
from tests.support.page import watched

FACES = ndimage.generate_binary_structure(3, 1)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from correcting_gateway(tmp_path_factory.mktemp("correcting"))


@pytest.fixture
def reader(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    yield from watched(browser, str(gateway.client.base_url))


def test_ranges_of_values_limit_a_brush_and_a_region(reader: Page, gateway: Gateway) -> None:
    expected = model_mask()
    reader.evaluate("localStorage.setItem('tessera.brush-radius', '6')")
    correction = Correction.of(reader, gateway, "sagittal", expected.copy())
    values = ball_in_the_dark()
    edge = MIDDLE + np.array([10, 0, 0])  # 8 mm: the brush covers the border of the ball
    correction.go(edge)
    correction.press("3", "t", ".")
    around = values[21:26, 12, 8:13]  # on the axial slice, which is along the second axis
    limits = [float(reader.locator(f"#threshold-{end}").input_value()) for end in ("low", "high")]
    wanted = around.mean() + np.array([-2.5, 2.5]) * around.std()
    assert np.allclose(limits, wanted, atol=around.std() / 50)  # rounded outwards
    near = (distance(edge) <= 6) & (np.indices(SHAPE)[1] == edge[1])
    expected[near & (values >= limits[0]) & (values <= limits[1])] = 3
    correction.go(MIDDLE)
    correction.press("2", "d", "l", "1", "r", ".")  # in 3D, around what is locked
    expect(reader.locator(".correction > .hint")).to_contain_text("Enter applies")
    assert reader.locator(".correcting-layer path.ring").count() == 3
    reader.locator("#region-radius").fill("7.1")
    limits = [float(reader.locator(f"#region-{end}").input_value()) for end in ("low", "high")]
    inside = (values >= limits[0]) & (values <= limits[1]) & (distance(MIDDLE) <= 7.1)
    parts, _ = ndimage.label(inside & (expected != 2), FACES)
    expected[parts == parts[tuple(MIDDLE.astype(int))]] = 1
    correction.click("region-apply")  # waits for the region of this radius
    expect(reader.locator(".correction > .hint")).to_contain_text("applied")
    assert np.array_equal(correction.stored(), expected)


def test_lines_and_clicks_cut_and_fill(reader: Page, gateway: Gateway) -> None:
    expected = model_mask()
    correction = Correction.of(reader, gateway, "flipped", expected.copy())
    shown = correction.slice("coronal")
    ends = [shown.pixel(offset) for offset in ((-3.5, -5.5), (3.5, -5.5), (3.5, 4.5), (-3.5, 4.5))]
    correction.press("1", "c")
    reader.locator("#scissors-beside").fill("1")
    reader.mouse.move(*ends[0])
    reader.mouse.down()
    for end in ends[1:]:
        reader.mouse.move(*end, steps=4)
    expect(reader.locator(".lasso")).to_have_count(1)
    reader.mouse.up()
    expect(reader.locator(".tool-working")).to_be_hidden()
    cut = expected[10:17, 11:14, 5:15]
    cut[cut == 1] = 0
    reader.locator("#scissors-beside").fill("0")
    correction.press("Enter", "3")  # Enter leaves the field
    reader.locator("#scissors-inside").select_option("fill")
    sagittal = correction.slice("sagittal")
    for offset in ((-2.5, -3.5), (4.5, -3.5), (4.5, 2.5), (-2.5, 2.5)):
        reader.mouse.click(*sagittal.pixel(offset))
    correction.press("Enter")
    expected[13, 10:17, 7:13] = 3
    correction.press("p")
    at = (20, 9, 8)
    reader.mouse.click(*correction.slice("axial", np.array([13.0, 12, 10])).pixel((7, 0)))
    expected[18:24, 8:18, 10] = 3
    correction.press("d")
    correction.go(np.array(at, float))
    correction.press(".")  # the part of the label below the slice that has another one now
    expected[18:24, 8:18, 6:10] = 3
    assert np.array_equal(correction.stored(), expected)


def between(first: NDArray[np.bool_], second: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """By the signed distances to the borders of two shapes on axial slices."""
    distances = [
        ndimage.distance_transform_edt(mask, SPACING[:2])
        - ndimage.distance_transform_edt(~mask, SPACING[:2])
        for mask in (first, second)
    ]
    return np.asarray((1 - share) * distances[0] + share * distances[1] >= -1e-9)


def test_changes_are_carried_to_slices_between(reader: Page, gateway: Gateway) -> None:
    expected = model_mask()
    reader.evaluate("localStorage.setItem('tessera.brush-radius', '4')")
    correction = Correction.of(reader, gateway, "oblique", expected.copy())
    spots = (np.array([14.0, 3, 10]), np.array([11.0, 4, 14]))
    correction.press("3")
    for spot in spots:
        correction.go(spot)
        correction.press(".")
    correction.press("n", "Enter")
    painted = [(distance(spot) <= 4)[..., int(spot[2])] for spot in spots]
    for n, k in enumerate(range(10, 15)):
        expected[..., k][between(painted[0], painted[1], n / 4)] = 3
    assert np.array_equal(correction.stored(), expected)


def test_a_whole_label_changes_its_form(reader: Page, gateway: Gateway) -> None:
    mask = model_mask()
    mask[2:4, 2:4, 2] = 1
    mask[12:14, 12:14, 9:12] = 0
    mask[8, 8:18, 6] = 0
    correction = Correction.of(reader, gateway, "coronal", mask.copy())
    expected = mask == 1
    correction.press("1", "h")
    held: list[Route] = []
    reader.route("**/operations_worker*", lambda route: held.append(route))  # it does not start
    reader.locator("#shrink").click()
    expect(reader.locator(".tool-working")).to_be_visible()
    reader.keyboard.press("Escape")
    expect(reader.locator(".correction > .hint")).to_have_text("Shrink: cancelled.")
    reader.unroute("**/operations_worker*")
    correction.click("keep-largest")
    expected[2:4, 2:4, 2] = False
    reader.locator("#holes-where").select_option("volume")
    correction.click("fill-holes")
    expected = ndimage.binary_fill_holes(expected, FACES)
    reader.locator("#smooth-size").fill("1.5")
    correction.click("smooth")
    deviations = (1.5 / SPACING).tolist()
    reach = [int(3 * deviation) for deviation in deviations]
    blurred = ndimage.gaussian_filter(
        expected.astype(np.float64), deviations, mode="nearest", radius=reach
    )
    free = (mask == 0) | (mask == 1)
    expected = (blurred >= 0.5 - 1e-6) & free
    reader.locator("#resize-by").fill("2.7")
    correction.click("grow")
    correction.press(" ")  # shows the mask from before; the button is not pressed again
    expect(reader.locator("#view")).to_be_focused()
    expected = (ndimage.distance_transform_edt(~expected, SPACING) <= 2.7 + 1e-6) & free
    correction.click("shrink")
    expected &= ndimage.distance_transform_edt(expected, SPACING) > 2.7 + 1e-6
    expect(reader.locator(".correction > .hint.warning")).to_contain_text(" % less. Undo")
    choose_by_arrows(reader)
    image = reader.locator("#view").bounding_box()
    reader.locator("#keep-draft").click()
    expect(reader.locator(".correction")).to_be_hidden()
    assert reader.locator("#view").bounding_box() == image  # nothing moves as a correction begins
    reader.keyboard.press("t")
    expect(reader.locator(".correction")).to_be_visible()
    both = np.where(expected, 1, np.where(mask == 2, 2, 0))
    assert np.array_equal(correction.stored(), both)


def choose_by_arrows(page: Page) -> None:
    """A list keeps its keys until it is left; the pointer says what was chosen. By Tab, a button
    has the focus, and Space presses it."""
    only = page.locator("#change-only")
    only.focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(only).to_have_value("1")
    expect(only).to_be_focused()
    page.locator("#tool-brush").click()
    box = page.locator("#view").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    expect(page.locator(".correcting-layer .tag")).to_contain_text("only")
    only.select_option("")
    page.locator("#tool-brush").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    expect(page.locator("#tool-eraser")).to_have_attribute("aria-pressed", "true")


def test_an_image_is_corrected_by_the_same_tools(reader: Page, gateway: Gateway) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 30:45] = 1
    job = finished(gateway, png_bytes((40, 60)), "image.png", "areas", mask)
    correct(reader, job)

    def pixel(row: float, column: float) -> tuple[float, float]:
        script = "at => window.tessera.project(window.tessera.worldOfPixel(...at))[0]"
        found = reader.evaluate(script, [row, column])
        return found["x"], found["y"]

    reader.keyboard.press("h")
    reader.locator("#resize-by").fill("2")
    reader.locator("#grow").click()
    expect(reader.locator(".tool-working")).to_be_hidden()
    mask = (ndimage.distance_transform_edt(mask == 0) <= 2).astype(np.uint8)
    reader.keyboard.press("c")
    for row, column in ((11.6, 25), (15.4, 25), (15.4, 50), (11.6, 50)):
        reader.mouse.click(*pixel(row, column))
    reader.keyboard.press("Enter")
    mask[12:16] = 0
    reader.keyboard.press("2")
    reader.keyboard.press("p")
    reader.mouse.click(*pixel(18, 40))
    mask[16:][mask[16:] == 1] = 2
    review = saved(reader, gateway, job)
    found = np.asarray(stored(gateway, job, review["id"]).dataobj).squeeze()
    assert np.array_equal(found[:, ::-1].T, mask)
