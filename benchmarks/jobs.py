"""From POST to mask: how long a job takes in a service that runs, and how many go through.

    python -P benchmarks/jobs.py [--runs 21] [--json FILE]

Starts `tessera up` with one worker in a folder of its own, and sends 512 x 512 pictures through
nuclei-2d: one after another, each asked for when the one before is there; then a batch at once,
with jobs taken one by one and four at a time. With `--json benchmarks/results/jobs.json` the
figures are kept for benchmarks/report.py.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import skimage

sys.path.append(str(Path(__file__).resolve().parent))

from record import save

MODEL = "nuclei-2d"
PICTURE = Path(skimage.__file__).parent / "data" / "ihc.png"
WARM = 3
"""Jobs before those that are counted."""


def main() -> None:
    """Prints medians of single jobs, and pictures a second of batches."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with service(Path(folder) / "one", together=1) as client:
            rows, where = singles(client, options.runs)
            one = rate(client, options.runs)
        with service(Path(folder) / "four", together=4) as client:
            one_job(client, uploaded(client))
            four = rate(client, options.runs)
    print(f"one by one: {one:.2f} pictures a second; four at a time: {four:.2f}")
    if options.json:
        rates = {"1": round(one, 1), "4": round(four, 1)}
        save(options.json, rows, model=MODEL, runs=options.runs, rates=rates, **where)


def singles(client: httpx.Client, runs: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """One job at a time: prints and gives the medians, and on what they ran."""
    scan = uploaded(client)
    rows = [one_job(client, scan) for _ in range(WARM + runs)][WARM:]
    told = rows[-1]["report"]
    print(f"{MODEL} on {told['device']} in {told['precision']}, median of {runs} jobs:")
    medians = []
    for title, seconds in (
        ("POST to mask", [row["seconds"] for row in rows]),
        ("POST until a worker takes it", [row["waited"] for row in rows]),
        ("network alone", [row["report"]["seconds"]["network"] for row in rows]),
        ("taken until the network starts", [row["report"]["seconds"]["open"] for row in rows]),
    ):
        print(f"  {title}: {1000 * median(seconds):.0f} ms (at most {1000 * max(seconds):.0f})")
        medians.append({"what": title, "ms": round(1000 * median(seconds))})
    return medians, {name: told[name] for name in ("device", "precision")}


def one_job(client: httpx.Client, scan: str) -> dict[str, Any]:
    """Asks, waits, fetches the mask."""
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
    """Pictures a second, of a batch that is there at once."""
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
    """The picture's id."""
    answer = client.post("/v1/scans", files={"files": ("p.png", PICTURE.read_bytes())})
    return str(answer.raise_for_status().json()["id"])


@contextlib.contextmanager
def service(folder: Path, together: int) -> Iterator[httpx.Client]:
    """A client of a service that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"TESSERA_GROUP_SIZE": str(together), "TESSERA_CACHE": str(folder.parent / "cache")}
    command = [Path(sys.executable).parent / "tessera", "up", "--data", folder, "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            while not answers(client):
                time.sleep(0.1)
            yield client
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def answers(client: httpx.Client) -> bool:
    """Whether the gateway is there."""
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
