"""The page in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, Response, expect

PATIENCE_MS = 120_000
"""How long a test waits for something that must appear. It is no claim about speed."""


def watched(browser: Browser, address: str, *tolerated: str) -> Iterator[Page]:
    """An open page. It must not fail, log anything but `tolerated` words, or send a request to
    another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    messages: list[str] = []
    requests: list[str] = []
    answers: list[str] = []
    page.on("pageerror", lambda error: messages.append(f"error: {error}"))
    page.on("console", lambda message: messages.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    page.on("response", lambda response: answers.append(_told(response)))
    page.goto(address)
    yield page
    context.close()
    # In the console, Chromium reports every refused upload and review, and OpenSeadragon each tile
    # of an image that is no longer shown.
    refusals = ("status of 409", "status of 415", "status of 422", "Ignoring tile", *tolerated)
    unexpected = [line for line in messages if not any(one in line for one in refusals)]
    assert unexpected == [], [one for one in answers if one[0] in "45"]  # without their address
    assert [url for url in requests if not url.startswith((address, "data:", "blob:"))] == []


def finish(page: Page, address: str, job: str) -> dict[str, Any]:
    """Waits until the page shows the finished job and its scan, and returns the job's report."""
    expect(page.locator("#pill")).to_have_text("to review", timeout=PATIENCE_MS)
    page.wait_for_selector(".stage[data-scan=shown]")
    answer = httpx.get(f"{address}/v1/jobs/{job}/report", timeout=30)
    report: dict[str, Any] = answer.raise_for_status().json()
    return report


def drop(page: Page, *paths: Path) -> None:
    """Drops files and folders on the page, as a file manager does."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 300, "data": data})


def _told(response: Response) -> str:
    return f"{response.status} {response.request.method} {response.url}"
