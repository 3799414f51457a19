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


def test_a_batch_is_done_by_priority_then_age(patient_house: Any, tmp_path: Path) -> None:
    """50 scans that came over the API while the worker was paused, waiting for a message."""
    house = patient_house
    dice = random.Random(50)
    priorities = [0, *(dice.randrange(10) for _ in range(49))]
    worker = house.worker()
    house.until(lambda: house.ready() == 1)
    with house.gateway() as (client, _):
        house.freeze(worker)
        asked = []
        for n, priority in enumerate(priorities):
            path = house.noise(tmp_path / f"{n}.nii", 12 + n % 5, seed=n)
            files = {"files": (path.name, path.read_bytes())}
            scan = client.post("/v1/scans", files=files).json()["id"]
            options = {"device": "cpu", "precision": "fp32"}
            job = {"scan": scan, "model": house.card.name, "options": options}
            asked.append(job | {"priority": priority})
        batch = client.post("/v1/batches", json={"name": "fifty", "jobs": asked}).json()
        house.until(lambda: (house.queue.waiting() or 0) >= 49)
        urgency = dict(zip(batch["jobs"], priorities, strict=True))
        expected = sorted(batch["jobs"], key=lambda name: -urgency[name])
        places = [client.get(f"/v1/jobs/{name}").json()["place_in_queue"] for name in expected]
        assert places == list(range(1, 51))
        worker.signal(signal.SIGCONT)
        house.until(lambda: client.get(f"/v1/batches/{batch['id']}").json()["fraction"] == 1)
        told = client.get(f"/v1/batches/{batch['id']}").json()
    assert told["states"] == {"succeeded": 50}
    done = sorted((house.job(name) for name in expected), key=lambda job: job.finished_at)
    assert [job.id for job in done] == expected
    assert len({scan for job in done for scan in job.scans.values()}) == 50
    assert [job.attempt for job in done] == [1] * 50


def test_progress_comes_as_events(patient_house: Any) -> None:
    """Read by a real HTTP client from a real gateway while a real worker computes for seconds."""
    house = patient_house
    card = house.network(house.settings.added_models / "deep", "deep", 24, layers=8)
    house.worker()
    house.until(lambda: house.ready() == 1)
    options = {"device": "cpu", "precision": "fp32", "tile": [24]}
    with house.gateway() as (client, _):
        path = house.noise(house.settings.data.parent / "scan.nii", 72)
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
    assert len({n for n in tiles if 0 < n < 343}) >= 2, tiles
    assert {event["progress"]["tiles_total"] for event in events[-2:]} == {343}


def test_a_cancelled_job_makes_room_within_one_tile(patient_house: Any, tmp_path: Path) -> None:
    """Cancelled at once for its project; its worker begins the next within one tile's time."""
    house = patient_house
    card = house.network(house.settings.added_models / "deep", "deep", 24, layers=8)
    scan = house.noise(tmp_path / "big.nii", 240)
    options = {"device": "cpu", "precision": "fp32"}
    house.worker()
    house.until(lambda: house.ready() == 1)
    with house.gateway() as (client, _):
        files = {"files": (scan.name, scan.read_bytes())}
        big = {"scan": client.post("/v1/scans", files=files).json()["id"], "model": card.name}
        big = client.post("/v1/jobs", json=big | {"options": options | {"tile": [96]}}).json()["id"]
        first = house.begun(big, tiles=1)
        seen = time.time()
        second = house.begun(big, tiles=first.progress.tiles_done + 1)
        tiles = second.progress.tiles_done - first.progress.tiles_done
        tile_s = (time.time() - seen) / tiles
        assert second.progress.tiles_total - second.progress.tiles_done >= 20
        house.ask("next")

        asked = time.time()
        assert client.post(f"/v1/jobs/{big}/cancel").json()["state"] == "cancelled"
        cancelled = house.job(big)
        began = house.begun("next", tiles=0).started_at
        log.info("the next began after %.2f s, a tile takes %.2f s", began - asked, tile_s)
        assert began - asked <= tile_s
        house.until(lambda: house.over("next"))
        assert house.job(big) == cancelled
        assert cancelled.mask_sha256 is None


def test_a_cancelled_job_in_the_queue_is_dropped(house: Any) -> None:
    house.ask("job")
    house.repository.jobs.cancel("ada", "job")
    house.ask("next")
    house.worker()
    house.until(lambda: house.over("next"))
    job = house.job("job")
    assert (job.state, job.attempt, job.started_at) == (JobState.CANCELLED, 0, None)
