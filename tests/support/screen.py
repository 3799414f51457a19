"""The pixels of the page, at points of the world."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page


def screenshot_of(page: Page) -> bytes:
    """A screenshot, without the text over the image that says that the mask is hidden."""
    page.evaluate(
        """() => document.querySelectorAll('.mask-hidden')
        .forEach(over => { over.style.visibility = 'hidden' })"""
    )
    return page.screenshot()


class Screen:
    """A screenshot of the page, and where points of the scan are in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pixels: NDArray[np.uint8] = np.zeros((0, 0, 3), np.uint8)

    def shoot(self) -> "Screen":
        self.page.mouse.move(5, 5)
        picture = Image.open(io.BytesIO(screenshot_of(self.page)))
        self.pixels = np.asarray(picture.convert("RGB"))
        return self

    def spots(self, points: Sequence[Sequence[float]]) -> list[list[dict[str, Any]]]:
        script = "points => points.map(p => window.tessera.project(p))"
        found: list[list[dict[str, Any]]] = self.page.evaluate(script, [list(p) for p in points])
        return found

    def at(self, spot: dict[str, Any]) -> NDArray[np.uint8]:
        colour: NDArray[np.uint8] = self.pixels[int(spot["y"]), int(spot["x"])]
        return colour

    def around(self, spot: dict[str, Any], reach: int = 8) -> NDArray[np.uint8]:
        x, y = int(spot["x"]), int(spot["y"])
        patch = self.pixels[y - reach : y + reach + 1, x - reach : x + reach + 1]
        flat: NDArray[np.uint8] = patch.reshape(-1, 3)
        return flat
