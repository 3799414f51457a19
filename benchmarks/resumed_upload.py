"""Measures an upload of the page that is broken off: bytes sent, seconds, memory of the gateway.

    python -P benchmarks/resumed_upload.py [--gigabytes 2] [--breaks 5] [--rate 100]

A browser uploads a NIfTI of noise through a proxy that cuts all connections several times, evenly
spread over the file; then the gateway is killed and started again on the same data. The scan must
have the SHA-256 of the file. The rate is that of the proxy, in MB/s. Needs Chromium.
"""

import argparse
import hashlib
import shutil
import signal
import sys
import tempfile
import threading
import time
from itertools import chain
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

import numpy as np
from playwright.sync_api import Page, sync_playwright

from tests.support.cut_proxy import CutProxy, cut_proxy
from tests.support.gateway import Gateway, start

HEADER_BYTES = 352
ROW = 512
PATIENCE_MS = 1_800_000


def main() -> None:
    """Prints one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--breaks", type=int, default=5)
    parser.add_argument("--rate", type=float, default=100.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.nii"
        size, expected = write_noise(path, options.gigabytes)
        cuts = [size * (n + 1) // (options.breaks + 2) for n in range(options.breaks)]
        gateway = start(Path(folder) / "data")
        with cut_proxy(gateway.port, cuts, options.rate * 1e6) as proxy:
            report(gateway, proxy, path, size, expected)


def report(gateway: Gateway, proxy: CutProxy, path: Path, size: int, expected: str) -> None:
    """Uploads the file, kills the gateway near the end, and prints the figures."""
    began = time.perf_counter()
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(proxy.url)
        peak = _Peak(gateway.process.pid)
        page.set_input_files("#files", path)
        while proxy.cuts or proxy.sent < 0.9 * size:
            page.wait_for_timeout(50)
        first_peak = peak.stop()
        gateway.stop(signal.SIGKILL)
        proxy.cut()
        again = start(gateway.data)
        try:
            proxy.port = again.port
            peak = _Peak(again.process.pid)
            ready(page)
            seconds = time.perf_counter() - began
            (scan,) = again.client.get("/v1/scans").json()["scans"]
        finally:
            second_peak = peak.stop()
            again.stop()
        browser.close()
    print(f"file:                     {size / 1e9:8.2f} GB")
    print(f"sent through the proxy:   {proxy.sent / 1e9:8.2f} GB")
    print(f"until the scan is stored: {seconds:8.1f} s")
    print(f"memory of the gateway:    {max(first_peak, second_peak) / 1e6:8.0f} MB at most")
    print(f"SHA-256:                  {'equal' if scan['sha256'] == expected else 'DIFFERS'}")
    if scan["sha256"] != expected:
        raise SystemExit(1)


def ready(page: Page) -> None:
    """Waits until the scan is stored."""
    page.wait_for_selector(".uploads li[data-state=ready]", timeout=PATIENCE_MS)


class _Peak:
    """The largest resident memory of a process, sampled."""

    def __init__(self, pid: int) -> None:
        self._status, self._bytes = Path(f"/proc/{pid}/status"), 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> int:
        """Bytes."""
        self._ended.set()
        self._thread.join()
        return self._bytes

    def _run(self) -> None:
        while not self._ended.wait(0.05):
            lines = self._status.read_text().splitlines()
            rss = next((line for line in lines if line.startswith("VmRSS")), "VmRSS 0")
            self._bytes = max(self._bytes, int(rss.split()[1]) << 10)


def write_noise(path: Path, gigabytes: float) -> tuple[int, str]:
    """A NIfTI of int16 noise; its bytes and SHA-256. No more than a slice is in memory."""
    import nibabel as nib

    slices = max(1, round(gigabytes * 1e9 / (ROW * ROW * 2)))
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((ROW, ROW, slices))
    header.set_sform(np.eye(4), code=1)
    header.set_slope_inter(1, 0)
    header["vox_offset"] = HEADER_BYTES
    header["magic"] = b"n+1"
    digest, rng = hashlib.sha256(), np.random.default_rng(0)
    with path.open("wb") as file:
        blocks = (rng.integers(0, 1 << 15, ROW * ROW, np.int16).tobytes() for _ in range(slices))
        for block in chain([header.binaryblock + b"\0" * 4], blocks):
            digest.update(block)
            file.write(block)
    return path.stat().st_size, digest.hexdigest()


if __name__ == "__main__":
    main()
