"""Large uploads of the page continue where they were interrupted."""

import hashlib
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pydicom import dcmwrite

from tests.support.cut_proxy import CutProxy, cut_proxy
from tests.support.dicom.mr_series import series
from tests.support.gateway import Gateway, start
from tests.support.page import PATIENCE_MS, drop
from tests.support.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

MB = 1_000_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A volume of 32 MB, which no compression makes smaller."""
    path = tmp_path_factory.mktemp("large") / "large.nii"
    noise = np.random.default_rng(5).integers(0, 30_000, (256, 256, 244), np.int16)
    nib.save(nib.Nifti1Image(noise, np.diag([1.0, 1, 1, 1])), path)
    return path


@pytest.fixture
def start_gateway(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways over one data folder. They wait so many seconds for a silent client."""
    started: list[Gateway] = []

    def one(request_timeout_s: int = 30) -> Gateway:
        started.append(start(tmp_path / "data", request_timeout_s=str(request_timeout_s)))
        return started[-1]

    yield one
    for gateway in started:
        gateway.stop()


@pytest.fixture
def gateway(start_gateway: Callable[..., Gateway]) -> Gateway:
    return start_gateway()


@contextmanager
def opened(browser: Browser, proxy: CutProxy) -> Iterator[Page]:
    """The page, through the proxy. Chromium logs each broken connection, so its log is not read."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(proxy.url)
    yield page
    context.close()
    assert errors == []


def row(page: Page) -> Locator:
    return page.locator(".uploads > li")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stored(gateway: Gateway) -> list[str]:
    """The SHA-256 of each stored scan."""
    return [scan["sha256"] for scan in gateway.client.get("/v1/scans").json()["scans"]]


def parts(gateway: Gateway) -> list[Path]:
    """What has arrived of uploads."""
    return sorted(gateway.data.rglob("*.part"))


def until_given_up(page: Page, condition: Callable[[], object]) -> None:
    """Waits for `condition`; the page's patience with a silent connection ends every 3 s.

    When a connection breaks, Chromium sends its request again by itself and sometimes hangs, until
    the page aborts it: after 45 s, which pass at once on the page's clock.
    """
    last = began = time.monotonic()
    while not condition():
        now = time.monotonic()
        assert now < began + PATIENCE_S
        if now > last + 3:
            page.clock.fast_forward(46_000)
            last = now
        page.wait_for_timeout(50)


def test_five_broken_connections_and_a_killed_gateway(
    browser: Browser, start_gateway: Callable[..., Gateway], large: Path
) -> None:
    gateway = start_gateway()
    cuts = [n * MB for n in (4, 9, 13, 18, 22)]
    with cut_proxy(gateway.port, cuts, rate=20 * MB) as proxy, opened(browser, proxy) as page:
        page.clock.install()
        page.set_input_files("#files", large)
        until_given_up(page, lambda: proxy.sent > 26 * MB)
        (part,) = parts(gateway)
        gateway.stop(signal.SIGKILL)
        proxy.cut()
        arrived = part.stat().st_size
        assert arrived > 8 * MB  # no connection lived so long that it could send so much
        until_given_up(page, lambda: "waiting for the connection" in row(page).inner_text())
        again = start_gateway()
        proxy.port = again.port
        until_given_up(page, lambda: row(page).get_attribute("data-state") == "ready")
        assert not proxy.cuts
        assert stored(again) == [sha256(large)]
        assert parts(again) == [part]  # continued, not begun again


def test_a_reload_and_the_same_file_again(browser: Browser, gateway: Gateway, large: Path) -> None:
    with cut_proxy(gateway.port, rate=10 * MB) as proxy, opened(browser, proxy) as page:
        page.set_input_files("#files", large)
        expect(row(page)).to_contain_text("choose the same files again")
        until(lambda: proxy.sent > 12 * MB)
        with page.context.expect_page() as opening:
            page.evaluate("open(location.href)")
        another_tab = opening.value  # says nothing about the upload, which runs in the first one
        expect(another_tab.locator(".unfinished")).to_have_attribute("data-seen", "")
        another_tab.close()
        until(lambda: proxy.sent > 16 * MB)
        page.reload()
        note = page.locator(".unfinished")
        expect(note).to_contain_text("1 upload is not finished")
        assert large.name not in str(page.evaluate("JSON.stringify(localStorage)"))
        drop(page, large)
        expect(row(page)).to_contain_text("continued")
        expect(row(page)).to_have_attribute("data-state", "ready")
        expect(note).to_be_empty()
        assert stored(gateway) == [sha256(large)]
        assert proxy.sent < 1.3 * large.stat().st_size


def test_removing_an_upload_deletes_what_was_sent(
    browser: Browser, gateway: Gateway, large: Path
) -> None:
    with cut_proxy(gateway.port, rate=5 * MB) as proxy, opened(browser, proxy) as page:
        page.set_input_files("#files", large)
        until(lambda: proxy.sent > 5 * MB)
        assert parts(gateway)
        row(page).get_by_role("button", name=re.compile("^Remove")).click()
        expect(row(page)).to_have_count(0)
        until(lambda: not parts(gateway))
        assert page.evaluate("Object.keys(localStorage).filter(k => /upload/.test(k))") == []
        page.set_input_files("#files", large)
        until(lambda: parts(gateway))
        page.reload()
        page.locator(".unfinished button").click()
        until(lambda: not parts(gateway))
        expect(page.locator(".unfinished")).to_be_empty()


def test_a_file_that_changes_while_it_is_sent(
    browser: Browser, gateway: Gateway, tmp_path: Path
) -> None:
    path = tmp_path / "changing.bin"
    path.write_bytes(b"a" * 12 * MB)
    with cut_proxy(gateway.port, rate=2 * MB) as proxy, opened(browser, proxy) as page:
        page.set_input_files("#files", path)
        until(lambda: proxy.sent > 2 * MB)
        path.write_bytes(b"b" * 3 * MB)
        proxy.cut()
        expect(row(page)).to_contain_text("The file changing.bin cannot be read any more")


def test_a_connection_that_falls_silent_is_given_up(
    browser: Browser, start_gateway: Callable[..., Gateway], tmp_path: Path
) -> None:
    """Its other end is gone without a word, as when a network is lost."""
    gateway = start_gateway(request_timeout_s=5)  # so long it holds the upload for the dead end
    path = tmp_path / "silent.bin"
    path.write_bytes(bytes(12 * MB))
    with cut_proxy(gateway.port, rate=4 * MB) as proxy, opened(browser, proxy) as page:
        page.clock.install()
        page.set_input_files("#files", path)
        until(lambda: proxy.sent > 2 * MB)
        proxy.silence()
        proxy.rate = 50 * MB
        until_given_up(page, lambda: row(page).get_attribute("data-state") == "refused")
        # it is whole, and no scan


def test_a_large_series_is_one_upload_with_a_name_of_its_own(
    browser: Browser, gateway: Gateway, tmp_path: Path
) -> None:
    """Sent as a tar, which a broken connection interrupts; two folders hold files of one name."""
    for number, image in enumerate(series(slices=24, size=512, SeriesDescription="T1 axial")):
        folder = tmp_path / "study" / str(number % 2)
        folder.mkdir(parents=True, exist_ok=True)
        dcmwrite(folder / f"IM{number // 2}", image, enforce_file_format=True)
    with cut_proxy(gateway.port, [6 * MB], rate=20 * MB) as proxy, opened(browser, proxy) as page:
        drop(page, tmp_path / "study")
        expect(row(page)).to_have_attribute("data-state", "ready")
        assert not proxy.cuts
        assert len(parts(gateway)) == 1
        (scan,) = gateway.client.get("/v1/scans").json()["scans"]
        assert scan["shape"] == [1, 512, 512, 24]
        assert "DICOM files" not in scan["name"]


def test_one_of_several_scans_is_chosen_without_a_second_upload(
    browser: Browser, gateway: Gateway, tmp_path: Path
) -> None:
    noise = np.random.default_rng(6).integers(0, 30_000, (64, 64, 64, 12), np.int16)
    path = tmp_path / "times.nii"
    nib.save(nib.Nifti1Image(noise, np.eye(4)), path)
    with cut_proxy(gateway.port) as proxy, opened(browser, proxy) as page:
        page.set_input_files("#files", path)
        expect(row(page)).to_have_attribute("data-state", "choose")
        row(page).locator("li button").nth(2).click()
        expect(row(page)).to_have_attribute("data-state", "ready")
        assert proxy.sent < 1.2 * path.stat().st_size
