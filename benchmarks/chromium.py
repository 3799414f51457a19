"""Headless Chromium for the benchmarks of the page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

DRAWS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Arguments with which it draws without a graphics card."""


@contextmanager
def open_page(chromium: str, *arguments: str, first: str | None = None) -> Iterator[Page]:
    """An empty page of 1,280 x 800 pixels; the browser ends with the context.

    `chromium`: name or path of the program. `first`: a script that runs before each page's own.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which(chromium), args=["--no-sandbox", *arguments]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        if first is not None:
            page.add_init_script(first)
        yield page
        browser.close()
