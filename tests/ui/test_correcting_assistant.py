"""The assistant: one line adds a missed part, one removes a leak; a failure takes a line back."""

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.correcting import MIDDLE, SHAPE, Correction, correcting_gateway, distance
from tests.support.gateway import Gateway
from tests.support.page import watched
from tests.support.shown_slice import drag

PROBLEM = {
    "type": "urn:tessera:unavailable",
    "title": "A part of the service is unavailable",
    "status": 503,
    "detail": "The assistant needed more than 30 seconds, and was stopped.",
    "hint": "Choose a smaller box, or correct the mask with the brush.",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    yield from correcting_gateway(tmp_path_factory.mktemp("correcting"))


@pytest.fixture
def reader(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    yield from watched(browser, str(gateway.client.base_url), "503 (Service Unavailable)")


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * np.sum(a & b) / (a.sum() + b.sum()))


def refuse(route: Route) -> None:
    route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(PROBLEM))


def test_lines_add_a_missed_part_and_remove_a_leak(reader: Page, gateway: Gateway) -> None:
    ball = distance(MIDDLE) <= 9
    i, j, _ = np.indices(SHAPE)
    planted = ball & (i < 14)
    planted[3:12, 17:24, 9:12] = True  # a leak
    mask = planted.astype(np.uint8)
    other = (i > 25) & (j > 20)
    mask[other] = 2
    correction = Correction.of(reader, gateway, "oblique", mask)
    correction.press("1", "a")
    shown = correction.slice("axial")
    scribbles = reader.locator(".correcting-layer .scribble:not(.halo)")

    reader.route("**/assistance?*", refuse, times=1)
    drag(reader, shown.pixel((3, -4)), shown.pixel((7, 3)))
    expect(reader.locator(".correction .problem")).to_contain_text("was stopped")
    expect(scribbles).to_have_count(0)

    held: list[Route] = []
    reader.route("**/assistance?*", lambda route: held.append(route), times=1)
    drag(reader, shown.pixel((3, -4)), shown.pixel((7, 4)))
    expect(reader.locator(".tool-working")).to_contain_text("Assistant: working")
    expect(reader.locator(".tool-working button")).to_be_visible()
    expect(reader.locator(".correcting-layer .tag")).to_have_text("working …")
    reader.keyboard.press("2")  # one paints meanwhile, in its box, and what is painted stays
    reader.keyboard.press("b")
    drag(reader, shown.pixel((0, 0)), shown.pixel((0, 0)))
    held[0].continue_()
    expect(reader.locator(".tool-working")).to_be_hidden()
    expect(reader.locator(".correction > .hint")).to_have_text(
        re.compile(r"^Assistant: added [\d,]+ voxels? to \w+")
    )
    for key in ("Control+z", "Control+z", "1", "a"):  # the assistant's step, and the brush's
        correction.press(key)

    drag(reader, shown.pixel((3, -4)), shown.pixel((7, 4)))
    expect(reader.locator(".correction")).to_contain_text("Enter keeps it")
    expect(reader.locator(".correcting-layer .scribble.adds").first).to_be_visible()
    expect(reader.locator(".correcting-layer .assistant-box").first).to_be_visible()
    expect(reader.locator(".correction .problem")).to_have_count(0)
    correction.press("Enter")
    expect(scribbles).to_have_count(0)

    tag = reader.locator(".correcting-layer .tag")
    reader.mouse.move(*shown.pixel((-9, 8)))
    reader.mouse.down()
    reader.mouse.move(*shown.pixel((-3, 10)), steps=3)
    expect(tag).to_have_text(re.compile("^− removes from"))
    reader.mouse.up()
    expect(reader.locator(".correcting-layer .scribble.removes").first).to_be_visible()
    expect(reader.locator(".correction")).to_contain_text("Enter keeps it")
    result = correction.stored()
    assert dice(planted, ball) < 0.7
    assert dice(result == 1, ball) > 0.93
    np.testing.assert_array_equal(result == 2, other)
