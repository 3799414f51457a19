"""Latency of a job from POST to mask in a running service, and throughput of batches.

    python -P benchmarks/jobs.py [--runs 21] [--json FILE]

Starts `tessera up` with one worker in a folder of its own and sends images of 512 x 512 pixels
through nuclei-2d. First single jobs, each submitted when the one before is done; then a batch, with
jobs processed one at a time and four at a time. With `--json benchmarks/results/jobs.json` the
results are saved for benchmarks/report.py.
"""

import argparse
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import skimage

sys.path.append(str(Path(__file__).resolve().parent))

from gateway_process import free_port, running
from record import save

MODEL = "nuclei-2d"
IMAGE = Path(skimage.__file__).parent / "data" / "ihc.png"
WARM = 3
"""Number of warm-up jobs, which are not counted."""


def main() -> None:
    """Prints medians of single jobs, and images per second of batches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with service(Path(folder) / "one", group_size=1) as client:
            rows, device = singles(client, options.runs)
            one = rate(client, options.runs)
        with service(Path(folder) / "four", group_size=4) as client:
            one_job(client, uploaded(client))
            four = rate(client, options.runs)
    print(f"one at a time: {one:.2f} images per second; four at a time: {four:.2f}")
    if options.json:
        rates = {"1": round(one, 1), "4": round(four, 1)}
        save(options.json, rows, model=MODEL, runs=options.runs, rates=rates, **device)


def singles(client: httpx.Client, runs: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Runs one job at a time; prints and returns the medians, and the device."""
    scan = uploaded(client)
    rows = [one_job(client, scan) for _ in range(WARM + runs)][WARM:]
    report = rows[-1]["report"]
    print(f"{MODEL} on {report['device']} in {report['precision']}, median of {runs} jobs:")
    medians = []
    for title, seconds in (
        ("POST to mask", [row["seconds"] for row in rows]),
        ("POST until a worker starts", [row["waited"] for row in rows]),
        ("network alone", [row["report"]["seconds"]["network"] for row in rows]),
        ("worker start until network start", [row["report"]["seconds"]["open"] for row in rows]),
    ):
        print(f"  {title}: {1000 * median(seconds):.0f} ms (maximum {1000 * max(seconds):.0f})")
        medians.append({"what": title, "ms": round(1000 * median(seconds))})
    return medians, {name: report[name] for name in ("device", "precision")}


def one_job(client: httpx.Client, scan: str) -> dict[str, Any]:
    """Submits a job, waits for it and downloads the mask."""
    began = time.perf_counter()
    id_ = (
        client.post("/v1/jobs", json={"scan": scan, "model": MODEL}).raise_for_status().json()["id"]
    )
    while (job := client.get(f"/v1/jobs/{id_}").json())["state"] in ("queued", "running"):
        time.sleep(0.005)
    client.get(f"/v1/jobs/{id_}/mask").raise_for_status()
    seconds = time.perf_counter() - began
    created, started = (
        datetime.fromisoformat(job[f"{name}_at"]) for name in ("created", "started")
    )
    report = client.get(f"/v1/jobs/{id_}/report").raise_for_status().json()
    return {"seconds": seconds, "waited": (started - created).total_seconds(), "report": report}


def rate(client: httpx.Client, count: int) -> float:
    """Images per second of a batch that is submitted at once."""
    jobs = [{"scan": uploaded(client), "model": MODEL} for _ in range(count)]
    began = time.perf_counter()
    batch = client.post("/v1/batches", json={"name": "b", "jobs": jobs}).raise_for_status().json()
    place = f"/v1/batches/{batch['id']}"
    while (states := client.get(place).json()["states"]).get("succeeded", 0) < count:
        if states.get("failed"):
            raise SystemExit(f"Jobs failed: {states}")
        time.sleep(0.02)
    return count / (time.perf_counter() - began)


def uploaded(client: httpx.Client) -> str:
    """Uploads the image; returns its id."""
    answer = client.post("/v1/scans", files={"files": ("image.png", IMAGE.read_bytes())})
    return str(answer.raise_for_status().json()["id"])


def service(folder: Path, group_size: int) -> AbstractContextManager[httpx.Client]:
    """A client of a running service."""
    port = free_port()
    command = [Path(sys.executable).parent / "tessera", "up", "--data", folder, "--port", str(port)]
    cache = str(folder.parent / "cache")
    settings = {"TESSERA_GROUP_SIZE": str(group_size), "TESSERA_CACHE": cache}
    return running(command, port, settings)


if __name__ == "__main__":
    main()
