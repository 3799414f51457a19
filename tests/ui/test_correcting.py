"""A mask is corrected in the page: the stored mask has exactly the voxels that were painted."""

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.correcting import (
    SHAPE,
    STORAGES,
    correct,
    correcting_gateway,
    finished,
    finished_volume,
    model_mask,
    open_mask,
    saved,
    stored,
)
from tests.support.gateway import Gateway
from tests.support.images import png_bytes
from tests.support.page import watched
from tests.support.screen import Screen
from tests.support.shown_slice import Slice, Voxel, drag

RADIUS = 3.3
"""mm"""
PLANES = ("axial", "coronal", "sagittal")
OFFSETS = ((-5, -4), (4, 3))
"""Ends of a stroke, in voxels from the crosshair along the axes of the slice."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from correcting_gateway(tmp_path_factory.mktemp("correcting"))


@pytest.fixture
def reader(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    yield from watched(browser, str(gateway.client.base_url), "ERR_INTERNET_DISCONNECTED")


def volume(gateway: Gateway, storage: str) -> tuple[str, NDArray[np.float64]]:
    values = np.random.default_rng(3).integers(-900, 900, SHAPE).astype(np.int16)
    return finished_volume(gateway, storage, values, model_mask())


def under(
    affine: NDArray[np.float64], a: Voxel, b: Voxel, axes: tuple[int, ...] | None
) -> NDArray[np.bool_]:
    """The voxels whose centre is near enough to a line between two places, by their distance in
    the world. `axes`: those of the slice that is painted; None: a ball paints on all slices."""
    grid = np.moveaxis(np.indices(SHAPE), 0, -1)
    points, start, end = ((one @ affine[:3, :3].T) for one in (grid, a, b))
    along = end - start
    square = max(float(along @ along), 1e-12)
    share = np.clip(((points - start) @ along) / square, 0, 1)
    near = np.linalg.norm(points - start - share[..., None] * along, axis=-1) <= RADIUS
    if axes is not None:
        (flat,) = {0, 1, 2} - set(axes)
        near &= grid[..., flat] == a[flat]
    return np.asarray(near)


def test_a_stroke_changes_the_voxels_under_the_brush(reader: Page, gateway: Gateway) -> None:
    reader.set_viewport_size({"width": 1000, "height": 560})  # less to draw
    reader.evaluate(f"localStorage.setItem('tessera.brush-radius', '{RADIUS}')")
    reader.evaluate("localStorage.setItem('tessera.view', 'planes')")
    for storage in STORAGES:
        job, affine = volume(gateway, storage)
        correct(reader, job)
        expected = painted(reader, affine)
        review = saved(reader, gateway, job)
        assert review["seconds"] > 0
        mask = stored(gateway, job, review["id"])
        assert np.array_equal(np.asarray(mask.dataobj), expected), storage
        assert np.allclose(mask.affine, affine, atol=1e-4), storage


def painted(page: Page, affine: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Paints in each plane, erases with a ball, undoes a stroke, and erases a line by keys; what
    the mask is then."""
    expected = model_mask()
    middle = np.array([13.0, 12, 10])
    page.evaluate("p => window.tessera.jump(p)", (affine @ [*middle, 1])[:3].tolist())
    for n, plane in enumerate(PLANES):
        shown = Slice.of(page, plane, affine, middle)
        start, end = (shown.pixel(offset) for offset in OFFSETS)
        places = shown.voxel(start), shown.voxel(end)
        page.keyboard.press(str(n + 1))
        drag(page, start, end)
        expected[under(affine, *places, shown.axes)] = n + 1
    for key in ("d", "e"):  # a ball that erases
        page.keyboard.press(key)
    page.mouse.move(*start)
    expect(page.locator(".correcting-layer .tag")).to_have_text(re.compile("^3D, ±"))
    drag(page, start, start)
    expected[under(affine, places[0], places[0], None)] = 0
    drag(page, end, start)
    for key in ("Control+z", "d"):
        page.keyboard.press(key)
    page.keyboard.down(".")  # held, the crosshair draws
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.up(".")
    along = np.argmax(np.abs(shown.steps[0]))
    right = np.eye(3)[shown.axes[along]] * np.sign(shown.steps[0, along])
    expected[under(affine, middle, middle + 3 * right, shown.axes)] = 0
    return expected


def test_the_corrected_mask_is_shown_and_accepted(reader: Page, gateway: Gateway) -> None:
    """It is on screen with its own sizes; the mask before is one click away, and stays accepted."""
    job, affine = volume(gateway, "axial")
    reader.evaluate("localStorage.setItem('tessera.view', 'planes')")
    reader.evaluate("localStorage.setItem('tessera.reviewer', 'Ada')")
    reader.reload()
    with held(reader, f"**/{job}/mask*", "GET"):
        reader.evaluate(f"location.hash = 'job={job}'")
        expect(reader.locator("#correct")).to_be_disabled()
        for key in ("t", "a"):  # begins with the mask; the second one accepts nothing
            reader.keyboard.press(key)
        expect(reader.locator("#cannot-correct")).to_contain_text("as soon as the mask is loaded")
    expect(reader.locator(".correction .base")).to_have_text("Starts from the model’s mask.")
    assert gateway.client.get(f"/v1/jobs/{job}/reviews").json() == []
    place = (affine @ [20, 12, 3, 1])[:3].tolist()  # outside the model's mask
    reader.evaluate("p => window.tessera.jump(p)", place)
    for key in ("3", "]", "]", "]", "]", "d", "."):
        reader.keyboard.press(key)
    with held(reader, "**/reviews", "POST"):
        reader.keyboard.press("Control+s")
        expect(reader.locator("#correct")).to_contain_text("Saving …")
        expect(reader.locator(".version")).to_have_text("The corrected mask is being saved …")
    expect(reader.locator(f"[data-job='{job}'] .state")).to_have_text("corrected by Ada")
    expect(reader.locator(".undo")).to_be_empty()  # it would stand over the next job
    first = gateway.client.get(f"/v1/jobs/{job}/reviews").json()[0]
    reader.goto("about:blank")
    reader.goto(f"{gateway.client.base_url}#job={job}")
    note, kidney = reader.locator(".version"), reader.locator(".labels li[data-label='3'] .size")
    expect(note).to_contain_text("The mask as it was corrected")
    expect(kidney).to_contain_text("ml")
    assert colour_at(reader, place) == (224, 192, 80)
    note.get_by_role("button").click()
    expect(note).to_contain_text("The mask before its correction.")
    assert colour_at(reader, place) != (224, 192, 80)
    reviews = f"/v1/jobs/{job}/reviews"
    for verdict, mask_of in (("accepted", None), ("corrected", first["id"])):
        with reader.expect_response(lambda one: one.request.method == "POST") as answer:
            reader.keyboard.press("a")
        assert answer.value.json()["verdict"] == verdict
        assert answer.value.request.post_data_json.get("mask_of") == mask_of
        with held(reader, "**/mask?*"):
            note.get_by_role("button").click()
            wanted, drawn = "the corrected mask", "the model’s mask"
            if mask_of is not None:
                wanted, drawn = drawn, wanted
            expect(reader.locator(".loading-mask")).to_have_text(
                f"Loading {wanted} … On screen until then: {drawn}."
            )
        expect(note).to_contain_text("as it was corrected" if mask_of is None else "before")
        expect(reader.locator(".loading-mask")).to_be_empty()
    found = gateway.client.get(reviews).json()
    assert [one["verdict"] for one in found] == ["corrected", "accepted", "corrected"]
    first_mask, last_mask = (
        np.asarray(stored(gateway, job, found[n]["id"]).dataobj) for n in (0, 2)
    )
    assert np.array_equal(first_mask, last_mask)


@contextmanager
def held(page: Page, pattern: str, method: str = "GET") -> Iterator[None]:
    """Keeps requests waiting until the block ends."""
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == method:
            waiting.append(route)
        else:
            route.continue_()

    page.route(pattern, hold)
    yield
    for route in waiting:
        route.continue_()
    page.unroute(pattern)


def colour_at(page: Page, place: list[float]) -> tuple[int, ...]:
    """Of the filled mask, where the axial plane shows a point."""
    page.evaluate("p => window.tessera.jump([p[0] + 3, p[1] + 3, p[2]])", place)
    for _ in range(5):
        page.keyboard.press("]")  # areas without the scan
    screen = Screen(page).shoot()
    spots = [spot for spot in screen.spots([place])[0] if spot["plane"] == "axial"]
    return tuple(int(n) for n in screen.at(spots[0]))


def test_an_image_is_painted_by_its_pixels(reader: Page, gateway: Gateway) -> None:
    mask = np.zeros((30, 40), np.uint8)
    mask[5:15, 5:15] = 1
    job = finished(gateway, png_bytes((30, 40)), "image.png", "areas", mask)
    reader.evaluate(f"localStorage.setItem('tessera.brush-radius', '{RADIUS}')")
    correct(reader, job)
    script = """([row, column]) => {
        const at = window.tessera.project(window.tessera.worldOfPixel(row, column))[0]
        return [Math.round(at.x), Math.round(at.y)]
    }"""
    (x0, y0), (x1, y1) = (reader.evaluate(script, spot) for spot in ([12, 10], [20, 31]))
    (fx, fy), (tx, ty) = (exact(reader, *spot) for spot in ((12, 10), (20, 31)))
    reader.keyboard.press("3")
    drag(reader, (x0, y0), (x1, y1))
    review = saved(reader, gateway, job)
    scale = np.array([(tx - fx) / 21, (ty - fy) / 8])  # CSS pixels of a pixel
    ends = [(np.array(one) - (fx, fy)) / scale + (10, 12) for one in ((x0, y0), (x1, y1))]
    rows, columns = np.indices(mask.shape)
    pixels = np.stack([columns, rows], axis=-1) - ends[0]
    along = ends[1] - ends[0]
    share = np.clip(pixels @ along / (along @ along), 0, 1)
    mask[np.linalg.norm(pixels - share[..., None] * along, axis=-1) <= RADIUS] = 3
    answer = gateway.client.get(f"/v1/jobs/{job}/reviews/{review['id']}/mask?format=png")
    assert np.array_equal(np.asarray(Image.open(BytesIO(answer.content))), mask)

    other, affine = volume(gateway, "axial")
    reader.evaluate("localStorage.setItem('tessera.view', 'planes')")
    reader.reload()
    open_mask(reader, job)
    open_mask(reader, other)  # in panes of another size
    screen = Screen(reader).shoot()
    for column in (0, SHAPE[0] - 1):
        edge = [(affine @ [column, *at, 1])[:3].tolist() for at in np.ndindex(SHAPE[1:])]
        spots = [spot for spots in screen.spots(edge) for spot in spots]
        drawn = [screen.around(spot, 4) for spot in spots if spot["plane"] == "axial"]
        assert np.max(drawn) > 200  # the scan fills its pane


def exact(page: Page, row: int, column: int) -> tuple[float, float]:
    script = "([r, c]) => window.tessera.project(window.tessera.worldOfPixel(r, c))[0]"
    at = page.evaluate(script, [row, column])
    return at["x"], at["y"]


def check_verdicts_ask_about_the_draft(page: Page, gateway: Gateway, job: str) -> None:
    """A verdict does not pass over a kept draft, which is no part of the mask on screen."""
    dialog, note = page.get_by_role("dialog"), page.locator("#own-draft")
    page.get_by_role("button", name="Keep draft").click()
    expect(note).to_be_visible()
    expect(page.locator(f"[data-job='{job}'] .draft")).to_be_visible()
    page.keyboard.press("a")
    expect(dialog).to_contain_text("Your correction is not saved")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    dialog.get_by_role("button", name="Continue the correction").click()
    expect(page.locator(".correction .hint")).to_contain_text("is continued")
    assert gateway.client.get(f"/v1/jobs/{job}/reviews").json() == []
    # another program accepts the mask: the older draft is not shown as if it were accepted
    gateway.client.post(f"/v1/jobs/{job}/reviews", json={"verdict": "accepted"}).raise_for_status()
    page.reload()
    open_mask(page, job)
    expect(note).to_be_visible()
    expect(page.locator(".correction")).to_be_hidden()
    page.keyboard.press("t")
    expect(page.locator(".correction .hint")).to_contain_text("verdict “accepted”")


def test_a_draft_is_kept_and_continued(reader: Page, gateway: Gateway) -> None:
    job = volume(gateway, "oblique")[0]
    correct(reader, job)
    state = reader.locator("#draft-state")
    changes = f"/v1/jobs/{job}/draft/changes"

    def paint(page: Page, *keys: str) -> None:
        """Paints by the keyboard, at the crosshair."""
        for key in (*keys, "."):
            page.keyboard.press(key)

    def begun() -> NDArray[np.uint32]:
        return np.frombuffer(gzip.decompress(gateway.client.get(changes).content), "<u4")

    paint(reader, "3")
    expect(state).to_have_text("Draft saved")
    first = begun()
    assert set(first[2::3]) == {3}
    # continued after the page was closed; without a connection nothing is lost
    reader.reload()
    correct(reader, job)
    expect(reader.locator(".correction .hint")).to_contain_text("is continued")
    reader.context.set_offline(True)
    paint(reader, "2", "Shift+ArrowRight", "Shift+ArrowRight")
    expect(state).to_have_text("Not saved.")
    expect(reader.locator(".correction .why")).to_contain_text("The service does not respond.")
    asked = "() => !window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert reader.evaluate(asked)  # the browser asks before it closes the page
    reader.context.set_offline(False)
    expect(state).to_have_text("Draft saved")
    assert not reader.evaluate(asked)
    assert begun()[: len(first)].tolist() == first.tolist()
    assert len(begun()) > len(first)
    # another tab goes on with it
    other = reader.context.new_page()
    other.goto(str(gateway.client.base_url))
    correct(other, job)
    paint(other, "3", "Shift+ArrowDown", "Shift+ArrowDown", "Shift+ArrowDown")
    expect(other.locator("#draft-state")).to_have_text("Draft saved")
    there = begun()
    paint(reader, "1")
    expect(reader.locator(".correction")).to_contain_text("in another window")
    assert begun().tolist() == there.tolist()
    reader.locator("#load-draft").click()
    expect(state).to_have_text("Draft saved")
    # a save does not pass over what the other tab did, and the correction goes on
    with other.expect_response(lambda one: "/draft/changes/" in one.url):
        paint(other, "2", "Shift+ArrowDown")
    reader.keyboard.press("Control+s")
    expect(reader.locator(".correction")).to_contain_text("in another window")
    assert gateway.client.get(f"/v1/jobs/{job}/reviews").json() == []
    reader.locator("#load-draft").click()
    expect(state).to_have_text("Draft saved")
    other.close()
    check_verdicts_ask_about_the_draft(reader, gateway, job)
    # locked labels keep their voxels
    expect(reader.locator(".correction .pick")).to_have_count(3)
    reader.keyboard.press("1")
    reader.keyboard.press("l")
    reader.get_by_role("button", name="Lock spleen").click()
    sizes = reader.locator(".correction .size").all_inner_texts()
    for _ in range(12):
        reader.keyboard.press("]")
    paint(reader, "3")
    after = reader.locator(".correction .size").all_inner_texts()
    assert after[:2] == sizes[:2]
    assert after[2] != sizes[2]
    review = saved(reader, gateway, job)
    # the next correction goes on from the corrected mask, and can be given up
    correct(reader, job)
    paint(reader, "3")
    expect(state).to_have_text("Draft saved")
    expect(reader.locator(".correction .base")).to_contain_text("from the corrected mask")
    draft = gateway.client.get(f"/v1/jobs/{job}/drafts").json()["drafts"][0]
    assert draft["base"] == review["id"]
    reader.get_by_role("button", name="Discard").click()
    reader.get_by_role("dialog").get_by_role("button", name="Discard").click()
    expect(reader.locator(".correction")).to_be_hidden()
    assert gateway.client.get(f"/v1/jobs/{job}/drafts").json() == {"drafts": []}
