"""Small pictures taken at once: the same masks, nobody overtaken, each with its own end."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inference.engine import Engine
from jobs.job import Options, StoredScan
from models.registry import Registry
from workers.bench import Bench
from workers.group import taken_along
from workers.stop import Stop
from workers.tasks import segment

MODEL = Registry().get("nuclei-2d").card
CHANNEL = MODEL.channels[0].name
PICTURES = tuple("abcdef")


def picture(house: Any, folder: Path, name: str, pixels: np.ndarray | None = None) -> None:
    """Stores a picture of that name: a part of scikit-image's, another for each."""
    if pixels is None:
        corner = 40 * PICTURES.index(name)
        pixels = skimage.data.immunohistochemistry()[corner : corner + 128, corner : corner + 160]
    path = folder / f"{name}.png"
    Image.fromarray(pixels).save(path)
    size = path.stat().st_size
    house.repository.scans.add(
        StoredScan(
            id=name, project="ada", sha256=house.blobs.put(path), name="p.png", format="png",
            shape=(3, *pixels.shape[:2]), dtype="uint8", spacing_mm=None,
            affine=tuple(tuple(row) for row in np.eye(4).tolist()), bytes=size, warnings=(),
            created_at=time.time(),
        )
    )  # fmt: skip


def ask(house: Any, name: str, **changes: Any) -> None:
    options = Options(device="cpu", precision="fp32", tile=None)
    kind = {"model": MODEL.name, "model_version": MODEL.version, "model_sha256": MODEL.sha256}
    asked = {"scans": {"image": name}, "options": options, **kind, **changes}
    house.repository.jobs.add(house.job_of(name, **asked))
    assert house.repository.messages.mark_sent([name])


@pytest.fixture
def bench(quiet_house: Any, tmp_path: Path) -> Bench:
    """With pictures a to f in store, each another one's, and jobs for all of them in that order."""
    settings = quiet_house.settings
    engine = Engine(Registry(settings.added_models), "cpu", threads=1, scratch=tmp_path)
    for name in PICTURES:
        picture(quiet_house, tmp_path, name)
    for name in PICTURES:
        ask(quiet_house, name, scans={CHANNEL: name})
    return Bench(
        "bench", settings, quiet_house.repository, quiet_house.blobs, engine, tmp_path, Stop()
    )


def states(house: Any) -> str:
    """First letters: q, r, s, f, c."""
    return "".join(house.job(name).state.value[0] for name in PICTURES)


def test_a_worker_takes_four_at_once_and_their_messages_find_nothing(
    bench: Bench, quiet_house: Any, tmp_path: Path
) -> None:
    segment(bench, "a")
    assert states(quiet_house) == "ssssqq"
    for name in "bcd":
        segment(bench, name)  # their messages: one more each, the first of which takes the rest
    assert states(quiet_house) == "ssssss"
    assert all(quiet_house.job(name).attempt == 1 for name in PICTURES)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"data"}, "scratch left"
    for name in PICTURES:
        scans, out = {CHANNEL: tmp_path / f"{name}.png"}, tmp_path / f"alone-{name}"
        made = bench.engine.segment(scans, MODEL.name, out)
        assert quiet_house.blobs.put(made.mask) == quiet_house.job(name).mask_sha256


def test_they_run_side_by_side(bench: Bench, quiet_house: Any) -> None:
    """Each waits until all have begun."""
    meeting, honest = threading.Barrier(4), bench.engine.segment

    def meet(*args: Any, **kwargs: Any) -> Any:
        meeting.wait(60)
        return honest(*args, **kwargs)

    bench.engine.segment = meet
    segment(bench, "a")
    assert states(quiet_house) == "ssssqq"


def test_a_job_of_another_kind_is_not_overtaken(bench: Bench, quiet_house: Any) -> None:
    """Neither a more urgent one, nor one that came earlier."""
    job = quiet_house.repository.leases.claim_next("a", "bench", 60)

    def likes() -> str:
        return "".join(other.id for other in quiet_house.repository.leases.next_like(job, 60, 10))

    assert likes() == "bcdef"
    quiet_house.repository.jobs.add(quiet_house.job_of("other"))
    assert quiet_house.repository.messages.mark_sent(["other"])
    assert likes() == "bcdef"  # it is behind them
    quiet_house.repository.jobs.cancel("ada", "b")
    quiet_house.repository.jobs.retry("ada", "b")
    assert quiet_house.repository.messages.mark_sent(["b"])
    assert likes()[:1] == "b"  # a retried job keeps its place
    quiet_house.repository.jobs.add(quiet_house.job_of("urgent", priority=9))
    assert likes() == "bcdef"  # it has no message yet: that one will take it
    assert quiet_house.repository.messages.mark_sent(["urgent"])
    assert likes() == ""


def test_other_options_or_a_large_picture_end_the_group(
    bench: Bench, quiet_house: Any, tmp_path: Path
) -> None:
    job = quiet_house.repository.leases.claim_next("a", "bench", 60)
    quiet_house.repository.jobs.cancel("ada", "c")
    picture(quiet_house, tmp_path, "large", np.zeros((1025, 1024, 3), np.uint8))
    ask(quiet_house, "large", scans={CHANNEL: "large"}, priority=6)
    assert taken_along(bench, job) == []
    quiet_house.repository.jobs.cancel("ada", "large")
    other = Options(device="cpu", precision="fp32", tile=(64,))
    picture(quiet_house, tmp_path, "tiled", np.zeros((64, 64, 3), np.uint8))
    ask(quiet_house, "tiled", scans={CHANNEL: "tiled"}, priority=6, options=other)
    assert taken_along(bench, job) == []
    quiet_house.repository.jobs.cancel("ada", "tiled")
    assert [taken.id for taken in taken_along(bench, job)] == [*"bde"]


def test_a_large_picture_goes_alone_and_so_do_all_where_settings_say_so(
    bench: Bench, quiet_house: Any, tmp_path: Path
) -> None:
    picture(quiet_house, tmp_path, "large", np.zeros((1025, 1024, 3), np.uint8))
    ask(quiet_house, "large", scans={CHANNEL: "large"}, priority=6)
    job = quiet_house.repository.leases.claim_next("large", "bench", 60)
    assert job.id == "large"
    assert taken_along(bench, job) == []
    small = quiet_house.repository.leases.claim_next("a", "bench", 60)
    object.__setattr__(bench, "settings", bench.settings.model_copy(update={"together": 1}))
    assert taken_along(bench, small) == []


def test_one_that_fails_or_is_cancelled_leaves_the_others_alone(
    bench: Bench, quiet_house: Any, tmp_path: Path
) -> None:
    with bench.blobs.local(quiet_house.repository.scans.get("ada", "b").sha256) as blob:
        blob.write_bytes((tmp_path / "b.png").read_bytes()[:500])
    with bench.blobs.local(quiet_house.repository.scans.get("ada", "c").sha256) as late:
        pass
    honest, over = bench.engine.segment, threading.Event()

    def cancelling(scans: Any, *args: Any, **kwargs: Any) -> Any:
        if scans[CHANNEL] == blob:  # b cancels c, and fails
            quiet_house.repository.jobs.cancel("ada", "c")
            over.set()
        elif scans[CHANNEL] == late:
            assert over.wait(60)
        return honest(scans, *args, **kwargs)

    bench.engine.segment = cancelling
    segment(bench, "a")
    assert states(quiet_house) == "sfcsqq"
    assert quiet_house.job("b").error["status"] < 500


def test_a_job_that_was_tried_before_goes_alone(bench: Bench, quiet_house: Any) -> None:
    """It may be what killed its worker."""
    repository = quiet_house.repository
    tried = repository.leases.claim_next("b", "another", 60)
    assert tried.id == "a"
    assert repository.leases.requeue("a", tried.fence, {"title": "lost", "status": 500}, 3)
    again = repository.leases.claim("a", "bench", 60)
    assert again.attempt == 2
    assert taken_along(bench, again) == []
    assert repository.leases.requeue("a", again.fence, {"title": "lost", "status": 500}, 3)
    first = repository.leases.claim("b", "bench", 60)
    taken = [job.id for job in taken_along(bench, first)]
    assert "a" not in taken


def test_a_worker_that_ends_gives_all_of_them_back(bench: Bench, quiet_house: Any) -> None:
    bench.stop.on_signal(15, None)
    segment(bench, "a")
    assert states(quiet_house) == "qqqqqq"
    assert all(quiet_house.job(name).attempt == 0 for name in PICTURES)
