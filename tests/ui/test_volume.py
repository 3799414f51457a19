"""The 3D pane: surfaces, volume, projection, cuts; and the views with several panes."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from models.card_parts import Label
from tests.support.cards import card
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, start
from tests.support.placed_labels import BALLS, MIDDLE, SPOT, STORAGES, Labelled, labelled
from tests.support.waiting import until

COLOURS = {1: (230, 25, 75), 2: (60, 180, 75)}
PANE = ".pane[data-plane=volume]"
READY = f"{PANE}[data-surfaces=ready]"
COUNT_GRAPHICS = """
  window.graphics = {contexts: 0, objects: []}
  const {getContext} = HTMLCanvasElement.prototype
  HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    const context = getContext.call(this, kind, ...more)
    if (kind.startsWith('webgl') && context && !context.counted) {
      context.counted = true
      window.graphics.contexts += 1
      const {loseContext} = context.getExtension('WEBGL_lose_context')
      const lost = context.getExtension('WEBGL_lose_context')
      lost.loseContext = () => { window.graphics.contexts -= 1; loseContext.call(lost) }
    }
    return context
  }
  const {prototype} = WebGL2RenderingContext
  for (const kind of ['Texture', 'Buffer', 'Framebuffer', 'VertexArray']) {
    const [create, remove] = [prototype['create' + kind], prototype['delete' + kind]]
    prototype['create' + kind] = function () {
      const one = create.call(this)
      window.graphics.objects.push(new WeakRef(one))
      return one
    }
    prototype['delete' + kind] = function (one) {
      if (one) one.deleted = true
      return remove.call(this, one)
    }
  }
"""
FAIL_IN_3D = """
  const {getError} = WebGL2RenderingContext.prototype
  WebGL2RenderingContext.prototype.getError = function () {
    return window.full ? this.OUT_OF_MEMORY : getError.call(this)
  }
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("volume")
    labels = tuple(
        Label(value=value, name=f"ball {value}", color="#" + bytes(colour).hex())
        for value, colour in COLOURS.items()
    )
    model = card("balls", 3, "t1").model_copy(update={"labels": labels, "outputs": (0, 1, 2)})
    (folder / "models" / "balls").mkdir(parents=True)
    model.save(folder / "models" / "balls" / "card.json")
    gateway = start(folder / "data", models=str(folder / "models"))
    yield gateway
    gateway.stop()


def job_of(gateway: Gateway, one: Labelled, name: str) -> str:
    job = str(gateway.job(scan=gateway.scan(one.scan, f"{name}.nii"), model="balls")["id"])
    run_job(gateway, job, one.mask)
    return job


@pytest.fixture(scope="module")
def jobs(gateway: Gateway) -> dict[str, tuple[Labelled, str]]:
    """Each storage of the same volume, and the job with its mask."""
    volumes = {name: labelled(*storage) for name, storage in STORAGES.items()}
    return {name: (one, job_of(gateway, one, name)) for name, one in volumes.items()}


@pytest.fixture
def page(reader: Page) -> Page:
    return reader


def open_job(page: Page, job: str) -> None:
    page.evaluate(f"location.hash = 'job={job}'")
    page.wait_for_function("id => window.tessera.shown().job === id", arg=job)
    page.wait_for_selector(".stage[data-mask=shown]")


def choose(page: Page, mode: str) -> None:
    page.get_by_label("What is drawn in 3D").select_option(mode)


def pixel(page: Page, place: NDArray[np.float64]) -> NDArray[np.int_]:
    """The colour that is drawn in 3D where a place (RAS+ mm) is."""
    script = "p => window.tessera.project(p).find(spot => spot.plane === 'volume')"
    spot = page.evaluate(script, place.tolist())
    x, y = round(spot["x"]) - 1, round(spot["y"]) - 1
    shot = page.screenshot(clip={"x": x, "y": y, "width": 3, "height": 3})
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    return np.asarray(picture).reshape(-1, 3).mean(0).astype(int)


def becomes(
    page: Page, place: NDArray[np.float64], wanted: Callable[[NDArray[np.int_]], bool]
) -> None:
    """Waits until what is drawn at a place is as wanted."""
    until(lambda: wanted(pixel(page, place)), patience_s=60)


def like(label: int) -> Callable[[NDArray[np.int_]], bool]:
    """Of a label's hue, however it is lit."""
    wanted = np.array(COLOURS[label]) / np.linalg.norm(COLOURS[label])

    def check(colour: NDArray[np.int_]) -> bool:
        length = float(np.linalg.norm(colour))
        return length > 60 and float(colour @ wanted) / length > 0.98

    return check


def dark(colour: NDArray[np.int_]) -> bool:
    return int(colour.max()) < 12


def bright(colour: NDArray[np.int_]) -> bool:
    return int(colour.min()) > 200


def at(x: float, y: float, z: float) -> NDArray[np.float64]:
    """RAS+ mm of a place that is given from the middle."""
    return np.add(MIDDLE, (x, y, z))


def centre(label: int) -> NDArray[np.float64]:
    return at(*BALLS[label][0])


def test_a_surface_lies_where_the_mask_is_in_patient_space(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    for name, (one, job) in jobs.items():
        open_job(page, job)
        page.keyboard.press("7")
        page.wait_for_selector(READY)
        boxes = {box["value"]: box for box in page.evaluate("window.tessera.surfaces()")}
        assert set(boxes) == set(BALLS), name
        for label, box in boxes.items():
            low, high = one.bounds(label)
            beyond = np.array([low - box["low"], np.array(box["high"]) - high])
            assert (beyond >= -0.01).all(), (name, label, beyond)
            assert (beyond <= one.half_voxel + 0.01).all(), (name, label, beyond)


def test_surfaces_have_the_colours_of_the_legend_and_cuts_remove_them(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    _, job = jobs["oblique and anisotropic"]
    open_job(page, job)
    page.evaluate("p => window.tessera.jump(p)", MIDDLE.tolist())
    page.keyboard.press("7")
    page.wait_for_selector(READY)
    for label in BALLS:
        becomes(page, centre(label), like(label))
    becomes(page, at(0, 0, 18), dark)

    shown = page.locator(".findings .labels input[type=checkbox]").first
    shown.uncheck()
    becomes(page, centre(1), dark)
    becomes(page, centre(2), like(2))
    shown.check()
    becomes(page, centre(1), like(1))
    page.keyboard.press("m")
    becomes(page, centre(2), dark)
    page.keyboard.press("m")

    # Label 1 is to the right of the crosshair, label 2 to its left.
    page.get_by_role("button", name="Cut", exact=True).click()
    sagittal = page.locator("[data-cut=sagittal]")
    sagittal.get_by_role("checkbox").check()
    page.get_by_role("button", name="Cut", exact=True).click()
    becomes(page, centre(1), lambda colour: dark(colour) != dark(pixel(page, centre(2))))
    first_gone = dark(pixel(page, centre(1)))
    page.get_by_role("button", name="Cut", exact=True).click()
    sagittal.get_by_role("button").click()
    page.get_by_role("button", name="Cut", exact=True).click()
    becomes(page, centre(1), like(1) if first_gone else dark)
    becomes(page, centre(2), dark if first_gone else like(2))

    # The cut goes along with the crosshair, here to the far side of both.
    beyond = at(26 if first_gone else -26, 0, 0)
    page.evaluate("p => window.tessera.jump(p)", beyond.tolist())
    becomes(page, centre(1), dark)
    becomes(page, centre(2), dark)


def test_a_click_on_a_surface_moves_the_crosshair_there(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    _, job = jobs["straight"]
    open_job(page, job)
    page.keyboard.press("7")
    page.wait_for_selector(READY)
    script = "p => window.tessera.project(p).find(spot => spot.plane === 'volume')"
    spot = page.evaluate(script, centre(2).tolist())
    page.mouse.click(spot["x"], spot["y"])
    expect(page.locator("#readout")).to_contain_text("ball 2")
    numbers = page.locator("#readout").inner_text().split("·")[1].replace("mm (RAS)", "")
    place = np.array([float(number) for number in numbers.split(",")])
    front = np.add(centre(2), (0, BALLS[2][1], 0))  # seen from the front
    assert np.abs(place - front).max() <= 1.5

    values = page.locator("#readout").inner_text()
    left = page.locator("[data-plane=volume] .side[data-side=left]")
    expect(left).to_have_text("R")
    for _ in range(6):  # steps of 15 degrees
        page.keyboard.press("ArrowRight")
    expect(left).to_have_text("P")
    expect(page.locator("#readout")).to_have_text(values)  # and not another slice


def test_the_volume_and_its_projection_are_drawn_and_cut(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    _, job = jobs["straight"]
    open_job(page, job)
    spot, tissue = at(*SPOT[0]), at(5, 0, -14)
    page.evaluate("p => window.tessera.jump(p)", at(0, 0, 2).tolist())
    page.keyboard.press("m")
    page.keyboard.press("7")
    page.wait_for_selector(READY)
    choose(page, "projection")
    becomes(page, spot, bright)
    background = pixel(page, at(26, 0, 0))
    assert int(pixel(page, tissue).max()) > int(background.max()) + 20
    page.keyboard.press("i")
    becomes(page, spot, lambda colour: int(colour.max()) < 60)
    page.keyboard.press("i")

    choose(page, "volume")
    becomes(page, tissue, lambda colour: int(colour.max()) > 40)
    page.get_by_role("button", name="Cut", exact=True).click()
    page.locator("[data-cut=axial]").get_by_role("checkbox").check()
    above, below = at(5, 0, 14), at(5, 0, -14)
    page.get_by_role("button", name="Cut", exact=True).click()
    becomes(page, below, dark)  # axial slices are seen from the feet
    becomes(page, above, lambda colour: int(colour.max()) > 40)


def test_a_single_slice_is_shown_in_every_view_and_is_as_thick_as_its_voxels(
    page: Page, gateway: Gateway
) -> None:
    """The library itself draws none of it: from its first to its last voxel is no length."""
    scan = np.full((56, 1, 40), 200, np.int16)
    scan[20:36, :, 12:28] = 1000
    mask = np.zeros(scan.shape, np.uint8)
    mask[2:6, :, 2:6] = 1
    image = nibabel.Nifti1Image(scan, np.diag([1.0, 6.0, 1.0, 1.0]))
    open_job(page, job_of(gateway, Labelled(image.to_bytes(), mask, image.affine), "slice"))
    for view in "23456817":
        page.keyboard.press(view)
    page.wait_for_selector(READY)
    choose(page, "projection")
    middle = np.array([28.0, 0, 20])
    becomes(page, middle, bright)
    page.evaluate("document.activeElement.blur()")  # the list would take the keys
    for _ in range(6):  # seen from the side
        page.keyboard.press("ArrowRight")
    becomes(page, np.add(middle, (0, 2, 0)), bright)
    becomes(page, np.add(middle, (0, 5, 0)), dark)


def panes(page: Page) -> list[str]:
    script = "all => all.filter(one => one.checkVisibility()).map(one => one.dataset.plane)"
    shown: list[str] = page.locator(".pane").evaluate_all(script)
    return shown


def test_views_of_two_and_four_panes_are_remembered(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    _, job = jobs["straight"]
    open_job(page, job)
    page.keyboard.press("8")
    assert panes(page) == ["axial", "coronal"]
    page.get_by_label("Two side by side").select_option("coronal+sagittal")
    assert panes(page) == ["coronal", "sagittal"]
    page.reload()
    page.wait_for_selector(".stage[data-mask=shown]")
    assert panes(page) == ["coronal", "sagittal"]
    page.keyboard.press("6")
    assert panes(page) == ["axial", "coronal", "sagittal", "volume"]
    boxes = [page.locator(f".pane[data-plane={one}]").bounding_box() for one in panes(page)]
    sizes = {(round(box["width"]), round(box["height"])) for box in boxes if box is not None}
    assert max(width for width, _ in sizes) - min(width for width, _ in sizes) <= 1
    page.locator(PANE).dblclick(position={"x": 40, "y": 120})
    assert panes(page) == ["volume"]
    page.locator(PANE).dblclick(position={"x": 40, "y": 120})
    assert panes(page) == ["axial", "coronal", "sagittal", "volume"]
    page.keyboard.press("8")
    assert panes(page) == ["coronal", "sagittal"]


def test_full_screen_leaves_the_worklist_out(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    open_job(page, jobs["straight"][1])
    expect(page.locator(".worklist")).to_be_visible()
    before = page.locator(".stage .canvas").bounding_box()
    page.keyboard.press("x")
    expect(page.locator(".worklist")).to_be_hidden()
    expect(page.get_by_role("button", name="Full screen")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_text("Not for clinical use.", exact=True)).to_be_visible()
    after = page.locator(".stage .canvas").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > before["width"] + 200
    page.get_by_role("button", name="Assign …").click()  # its dialog is no part of the worklist
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Full screen").click()
    expect(page.locator(".worklist")).to_be_visible()
    expect(page.locator(".worklist [data-job]").first).to_be_visible()


SMALL_TEXT = """() => [...document.querySelectorAll('#page *')].filter(one =>
  one.checkVisibility() && [...one.childNodes].some(n => n.nodeType === 3 && n.data.trim()) &&
  parseFloat(getComputedStyle(one).fontSize) < 18).map(one => one.className + one.textContent)"""


def test_text_is_legible_at_4k_and_nothing_is_cut_off_when_enlarged(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    open_job(page, jobs["straight"][1])
    page.keyboard.press("6")
    page.wait_for_selector(READY)
    page.set_viewport_size({"width": 3840, "height": 2160})
    assert page.evaluate(SMALL_TEXT) == []
    for width, height in ((1280, 720), (640, 360)):  # 640 x 360 is 1280 x 720 at 200 %
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        for box in page.locator(".tools button, .tools select, .volume-tools select").all():
            place = box.bounding_box()
            if place is not None:
                assert place["x"] >= 0
                assert place["x"] + place["width"] <= width
    page.keyboard.press("r")
    assert page.evaluate("document.documentElement.scrollWidth") == 640


def live_objects(page: Page) -> int:
    """Textures, buffers and the like that the page holds, after a collection of garbage."""
    page.context.new_cdp_session(page).send("HeapProfiler.collectGarbage")
    script = """window.graphics.objects.map(one => one.deref())
      .filter(one => one && !one.deleted).length"""
    count: int = page.evaluate(script)
    return count


def test_graphics_memory_is_freed_from_scan_to_scan(
    page: Page, jobs: dict[str, tuple[Labelled, str]]
) -> None:
    page.add_init_script(COUNT_GRAPHICS)
    page.reload()
    open_job(page, jobs["straight"][1])
    contexts = page.evaluate("window.graphics.contexts")
    live = []
    for mode in ("volume", "projection", "volume"):
        open_job(page, jobs["straight"][1])
        page.keyboard.press("6")
        page.wait_for_selector(READY)
        choose(page, mode)
        becomes(page, at(5, 0, -14), lambda colour: int(colour.max()) > 30)
        page.evaluate("location.hash = 'new'")
        page.wait_for_function("window.tessera.shown().job === null")
        live.append(live_objects(page))
    assert page.evaluate("window.graphics.contexts") == contexts
    assert live[2] <= live[0], live


def test_planes_go_on_when_3d_fails(page: Page, jobs: dict[str, tuple[Labelled, str]]) -> None:
    page.add_init_script(FAIL_IN_3D)
    page.reload()
    open_job(page, jobs["straight"][1])
    page.evaluate("window.full = true")
    page.keyboard.press("6")
    expect(page.locator(f"{PANE} .volume-problem")).to_contain_text("cannot be shown in 3D")
    page.evaluate("p => window.tessera.jump(p)", centre(1).tolist())
    expect(page.locator("#readout")).to_contain_text("ball 1")
    spots: list[dict[str, Any]] = page.evaluate(
        "p => window.tessera.project(p)", centre(1).tolist()
    )
    assert {spot["plane"] for spot in spots} == {"axial", "coronal", "sagittal"}
