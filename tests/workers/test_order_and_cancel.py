"""Priorities, and what a cancel does, with real workers."""

import logging
import random
import time
from pathlib import Path
from typing import Any

from jobs.job import Batch, JobState, Options

log = logging.getLogger(__name__)


def test_a_batch_is_done_by_priority_then_age(house: Any, tmp_path: Path) -> None:
    """50 jobs that came while no worker ran; the file transport keeps priorities, too."""
    house.scan(house.noise(tmp_path / "little.nii", 16), "little")
    dice = random.Random(50)
    asked = [
        house.job_of(f"job{n}", scan="little", batch=None, priority=dice.randrange(10))
        for n in range(50)
    ]
    house.repository.add_batch(Batch("batch", "ada", "fifty", time.time()), asked)
    for job in asked:
        assert house.repository.mark_sent(job.id, 0)
        house.queue.send(job)
    expected = sorted(asked, key=lambda job: -job.priority)
    assert [house.repository.place(job) for job in expected] == list(range(1, 51))
    house.worker()
    house.until(lambda: house.repository.counts()[JobState.SUCCEEDED] == 50)
    done = sorted((house.job(job.id) for job in asked), key=lambda job: job.finished_at)
    assert [job.id for job in done] == [job.id for job in expected]
    assert house.repository.batch("ada", "batch").states == {JobState.SUCCEEDED: 50}


def test_a_cancelled_job_makes_room_within_one_tile(house: Any, tmp_path: Path) -> None:
    """Cancelled at once for its owner; its worker begins the next within one tile's time."""
    card = house.network(house.settings.added_models / "deep", "deep", 12, layers=8)
    house.scan(house.noise(tmp_path / "big.nii", 240), "big")
    big = Options(device="cpu", precision="fp32", tile=(96,))  # 27 tiles
    house.worker()
    house.until(lambda: house.ready() == 1)
    house.ask("big", scan="big", options=big, model="deep", model_sha256=card.sha256)
    first = house.begun("big", tiles=1)
    second = house.begun("big", tiles=2)
    assert first.progress.tiles_done == 1, "two tiles between two looks: the tile is too quick"
    seen = time.time()
    house.ask("next")
    assert second.progress.tiles_total - second.progress.tiles_done >= 20
    tile_s = (seen - second.started_at) / 2  # loading the network included

    asked = time.time()
    cancelled = house.repository.cancel("ada", "big")
    assert cancelled.state is JobState.CANCELLED
    assert house.job("big").state is JobState.CANCELLED
    began = house.begun("next", tiles=0).started_at
    log.info("the next began after %.2f s, a tile takes %.2f s", began - asked, tile_s)
    assert began - asked <= tile_s
    house.until(lambda: house.over("next"))
    assert house.job("big") == cancelled
    assert cancelled.mask_sha256 is None


def test_a_cancelled_job_in_the_queue_is_dropped(house: Any) -> None:
    house.ask("job")
    house.repository.cancel("ada", "job")
    house.ask("next")
    house.worker()
    house.until(lambda: house.over("next"))
    job = house.job("job")
    assert (job.state, job.attempt, job.started_at) == (JobState.CANCELLED, 0, None)
