"""The viewer of the review page: seconds until a large mask is seen, and memory over many scans.

    python -P benchmarks/viewer.py [--scans 100] [--json FILE]

A headless Chromium without a graphics card opens finished jobs of a real gateway. First a head of
512 x 512 x 384 voxels with its mask in three planes: seconds from the click until both are drawn.
Then many scans one after the other, every fifth of 256 x 256 x 384 voxels, the others of
128 x 128 x 96: the page's memory after each fifth part of them. Memory counts after a garbage
collection: `heap` is that of JavaScript, `page` and `graphics` the resident memory of Chromium's
processes. `contexts` are those of WebGL that were ever opened.
"""

import argparse
import gzip
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

import nibabel as nib  # noqa: E402
import numpy as np  # noqa: E402
from chromium import DRAWS, open_page  # noqa: E402
from playwright.sync_api import Page  # noqa: E402
from record import save  # noqa: E402

from tests.support.cards import CARDS  # noqa: E402
from tests.support.finished_jobs import complete_report, run_job  # noqa: E402
from tests.support.gateway import Gateway, start  # noqa: E402

HEAD = (512, 512, 384)
LARGE = (256, 256, 384)
SMALL = (128, 128, 96)
DIFFERENT = 3
"""Scans of each size; they are opened again and again."""
PATIENCE_MS = 600_000
COUNT_CONTEXTS = """
window.contexts = 0
for (const kind of [HTMLCanvasElement, OffscreenCanvas]) {
  const open = kind.prototype.getContext
  kind.prototype.getContext = function (name, ...more) {
    const before = this.counted
    if (/webgl/.test(name) && !before) { window.contexts += 1; this.counted = true }
    return open.call(this, name, ...more)
  }
}
"""
Row = dict[str, Any]


def main() -> None:
    """Prints a row for the head, and one for each fifth of the scans."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=100)
    parser.add_argument("--chromium", default="chromium", help="path of Chromium or Chrome")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        gateway = started(Path(name))
        try:
            rows = measured(gateway, options.scans, options.chromium)
        finally:
            gateway.stop()
    if options.json:
        save(options.json, rows, scans=options.scans, versions={})


def started(folder: Path) -> Gateway:
    """A gateway that knows a model for volumes."""
    (card,) = (one for one in CARDS if one.name == "solid")
    (folder / "models" / card.name).mkdir(parents=True)
    card.save(folder / "models" / card.name / "card.json")
    return start(folder / "data", models=str(folder / "models"))


def finished(gateway: Gateway, shape: tuple[int, ...], seed: int) -> str:
    """The id of a job whose mask is a ball in a head of noise."""
    rng = np.random.default_rng(seed)
    axes = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    distance = np.sqrt(sum(axis**2 for axis in axes)).astype(np.float32)
    noise = rng.integers(0, 60, (shape[0], shape[1], 8), np.int16)
    voxels = np.where(distance < 0.9, 400, 0).astype(np.int16)
    voxels += np.tile(noise, shape[2] // 8)
    file = gzip.compress(nib.Nifti1Image(voxels, np.eye(4)).to_bytes(), 1)
    scan = gateway.scan(file, f"head-{shape[0]}-{seed}.nii.gz")
    job = str(gateway.job(scan=scan, model="solid")["id"])
    run_job(gateway, job, (distance < 0.4).astype(np.uint8))
    complete_report(gateway, job)
    return job


def measured(gateway: Gateway, scans: int, chromium: str) -> list[Row]:
    """One row for the head, then one for each fifth of the scans."""
    head = finished(gateway, HEAD, 0)
    large = [finished(gateway, LARGE, n) for n in range(DIFFERENT)]
    small = [finished(gateway, SMALL, n) for n in range(DIFFERENT)]
    with open_page(chromium, *DRAWS, first=COUNT_CONTEXTS) as page:
        page.set_default_timeout(PATIENCE_MS)
        page.goto(str(gateway.client.base_url))
        page.wait_for_selector("[data-job]")
        rows = [{"scans": 1, "seconds": opened_s(page, head), **memory(page)}]
        print(rows[-1], flush=True)
        for n in range(scans):
            jobs = large if n % 5 == 0 else small
            seconds = opened_s(page, jobs[(n // 5 if n % 5 == 0 else n) % DIFFERENT])
            if (n + 1) % max(1, scans // 5) == 0:
                rows.append({"scans": n + 2, "seconds": seconds, **memory(page)})
                print(rows[-1], flush=True)
    return rows


def opened_s(page: Page, job: str) -> float:
    """Seconds until scan and mask of a job are drawn in three planes."""
    began = time.perf_counter()
    page.evaluate("job => { location.hash = `job=${job}` }", job)
    page.wait_for_function(
        "job => { const s = window.tessera.shown(); return s.job === job && s.scan && s.mask }",
        arg=job,
    )
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    return round(time.perf_counter() - began, 2)


def memory(page: Page) -> Row:
    """Megabytes of the page, after a garbage collection."""
    own = page.context.new_cdp_session(page)
    own.send("HeapProfiler.collectGarbage")
    heap = own.send("Runtime.getHeapUsage")["usedSize"]
    own.detach()
    browser = page.context.browser
    if browser is None:
        raise ValueError("The page has no browser of its own.")
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return {
        "heap_mb": round(heap / 1e6, 1),
        "page_mb": max(resident_mb(one["id"]) for one in processes if one["type"] == "renderer"),
        "graphics_mb": max(resident_mb(one["id"]) for one in processes if one["type"] == "GPU"),
        "contexts": page.evaluate("window.contexts"),
    }


def resident_mb(process: int) -> int:
    """Resident memory of a process; Linux only."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1000 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    main()
