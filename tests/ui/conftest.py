"""A whole Tessera on a free port, and a real browser in front of it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-P", "-c", "from cli.main import main; main()"]
FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root with it; the pages are our own
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000
"""How long the page may take for what must come; no claim about speed."""
SOFTWARE_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`tessera up` with its own data folder, until the tests of the page end."""
    if not (ROOT / "service" / "static" / "index.html").is_file():
        pytest.fail("The page is not built: install the checkout again (pip install -e .).")
    folder = tmp_path_factory.mktemp("up")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*COMMAND, "up", "--port", str(port), "--data", str(folder / "data")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        wait_ready(f"http://127.0.0.1:{port}", process, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def wait_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/readyz", timeout=5).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail(f"tessera up was not ready:\n{log.read_text()}")


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def chromium() -> str:
    """Debian's Chromium, or a browser that one's machine has."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    if (named := os.environ.get("TESSERA_TEST_BROWSER")) and Path(named).is_file():
        return named
    return pytest.skip("no Chromium on the PATH: apt-get install chromium")


@pytest.fixture(scope="package")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(
        executable_path=chromium, args=[*FLAGS, *SOFTWARE_WEBGL], timeout=60_000
    )
    yield browser
    browser.close()


@pytest.fixture(scope="package")
def blind_browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """A browser without WebGL."""
    browser = playwright.chromium.launch(
        executable_path=chromium, args=[*FLAGS, "--disable-3d-apis"], timeout=60_000
    )
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    yield from watched(browser, address)


@pytest.fixture
def blind_page(blind_browser: Browser, address: str) -> Iterator[Page]:
    yield from watched(blind_browser, address)


def watched(browser: Browser, address: str) -> Iterator[Page]:
    """An open page that may neither fail, nor log, nor ask any other host for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    asked: list[str] = []
    page.goto(address)
    yield page
    context.close()
    # Chromium itself reports every refused upload in the console.
    unexpected = [line for line in said if "status of 422" not in line]
    assert unexpected == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []
