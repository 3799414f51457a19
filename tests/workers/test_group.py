"""Small pictures taken at once: the same masks, nobody overtaken, each with its own end."""

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
from PIL import Image

from inference.device import cores
from inference.engine import Engine
from jobs.job import Options
from jobs.stored_scan import StoredScan
from models.registry import Registry
from tests.support.job_runner import Parts, job_runner
from workers.job_claims import computed_together

MODEL = Registry().get("nuclei-2d").card
CHANNEL = MODEL.channels[0].name
PICTURES = tuple("abcdef")


def picture(cluster: Any, folder: Path, name: str, pixels: np.ndarray | None = None) -> None:
    """Stores a picture of that name: a part of scikit-image's, another for each."""
    if pixels is None:
        corner = 40 * PICTURES.index(name)
        pixels = skimage.data.immunohistochemistry()[corner : corner + 128, corner : corner + 160]
    path = folder / f"{name}.png"
    Image.fromarray(pixels).save(path)
    size = path.stat().st_size
    cluster.repository.scans.add(
        StoredScan(
            id=name, project="ada", sha256=cluster.blobs.put(path), name="p.png", format="png",
            shape=(3, *pixels.shape[:2]), dtype="uint8", spacing_mm=None,
            affine=tuple(tuple(row) for row in np.eye(4).tolist()), bytes=size, warnings=(),
            created_at=time.time(),
        )
    )  # fmt: skip


def ask(cluster: Any, name: str, **changes: Any) -> None:
    options = Options(device="cpu", precision="fp32", tile=None)
    kind = {"model": MODEL.name, "model_version": MODEL.version, "model_sha256": MODEL.sha256}
    asked = {"scans": {"image": name}, "options": options, **kind, **changes}
    cluster.repository.jobs.add(cluster.job_of(name, **asked))
    assert cluster.repository.messages.mark_sent([name])


@pytest.fixture
def parts(idle_cluster: Any, tmp_path: Path) -> Parts:
    """With pictures a to f in store, each another one's, and jobs for all of them in that order."""
    settings = idle_cluster.settings
    engine = Engine(Registry(settings.added_models), "cpu", threads=1, scratch=tmp_path)
    for name in PICTURES:
        picture(idle_cluster, tmp_path, name)
    for name in PICTURES:
        ask(idle_cluster, name, scans={CHANNEL: name})
    return Parts(idle_cluster, engine, tmp_path, changes={"threads": 4})


def states(cluster: Any) -> str:
    """First letters: q, r, s, f, c."""
    return "".join(cluster.job(name).state.value[0] for name in PICTURES)


def test_a_worker_takes_four_at_once_and_their_messages_find_nothing(
    parts: Parts, idle_cluster: Any, tmp_path: Path
) -> None:
    runner = job_runner(parts)
    runner.run("a")
    assert states(idle_cluster) == "ssssqq"
    for name in "bcd":
        runner.run(name)  # their messages: one more each, the first of which takes the rest
    runner.close()
    assert states(idle_cluster) == "ssssss"
    assert all(idle_cluster.job(name).attempt == 1 for name in PICTURES)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"data"}, "scratch left"
    for name in PICTURES:
        scans, out = {CHANNEL: tmp_path / f"{name}.png"}, tmp_path / f"alone-{name}"
        made = parts.engine.segment(scans, MODEL.name, out)
        assert idle_cluster.blobs.put(made.mask) == idle_cluster.job(name).mask_sha256


def test_they_run_side_by_side(parts: Parts, idle_cluster: Any) -> None:
    """Each waits until all have begun."""
    meeting, honest = threading.Barrier(4), parts.engine.segment

    def meet(*args: Any, **kwargs: Any) -> Any:
        meeting.wait(60)
        return honest(*args, **kwargs)

    parts.engine.segment = meet  # type: ignore[method-assign]
    job_runner(parts).run("a")
    assert states(idle_cluster) == "ssssqq"


@pytest.mark.usefixtures("all_are_short")
def test_the_next_begins_as_soon_as_one_has_ended(parts: Parts, idle_cluster: Any) -> None:
    """And no more at the same time than the worker has threads."""
    ends, begun = {name: threading.Event() for name in PICTURES}, []
    names = {idle_cluster.repository.scans.get("ada", name).sha256: name for name in PICTURES}
    honest = parts.engine.segment

    def until_told(scans: Any, *args: Any, **kwargs: Any) -> Any:
        name = names[scans[CHANNEL].name]
        begun.append(name)
        assert ends[name].wait(60)
        return honest(scans, *args, **kwargs)

    parts.engine.segment = until_told  # type: ignore[method-assign]
    for name in "ab":
        ends[name].set()
    runner = job_runner(replace(parts, changes={"threads": 2}))
    runner.run("a")
    assert states(idle_cluster) == "ssqqqq"
    runner.run("c")
    ahead = threading.Thread(target=runner.run, args=("e",))
    ahead.start()
    idle_cluster.until(lambda: states(idle_cluster) == "ssrrrr")
    assert not idle_cluster.job("e").attempt, "it is claimed, and waits"
    ends["d"].set()
    idle_cluster.until(lambda: "e" in begun)
    assert "f" not in begun
    assert idle_cluster.job("c").state == "running", "e does not wait for it"
    for end in ends.values():
        end.set()
    ahead.join(60)
    runner.close()
    assert states(idle_cluster) == "ssssss"


def test_no_more_at_the_same_time_than_threads_on_a_processor(idle_cluster: Any) -> None:
    def together(**changes: Any) -> int:
        return computed_together(idle_cluster.settings.model_copy(update=changes))

    assert [together(threads=n, device="cpu") for n in (1, 2, 3, 4, 16)] == [1, 2, 3, 4, 4]
    assert together(threads=16, device="cpu", group_size=9) == 9
    assert together(threads=0, device="cpu") == min(4, cores())


def test_a_job_of_another_kind_is_not_overtaken(parts: Parts, idle_cluster: Any) -> None:
    """Neither a more urgent one, nor one that came earlier."""
    job = idle_cluster.repository.leases.claim_next("a", "runner", 60)

    def likes() -> str:
        return "".join(other.id for other in idle_cluster.repository.leases.next_like(job, 60, 10))

    assert likes() == "bcdef"
    idle_cluster.repository.jobs.add(idle_cluster.job_of("other"))
    assert idle_cluster.repository.messages.mark_sent(["other"])
    assert likes() == "bcdef"  # it is behind them
    idle_cluster.repository.jobs.cancel("ada", "b")
    idle_cluster.repository.jobs.retry("ada", "b")
    assert idle_cluster.repository.messages.mark_sent(["b"])
    assert likes()[:1] == "b"  # a retried job keeps its place
    idle_cluster.repository.jobs.add(idle_cluster.job_of("urgent", priority=9))
    assert likes() == "bcdef"  # it has no message yet: that one will take it
    assert idle_cluster.repository.messages.mark_sent(["urgent"])
    assert likes() == ""


def test_other_options_or_a_large_picture_end_the_group(
    parts: Parts, idle_cluster: Any, tmp_path: Path
) -> None:
    job = idle_cluster.repository.leases.claim_next("a", "runner", 60)
    idle_cluster.repository.jobs.cancel("ada", "c")
    picture(idle_cluster, tmp_path, "large", np.zeros((1025, 1024, 3), np.uint8))
    ask(idle_cluster, "large", scans={CHANNEL: "large"}, priority=6)
    assert job_runner(parts).claims.similar(job) == []
    idle_cluster.repository.jobs.cancel("ada", "large")
    other = Options(device="cpu", precision="fp32", tile=(64,))
    picture(idle_cluster, tmp_path, "tiled", np.zeros((64, 64, 3), np.uint8))
    ask(idle_cluster, "tiled", scans={CHANNEL: "tiled"}, priority=6, options=other)
    assert job_runner(parts).claims.similar(job) == []
    idle_cluster.repository.jobs.cancel("ada", "tiled")
    assert [taken.id for taken in job_runner(parts).claims.similar(job)] == [*"bde"]


def test_a_large_picture_goes_alone_and_so_do_all_where_settings_say_so(
    parts: Parts, idle_cluster: Any, tmp_path: Path
) -> None:
    picture(idle_cluster, tmp_path, "large", np.zeros((1025, 1024, 3), np.uint8))
    ask(idle_cluster, "large", scans={CHANNEL: "large"}, priority=6)
    job = idle_cluster.repository.leases.claim_next("large", "runner", 60)
    assert job.id == "large"
    assert job_runner(parts).claims.similar(job) == []
    small = idle_cluster.repository.leases.claim_next("a", "runner", 60)
    alone = replace(parts, changes={"threads": 4, "group_size": 1})
    assert job_runner(alone).claims.similar(small) == []


def test_one_that_fails_or_is_cancelled_leaves_the_others_alone(
    parts: Parts, idle_cluster: Any, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((tmp_path / "b.png").read_bytes()[:500])
    failing, late = (idle_cluster.repository.scans.get("ada", name).sha256 for name in "bc")
    honest, over = parts.engine.segment, threading.Event()

    def cancelling(scans: Any, *args: Any, **kwargs: Any) -> Any:
        if scans[CHANNEL].name == failing:  # b cancels c, and fails
            idle_cluster.repository.jobs.cancel("ada", "c")
            over.set()
            scans = {CHANNEL: broken}
        elif scans[CHANNEL].name == late:
            assert over.wait(60)
        return honest(scans, *args, **kwargs)

    parts.engine.segment = cancelling  # type: ignore[method-assign]
    job_runner(parts).run("a")
    assert states(idle_cluster) == "sfcsqq"
    assert idle_cluster.job("b").error["status"] < 500


def test_a_job_that_was_tried_before_goes_alone(parts: Parts, idle_cluster: Any) -> None:
    """It may be what killed its worker."""
    repository = idle_cluster.repository
    tried = repository.leases.claim_next("b", "another", 60)
    assert tried.id == "a"
    assert repository.leases.requeue("a", tried.fence, {"title": "lost", "status": 500}, 3)
    again = repository.leases.claim("a", "runner", 60)
    assert again.attempt == 1
    assert job_runner(parts).claims.similar(again) == []
    assert repository.leases.requeue("a", again.fence, {"title": "lost", "status": 500}, 3)
    first = repository.leases.claim("b", "runner", 60)
    taken = [job.id for job in job_runner(parts).claims.similar(first)]
    assert "a" not in taken


def test_a_worker_that_ends_gives_all_of_them_back(parts: Parts, idle_cluster: Any) -> None:
    parts.shutdown.on_signal(15, None)
    job_runner(parts).run("a")
    assert states(idle_cluster) == "qqqqqq"
    assert all(idle_cluster.job(name).attempt == 0 for name in PICTURES)
