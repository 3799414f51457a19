"""The worklist with many jobs: requests of the gateway, and the page in Chromium.

    python -P benchmarks/worklist.py [--jobs 5000 50000] [--json FILE]

For each number of jobs, and for SQLite and PostgreSQL, stores jobs of all kinds and starts a
gateway without a worker. It takes medians of requests (a page and the counts for each filter and
order), then opens the page in a headless Chromium: seconds to the first rows, milliseconds until a
changed filter shows other rows and their number, and the longest task of the page's thread while
it scrolls. With `--json benchmarks/results/worklist.json` the results are saved.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import httpx

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

from chromium import open_page  # noqa: E402
from gateway_process import free_port, processor_s, started  # noqa: E402
from playwright.sync_api import Page  # noqa: E402
from queue_depth import database  # noqa: E402
from record import save  # noqa: E402

from jobs.repository import Repository  # noqa: E402
from jobs.settings import Settings  # noqa: E402
from tests.support.many_jobs import store_jobs  # noqa: E402

RUNS = 9
FILTERS: dict[str, dict[str, Any]] = {
    "all": {},
    "to review": {"verdict": "to_review"},
    "waiting or running": {"state": ["queued", "running"]},
    "a model, a modality": {"model": "nuclei-2d", "modality": "CT"},
    "a reader": {"reviewer": "Dr. Okafor"},
    "a name": {"text": "subject-0123"},
    "nothing found": {"text": "nonesuch"},
}
SORTS = ("newest", "oldest", "priority", "suspicion")
TABS = ("review", "failed", "open", "reviewed", "all")
SCROLLS = 240
"""Frames of the scroll through the list, each a screen further."""
CHANGE = """tab => new Promise(done => {
  const select = document.querySelector('.filters select')
  const found = document.querySelector('.found')
  const label = select.querySelector(`option[value=${tab}]`).textContent
  const wanted = label.match(/\\(([\\d,]+)\\)/)[1] + ' jobs'
  const began = performance.now()
  select.value = tab
  select.dispatchEvent(new Event('change'))
  const look = () => found.textContent === wanted
    ? done(performance.now() - began) : requestAnimationFrame(look)
  look()
})"""
"""Chooses a tab; the milliseconds until its rows and their number are on screen."""
SCROLL = """frames => new Promise(done => {
  const list = document.querySelector('.worklist .scroll')
  let longest = 0
  const observer = new PerformanceObserver(
    seen => seen.getEntries().forEach(one => { longest = Math.max(longest, one.duration) }))
  observer.observe({ entryTypes: ['longtask'] })
  const step = () => {
    list.scrollTop += list.clientHeight
    if (--frames > 0) requestAnimationFrame(step)
    else {
      list.scrollTop = list.scrollHeight / 2
      setTimeout(() => { observer.disconnect(); done(longest) }, 1500)
    }
  }
  step()
})"""
"""Scrolls by a screen at each frame, then jumps to the middle; the longest task, 0 below 50 ms."""
Row = dict[str, Any]


def main() -> None:
    """Prints a row for each database and number of jobs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[5_000, 50_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--chromium", default="chromium", help="path of Chromium or Chrome")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    rows = []
    for name in options.databases:
        for number in options.jobs:
            with tempfile.TemporaryDirectory() as folder, database(name, Path(folder)) as url:
                row = {"database": name, "jobs": number}
                row |= measured(url, Path(folder), number, options.chromium)
            print(row, flush=True)
            rows.append(row)
    if options.json:
        save(options.json, rows, runs=RUNS)


def measured(url: str, folder: Path, number: int, chromium: str) -> Row:
    """The figures for a worklist of this length."""
    with contextlib.closing(Repository(url)) as repository:
        repository.migrate()
        store_jobs(repository, number)
    settings = Settings(data=folder, database_url=url)
    with gateway(settings) as (client, process):
        return requests(client, process) | in_browser(str(client.base_url), chromium)


def requests(client: httpx.Client, process: int) -> Row:
    """Milliseconds of a page of 50 jobs (the slowest of all filters and orders) and of the counts
    (the slowest of all filters), each a median; and means of the gateway's processor time."""
    before = processor_s(process)
    pages = {
        (name, sort): median_ms(client, "/v1/jobs", {**query, "sort": sort})
        for name, query in FILTERS.items()
        for sort in SORTS
    }
    between = processor_s(process)
    counts = {name: median_ms(client, "/v1/jobs/counts", query) for name, query in FILTERS.items()}
    after = processor_s(process)
    slowest, most = max(pages, key=pages.__getitem__), max(counts, key=counts.__getitem__)
    return {
        "page_cpu_ms": round(1000 * (between - before) / len(pages) / RUNS, 1),
        "counts_cpu_ms": round(1000 * (after - between) / len(counts) / RUNS, 1),
        "page_ms": pages["all", "newest"],
        "slowest_page": ", ".join(slowest),
        "slowest_page_ms": pages[slowest],
        "counts_ms": counts["all"],
        "slowest_counts": most,
        "slowest_counts_ms": counts[most],
    }


def median_ms(client: httpx.Client, path: str, query: dict[str, Any]) -> float:
    """Median time of a request."""
    times_ms = []
    for _ in range(RUNS):
        began = time.perf_counter()
        client.get(path, params=query).raise_for_status()
        times_ms.append(1000 * (time.perf_counter() - began))
    return round(median(times_ms), 1)


def in_browser(address: str, chromium: str) -> Row:
    """What a reader waits for."""
    with open_page(chromium) as page:
        first_rows_s = [opened_s(page, address) for _ in range(RUNS)]
        page.wait_for_selector(".found:not(:empty)")
        changes = [page.evaluate(CHANGE, tab) for _ in range(3) for tab in TABS]
        return {
            "first_rows_s": round(median(first_rows_s), 2),
            "filter_change_ms": round(median(changes)),
            "slowest_filter_change_ms": round(max(changes)),
            "longest_task_ms": round(page.evaluate(SCROLL, SCROLLS)),
            "row_elements": page.locator(".jobs li").count(),
        }


def opened_s(page: Page, address: str) -> float:
    """Seconds from the navigation to the first row."""
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("[data-job]")
    return time.perf_counter() - began


@contextlib.contextmanager
def gateway(settings: Settings) -> Iterator[tuple[httpx.Client, int]]:
    """A client of a gateway without a worker, and its process id."""
    port = free_port()
    environment = {
        "TESSERA_DATA": str(settings.data),
        "TESSERA_DATABASE_URL": settings.database,
        "TESSERA_BROKER_URL": "file://",
        "TESSERA_PORT": str(port),
        "TESSERA_LEASE_S": "36000",  # no message is missed
    }
    command: Sequence[str | Path] = [Path(sys.executable).parent / "tessera", "gateway"]
    with started(command, port, environment) as both:
        yield both


if __name__ == "__main__":
    main()
