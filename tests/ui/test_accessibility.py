"""Every view of the page by keyboard, by axe-core, and in the system's own colours."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.support.accessibility import violations
from tests.support.finished_jobs import finished_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes

SHAPE = (24, 24, 20)
MOST_STOPS = 15
"""Tab stops from the top of the page to Accept."""


@pytest.fixture(scope="module")
def job(gateway: Gateway) -> str:
    """A volume with a mask that waits for a review, in a worklist of several."""
    for seed in range(3):
        mask = np.zeros(SHAPE, np.uint8)
        mask[4:20, 6:16, 5:15] = 1
        job = finished_job(gateway, nifti_bytes(SHAPE, seed), f"scan-{seed}.nii", mask)
    return job


@pytest.fixture
def page(reader: Page) -> Page:
    return reader


def open_job(page: Page, job: str) -> None:
    page.evaluate(f"location.hash = 'job={job}'")
    page.wait_for_selector(".stage[data-mask=shown]")
    expect(page.locator("#accepted")).to_be_enabled()


def test_every_view_passes_axe(page: Page, gateway: Gateway, job: str) -> None:
    found = {"start": violations(page)}
    page.get_by_text("More filters and views").click()
    found["filters"] = violations(page)
    open_job(page, job)
    found["job"] = violations(page)
    page.keyboard.press("7")
    page.wait_for_selector(".pane[data-plane=volume][data-surfaces=ready]")
    page.get_by_label("What is drawn in 3D").select_option("volume")  # shows the looks, too
    page.get_by_role("button", name="Cut", exact=True).press("Enter")
    page.get_by_role("group", name="Cuts").get_by_label("Axial", exact=True).check()
    found["3D"] = violations(page)
    page.get_by_role("button", name="Cut", exact=True).press("Enter")
    page.keyboard.press("1")
    for key in ("l", ".", "Shift+ArrowRight", "."):
        page.keyboard.press(key)
    expect(page.locator(".drawn li")).to_have_count(1)
    found["measured"] = violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page.locator(".correction")).to_be_visible()
    page.keyboard.press(".")
    expect(page.locator("#undo-step")).to_be_enabled()
    expect(page.locator("#draft-state")).to_have_text("Draft saved")
    found["correction"] = violations(page)
    page.get_by_role("button", name="Keep draft").press("Enter")
    expect(page.locator(".correction")).to_be_hidden()
    gateway.client.delete(f"/v1/jobs/{job}/draft").raise_for_status()
    page.keyboard.press("r")
    found["reasons"] = violations(page)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_text("accept the mask", exact=True)).to_be_in_viewport()  # the first row
    found["help"] = violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete scan").click()
    expect(page.get_by_role("dialog")).to_contain_text("scan-2.nii")
    found["deletion"] = violations(page)
    page.keyboard.press("Escape")
    page.locator(".jobs input").first.click()
    for name in ("Accept …", "Reject …", "Assign …"):
        page.locator(".selection").get_by_role("button", name=name).click()
        expect(page.get_by_role("dialog", name=name.removesuffix(" …"))).to_be_visible()
        found[name] = violations(page)
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear", exact=True).click()
    scan = gateway.scan(nifti_bytes(SHAPE, 9), "cancelled.nii")
    failed = str(gateway.job(scan=scan, model="solid")["id"])
    gateway.client.post(f"/v1/jobs/{failed}/cancel").raise_for_status()
    page.evaluate(f"location.hash = 'job={failed}'")
    expect(page.locator("#pill")).to_have_text("cancelled")
    found["cancelled"] = violations(page)
    assert found == {view: [] for view in found}


def colour(page: Page, selector: str, name: str = "background-color") -> str:
    found: str = page.locator(selector).first.evaluate(
        "(one, name) => getComputedStyle(one).getPropertyValue(name)", name
    )
    return found


def test_forced_colours_keep_what_colours_say(page: Page, gateway: Gateway, job: str) -> None:
    open_job(page, job)
    swatch = colour(page, ".labels .swatch")
    page.emulate_media(forced_colors="active", reduced_motion="reduce")
    assert colour(page, ".labels .swatch") == swatch
    pressed, other = "[data-view=planes]", "[data-view=axial]"
    assert colour(page, pressed) != colour(page, other)
    chosen, rest = ".jobs [aria-current]", ".jobs a:not([aria-current])"
    sides = [colour(page, one, "border-left-color") for one in (chosen, rest)]
    assert sides[0] != sides[1]
    assert page.evaluate("document.getAnimations().length") == 0


def stops_before(page: Page, selector: str) -> list[str]:
    """What Tab leads to from the top of the page until it reaches an element."""
    stops: list[str] = []
    while len(stops) < 100:
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        if focus.evaluate("(one, it) => one.matches(it)", selector):
            return stops
        stops.append(focus.evaluate("one => one.outerHTML.slice(0, 120)"))
    raise AssertionError(stops)


def test_accept_is_reached_by_a_few_tab_stops(page: Page, gateway: Gateway, job: str) -> None:
    open_job(page, job)
    stops = stops_before(page, "#accepted")
    assert len(stops) < MOST_STOPS, "\n".join(stops)
    page.locator("a.skip").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#accepted")).to_be_focused()


def test_arrow_keys_move_within_tools_and_labels(page: Page, gateway: Gateway, job: str) -> None:
    open_job(page, job)
    page.keyboard.press("7")  # 3D alone, where these keys turn the view
    page.locator("[data-view=planes]").focus()
    for key, name in (
        ("ArrowRight", "Axial plane"),
        ("End", "Full screen"),
    ):
        page.keyboard.press(key)
        expect(page.get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")  # comes back to the tool that was left
    expect(page.get_by_role("button", name="Full screen")).to_be_focused()
