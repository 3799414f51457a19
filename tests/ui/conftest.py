"""A complete Tessera, and a real browser that opens its page."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.support.cards import write_cards
from tests.support.gateway import Gateway, start
from tests.support.page import PATIENCE_MS, watched
from tests.support.ports import free_port
from tests.support.processes import MAIN, ROOT

COMMAND = [sys.executable, "-P", "-c", MAIN]
FLAGS = [
    "--no-sandbox",  # Chromium refuses to run as root with it; the pages are our own
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SOFTWARE_WEBGL = [
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-gpu-compositing",  # the page around WebGL is not drawn by an emulated GPU, too
]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `tessera up` over a data folder of its own, for all tests of the page."""
    if not (ROOT / "service" / "static" / "index.html").is_file():
        pytest.fail("The page is not built: install the checkout again (pip install -e .).")
    folder = tmp_path_factory.mktemp("up")
    port = free_port()
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


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of the module's own that knows models without networks. It has no worker."""
    folder = tmp_path_factory.mktemp("gateway")
    running = start(folder / "data", models=str(write_cards(folder / "models")))
    yield running
    running.stop()


@pytest.fixture
def reader(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    """The page of the module's own gateway."""
    yield from watched(browser, str(gateway.client.base_url))


@pytest.fixture
def second_reader(browser: Browser, gateway: Gateway) -> Iterator[Page]:
    """The same page in another profile, as of another reader."""
    yield from watched(browser, str(gateway.client.base_url))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Ends with the module: while it lives, asyncio cannot run in this thread."""
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Chromium or Chrome. The test is skipped if there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    if (named := os.environ.get("TESSERA_TEST_BROWSER")) and Path(named).is_file():
        return named
    return pytest.skip("no Chromium on the PATH: apt-get install chromium")


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(
        executable_path=chromium, args=[*FLAGS, *SOFTWARE_WEBGL], timeout=60_000
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
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
