"""One job without a broker: the state in which each error leaves it."""

import errno
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imaging.errors import StorageFull
from inference.device import queues_of
from inference.engine import Engine
from inference.networks.session import Session
from inference.segmentation_output import SegmentationOutput
from jobs.blob_collector import BlobCollector
from jobs.blobs import EncryptedBlobs, FolderBlobs, open_blobs
from jobs.encryption import new_key
from jobs.job import JobState, Options
from jobs.settings import Settings
from models.registry import Registry
from service.schemas import Problem
from tests.support.job_runner import Parts, job_runner


@pytest.fixture
def parts(idle_cluster: Any, tmp_path: Path) -> Parts:
    settings = idle_cluster.settings
    engine = Engine(Registry(settings.added_models), "cpu", threads=1, scratch=tmp_path)
    return Parts(idle_cluster, engine, tmp_path)


def test_a_job_leaves_mask_preview_and_report(
    parts: Parts, idle_cluster: Any, undisturbed: str, tmp_path: Path
) -> None:
    idle_cluster.ask("job", send=0)
    job_runner(parts).run("job")
    job = idle_cluster.job("job")
    assert job.state is JobState.SUCCEEDED
    assert (job.mask_sha256, job.mask_format) == (undisturbed, "nifti")
    assert (job.progress.tiles_done, job.progress.tiles_total) == (64, 64)
    report = idle_cluster.repository.jobs.report("ada", job.id)
    assert report["tiling"]["tiles"] == 64
    assert report["model"]["name"] == "small"
    with idle_cluster.blobs.local(job.preview_sha256) as preview:
        assert preview.read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "scan.nii"}, "scratch is left"

    job_runner(parts).run("job")  # the message comes again
    assert idle_cluster.job("job") == job


def test_a_job_on_an_encrypted_store(
    parts: Parts, idle_cluster: Any, undisturbed: str, tmp_path: Path
) -> None:
    """The scan is decrypted for the job alone, and what it leaves is encrypted."""
    encrypted = idle_cluster.settings.model_copy(update={"encryption_key": new_key()})
    blobs = open_blobs(encrypted, tmp_path / "own")
    assert isinstance(blobs, EncryptedBlobs)
    blobs.encrypt_plain(idle_cluster.repository.scans.get("ada", "scan").sha256)
    idle_cluster.ask("job", send=0)
    job_runner(replace(parts, blobs=blobs)).run("job")
    job = idle_cluster.job("job")
    assert (job.state, job.mask_sha256) == (JobState.SUCCEEDED, undisturbed)
    assert (len(blobs.file_names()[0]), blobs.file_names()[1]) == (3, [])
    assert not list((tmp_path / "own").iterdir())


def test_the_log_says_why_a_gpu_was_not_used(
    parts: Parts,
    idle_cluster: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    real = Engine.segment

    def on_the_processor(*given: Any) -> SegmentationOutput:
        return replace(real(*given), fallback="The processor was used instead of the GPU: x.")

    monkeypatch.setattr(Engine, "segment", on_the_processor)
    idle_cluster.ask("job", send=0)
    job_runner(parts).run("job")
    messages = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert messages == ["job job: The processor was used instead of the GPU: x."]


def test_a_network_is_loaded_once(
    parts: Parts, idle_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    class Counted(Session):
        def __init__(self, *given: Any) -> None:
            loaded.append(given)
            super().__init__(*given)

    monkeypatch.setattr("inference.session_cache.Session", Counted)
    for name in ("one", "two", "three"):
        idle_cluster.ask(name, send=0)
        job_runner(parts).run(name)
    assert idle_cluster.over("one", "two", "three")
    assert len(loaded) == 1


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"model": "none"}, 404, "model"),
        ({"model_sha256": "0" * 64}, 500, "checksum"),
        ({"scans": {"other": "scan"}}, 422, "image"),
        ({"options": Options(device="tensorrt")}, 422, "runtime"),
    ],
)
def test_what_cannot_succeed_fails_once(
    parts: Parts, idle_cluster: Any, change: dict[str, Any], status: int, word: str
) -> None:
    idle_cluster.ask("job", send=0, **change)
    job_runner(parts).run("job")
    job = idle_cluster.job("job")
    assert (job.state, job.attempt) == (JobState.FAILED, 1)
    problem = Problem.model_validate(job.error)  # what the gateway will show
    assert problem.status == status
    assert problem.hint
    assert word in f"{problem.title} {problem.detail} {problem.expected}".lower()


def test_a_broken_scan_fails_once(parts: Parts, idle_cluster: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nii"
    broken.write_bytes((tmp_path / "scan.nii").read_bytes()[:5000])
    scan = idle_cluster.repository.scans.get("ada", "scan")
    sha256 = idle_cluster.blobs.put(broken, move=True)
    idle_cluster.repository.scans.add(replace(scan, id="broken", sha256=sha256))
    idle_cluster.ask("job", send=0, scan="broken")
    job_runner(parts).run("job")
    job = idle_cluster.job("job")
    assert job.state is JobState.FAILED
    assert job.error["title"] == "The scan cannot be read"
    assert "scan.nii" not in str(job.error)


def test_a_blob_that_is_gone_fails(parts: Parts, idle_cluster: Any) -> None:
    idle_cluster.ask("job", send=0)
    idle_cluster.blobs.delete(idle_cluster.repository.scans.get("ada", "scan").sha256)
    job_runner(parts).run("job")
    assert idle_cluster.job("job").error["status"] == 404


class Cancelling(FolderBlobs):
    """Has the job cancelled by its project when its mask is stored and not yet named."""

    def __init__(self, cluster: Any) -> None:
        super().__init__(cluster.settings.data / "blobs")
        self._cluster = cluster

    def put(self, path: Path, *, move: bool = False) -> str:  # type: ignore[override]
        sha256 = super().put(path, move=move)
        if not self._cluster.job("job").state.final:
            self._cluster.repository.jobs.cancel("ada", "job")
        return sha256


def test_what_a_refused_finish_stored_goes(
    parts: Parts, idle_cluster: Any, undisturbed: str
) -> None:
    """A picture of the patient must not outlive the scan because nothing names it."""
    idle_cluster.ask("job", send=0)
    job_runner(replace(parts, blobs=Cancelling(idle_cluster))).run("job")
    assert idle_cluster.job("job").state is JobState.CANCELLED
    scan = idle_cluster.repository.scans.get("ada", "scan").sha256
    left = idle_cluster.stored()
    assert left > {undisturbed, scan}
    assert len(left) == 3
    assert idle_cluster.repository.scans.delete("ada", "scan") == [scan]

    references = idle_cluster.repository.references
    collector = BlobCollector(references, idle_cluster.blobs, idle_cluster.settings)
    assert sum(collector.collect()) == 0
    assert idle_cluster.stored() == left, "within the grace period"
    for path in (idle_cluster.settings.data / "blobs").glob("??/*"):
        os.utime(path, (1, 1))
    assert sum(collector.collect()) == 3
    assert idle_cluster.stored() == set()


class Failing(Engine):
    """The real engine, until the tile at which the machine gives up."""

    def __init__(self, parts: Parts, error: Exception) -> None:
        super().__init__(Registry(parts.cluster.settings.added_models), "cpu", threads=1)
        self._error = error

    def segment(self, *_args: Any, **_kwargs: Any) -> Any:
        raise self._error


def test_the_unexpected_is_told_neutrally(
    parts: Parts, idle_cluster: Any, caplog: pytest.LogCaptureFixture
) -> None:
    idle_cluster.ask("job", send=0)
    secret = "Doe^Jane in /scans/doe.nii"
    job_runner(replace(parts, engine=Failing(parts, ValueError(secret)))).run("job")
    job = idle_cluster.job("job")
    assert job.state is JobState.FAILED
    assert job.error["title"] == "The service failed"
    found = job.error["instance"].removeprefix("urn:uuid:")
    assert found in job.error["detail"]
    assert found in caplog.text
    assert "ValueError" in caplog.text
    assert "in segment" in caplog.text
    assert "Doe" not in caplog.text + str(job.error)


def test_too_little_memory_says_what_to_do(parts: Parts, idle_cluster: Any) -> None:
    idle_cluster.ask("job", send=0)
    job_runner(replace(parts, engine=Failing(parts, MemoryError()))).run("job")
    job = idle_cluster.job("job")
    assert job.state is JobState.FAILED
    assert "more memory" in job.error["hint"]


@pytest.mark.parametrize(
    "error", [StorageFull("No room."), OSError(errno.ENOSPC, "No space left on device")]
)
def test_a_full_disk_is_tried_again_and_its_reason_kept(
    parts: Parts, idle_cluster: Any, error: Exception
) -> None:
    idle_cluster.ask("job", send=0)
    full = job_runner(replace(parts, engine=Failing(parts, error), changes={"max_attempts": 2}))
    full.run("job")
    job = idle_cluster.job("job")
    assert (job.state, job.attempt, job.error["status"]) == (JobState.QUEUED, 1, 507)
    assert job.sent_at is not None, "the next try comes after a lease, not at once"
    full.run("job")
    job = idle_cluster.job("job")
    assert (job.state, job.attempt, job.error["status"]) == (JobState.FAILED, 2, 507)


def test_sigquit_stops_in_the_middle(parts: Parts, idle_cluster: Any) -> None:
    """As run by hand: the handlers are called as the kernel would."""
    idle_cluster.ask("job", send=0)
    thread = threading.Thread(target=job_runner(parts).run, args=("job",))
    thread.start()
    idle_cluster.begun("job", tiles=2)
    (token,) = parts.shutdown._tokens
    parts.shutdown.on_signal(signal.SIGQUIT, None)
    thread.join(60)
    assert token.cancelled
    assert (idle_cluster.job("job").state, idle_cluster.job("job").attempt) == ("queued", 0)


def test_a_worker_serves_any_and_its_own_kind() -> None:
    assert queues_of("cpu") == ("any", "cpu")
    assert queues_of("auto")[0] == "any"


def test_progress_is_written_at_most_four_times_a_second(parts: Parts, idle_cluster: Any) -> None:
    """Counted in the database: each write moves the lease."""
    idle_cluster.ask("job", send=0)
    began = time.monotonic()
    thread = threading.Thread(target=job_runner(parts).run, args=("job",))
    thread.start()
    leases = set()
    while thread.is_alive():
        leases.add(idle_cluster.job("job").lease_until)
        time.sleep(0.005)
    seconds = time.monotonic() - began
    assert len(leases) >= 3
    assert len(leases) <= 4 * seconds + 4  # queued, claimed, the last tile, over


def test_a_hung_tile_loses_the_lease(parts: Parts, idle_cluster: Any) -> None:
    """Without a tile for `tile_timeout_s` the lease ends: another takes the job, this run stops."""

    class Hung(Failing):
        def segment(self, *args: Any, **_kwargs: Any) -> Any:
            token = args[4].token
            while not token.cancelled:
                time.sleep(0.01)
            token.check()

    idle_cluster.ask("job", send=0)
    changes = {"tile_timeout_s": 0.3, "lease_s": 0.5}
    hung = job_runner(replace(parts, engine=Hung(parts, ValueError()), changes=changes))
    thread = threading.Thread(target=hung.run, args=("job",))
    thread.start()
    idle_cluster.until(hung.hangs)
    idle_cluster.until(lambda: idle_cluster.repository.lost_jobs.take_back(3))
    thread.join(60)
    assert not thread.is_alive()
    assert not hung.hangs()
    assert idle_cluster.job("job").state is JobState.QUEUED


def test_settings_say_where_things_are(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert settings.broker == "file://"
    assert settings.broker_folder == tmp_path / "broker"
    assert os.fspath(settings.scratch).startswith(os.fspath(tmp_path))
