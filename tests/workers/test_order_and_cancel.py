"""Priorities, and what a cancel does, with real workers."""

import json
import logging
import random
import signal
import time
from pathlib import Path
from typing import Any

from jobs.job import JobState

log = logging.getLogger(__name__)

JOBS = 24
"""Of a batch."""


def test_a_batch_is_done_by_priority_then_age(patient_cluster: Any, tmp_path: Path) -> None:
    """Scans that came over the API while the worker was paused, waiting for a message."""
    cluster = patient_cluster
    dice = random.Random(50)
    priorities = [0, *(dice.randrange(10) for _ in range(JOBS - 1))]
    worker = cluster.worker()
    cluster.until(lambda: cluster.ready() == 1)
    with cluster.gateway() as (client, _):
        cluster.freeze(worker)
        asked = []
        for n, priority in enumerate(priorities):
            path = cluster.noise(tmp_path / f"{n}.nii", 12 + n % 5, seed=n)
            files = {"files": (path.name, path.read_bytes())}
            scan = client.post("/v1/scans", files=files).json()["id"]
            options = {"device": "cpu", "precision": "fp32"}
            job = {"scan": scan, "model": cluster.card.name, "options": options}
            asked.append(job | {"priority": priority})
        batch = client.post("/v1/batches", json={"name": "many", "jobs": asked}).json()
        cluster.until(lambda: (cluster.queue.waiting() or 0) >= JOBS - 1)
        urgency = dict(zip(batch["jobs"], priorities, strict=True))
        expected = sorted(batch["jobs"], key=lambda name: -urgency[name])
        places = [client.get(f"/v1/jobs/{name}").json()["place_in_queue"] for name in expected]
        assert places == list(range(1, JOBS + 1))
        worker.signal(signal.SIGCONT)
        cluster.until(lambda: client.get(f"/v1/batches/{batch['id']}").json()["fraction"] == 1)
        told = client.get(f"/v1/batches/{batch['id']}").json()
    assert told["states"] == {"succeeded": JOBS}
    done = sorted((cluster.job(name) for name in expected), key=lambda job: job.finished_at)
    assert [job.id for job in done] == expected
    assert len({scan for job in done for scan in job.scans.values()}) == JOBS
    assert [job.attempt for job in done] == [1] * JOBS


def test_progress_comes_as_events(patient_cluster: Any) -> None:
    """Read by a real HTTP client from a real gateway while a real worker computes for seconds."""
    cluster = patient_cluster
    card = cluster.network(cluster.settings.added_models / "deep", "deep", 24, layers=8)
    cluster.worker()
    cluster.until(lambda: cluster.ready() == 1)
    options = {"device": "cpu", "precision": "fp32", "tile": [24]}
    with cluster.gateway() as (client, _):
        path = cluster.noise(cluster.settings.data.parent / "scan.nii", 48)
        files = {"files": (path.name, path.read_bytes())}
        scan = client.post("/v1/scans", files=files).json()["id"]
        asked = {"scan": scan, "model": card.name, "options": options}
        job = client.post("/v1/jobs", json=asked).json()["id"]
        with client.stream("GET", f"/v1/jobs/{job}/events", timeout=120) as answer:
            lines = [line.removeprefix("data: ") for line in answer.iter_lines()]
    events = [json.loads(line) for line in lines if line.startswith("{")]
    assert (events[-1]["state"], events[-1]["progress"]["fraction"]) == ("succeeded", 1)
    tiles = [event["progress"]["tiles_done"] for event in events if event["state"] == "running"]
    assert tiles == sorted(tiles)
    assert len({n for n in tiles if 0 < n < 64}) >= 2, tiles
    assert {event["progress"]["tiles_total"] for event in events[-2:]} == {64}


def test_a_cancelled_job_makes_room_within_one_tile(patient_cluster: Any, tmp_path: Path) -> None:
    """Cancelled at once for its project; its worker begins the next within one tile's time."""
    cluster = patient_cluster
    card = cluster.network(cluster.settings.added_models / "deep", "deep", 24, layers=8)
    scan = cluster.noise(tmp_path / "big.nii", 240)
    options = {"device": "cpu", "precision": "fp32"}
    cluster.worker()
    cluster.until(lambda: cluster.ready() == 1)
    with cluster.gateway() as (client, _):
        files = {"files": (scan.name, scan.read_bytes())}
        big = {"scan": client.post("/v1/scans", files=files).json()["id"], "model": card.name}
        big = client.post("/v1/jobs", json=big | {"options": options | {"tile": [96]}}).json()["id"]
        first = cluster.begun(big, tiles=1)
        seen = time.time()
        second = cluster.begun(big, tiles=first.progress.tiles_done + 1)
        tiles = second.progress.tiles_done - first.progress.tiles_done
        tile_s = (time.time() - seen) / tiles
        assert second.progress.tiles_total - second.progress.tiles_done >= 20
        cluster.ask("next")

        asked = time.time()
        assert client.post(f"/v1/jobs/{big}/cancel").json()["state"] == "cancelled"
        cancelled = cluster.job(big)
        began = cluster.begun("next", tiles=0).started_at
        log.info("the next began after %.2f s, a tile takes %.2f s", began - asked, tile_s)
        assert began - asked <= tile_s
        cluster.until(lambda: cluster.over("next"))
        assert cluster.job(big) == cancelled
        assert cancelled.mask_sha256 is None


def test_a_cancelled_job_in_the_queue_is_dropped(cluster: Any) -> None:
    cluster.ask("job")
    cluster.repository.jobs.cancel("ada", "job")
    cluster.ask("next")
    cluster.worker()
    cluster.until(lambda: cluster.over("next"))
    job = cluster.job("job")
    assert (job.state, job.attempt, job.started_at) == (JobState.CANCELLED, 0, None)
