"""How a worker runs trainings: in another process, beside its jobs, and never in place of a job."""

import os
import signal
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from imaging.errors import Part, Unavailable
from jobs.job import JobState
from jobs.training import Training, TrainingOptions, TrainingPhase
from tests.support import trainer
from tests.support.stored_judgements import add_judged, trained_model
from tests.support.waiting import until
from workers import training_loop
from workers.breaker import Breaker
from workers.lease_keeper import LeaseKeeper
from workers.shutdown import Shutdown
from workers.training_attempt import TrainingTools
from workers.training_loop import TrainingLoop


class Trainings:
    """A worker's loop over the trainings of a cluster."""

    def __init__(self, cluster: Any, what: str, **settings: Any) -> None:
        self.cluster, self.rows = cluster, cluster.repository.trainings
        self.settings = cluster.settings.model_copy(update=settings)
        self.shutdown = Shutdown()
        self.breaker = Breaker({Part.STORE: cluster.blobs.check_writable})
        self.keeper = LeaseKeeper(self.settings, self.shutdown)
        command = [sys.executable, "-m", "tests.support.trainer", what]
        tools = TrainingTools(
            command=command,
            leases=cluster.repository.training_leases,
            keeper=self.keeper,
            blobs=cluster.blobs,
            settings=self.settings,
            shutdown=self.shutdown,
            breaker=self.breaker,
        )
        self.loop = TrainingLoop(self.rows, "w", tools)
        card = cluster.card
        new = Training(
            "training", "ada", card.name, card.version, card.sha256, time.time(), "Ada",
            TrainingOptions(steps=30),
        )  # fmt: skip
        self.rows.add(new)
        self.loop.start()

    @property
    def training(self) -> Training:
        training: Training = self.rows.get("ada", "training")
        return training

    @property
    def folder(self) -> Path:
        return Path(self.settings.trainings / "training")

    def until(self, state: JobState) -> Training:
        until(lambda: self.training.state is state)
        return self.training

    def starts(self) -> list[int]:
        """Ids of the processes that were started."""
        with suppress(FileNotFoundError):
            return [int(line) for line in (self.folder / "starts").read_text().split()]
        return []

    def close(self) -> None:
        self.loop.stop()
        self.keeper.close()


def is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


Open = Callable[..., Trainings]


@pytest.fixture
def trainings(idle_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    monkeypatch.setattr(training_loop, "_LOOK_S", 0.05)
    opened: list[Trainings] = []

    def open_one(what: str, **settings: Any) -> Trainings:
        opened.append(Trainings(idle_cluster, what, **settings))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def test_the_new_model_is_stored(trainings: Open) -> None:
    ran = trainings("succeeds")
    done = ran.until(JobState.SUCCEEDED)
    assert (done.result, done.attempt, done.publish) == (trainer.RESULT, 1, True)
    assert done.model_blob is not None
    with ran.cluster.blobs.local(done.model_blob) as packed, zipfile.ZipFile(packed) as files:
        assert files.namelist() == ["card.json"]
    until(lambda: not ran.folder.exists())


def test_what_the_process_reports_fails_the_training(trainings: Open) -> None:
    failed = trainings("fails").until(JobState.FAILED)
    assert (failed.error, failed.attempt) == (trainer.PROBLEM, 1)


def test_a_crash_is_an_attempt(trainings: Open) -> None:
    ran = trainings("crashes", max_attempts=2, lease_s=0.2)
    failed = ran.until(JobState.FAILED)
    assert failed.attempt == 2
    assert failed.error is not None
    assert "SIGSEGV" in failed.error["detail"]


def test_a_cancelled_training_stops(trainings: Open) -> None:
    ran = trainings("hangs")
    until(lambda: ran.training.progress.phase is TrainingPhase.TRAINING)
    progress = ran.training.progress
    assert (progress.step, progress.total, progress.loss) == (1, 30, 0.5)
    (process,) = ran.starts()
    ran.rows.cancel("ada", "training")
    until(lambda: not is_alive(process))
    until(lambda: not ran.folder.exists())
    assert ran.training.state is JobState.CANCELLED


def test_a_worker_that_stops_gives_it_back(trainings: Open) -> None:
    """The attempt is not counted, and the folder stays for the next one."""
    ran = trainings("hangs")
    until(lambda: ran.training.progress.phase is not None)
    (process,) = ran.starts()
    ran.shutdown.on_signal(15, None)
    queued = ran.until(JobState.QUEUED)
    assert (queued.attempt, queued.worker) == (0, None)
    assert not is_alive(process)
    assert ran.folder.exists()


def test_an_unavailable_store_is_no_attempt(
    trainings: Open, monkeypatch: pytest.MonkeyPatch, idle_cluster: Any
) -> None:
    """The store fails when the model is stored: the training waits for it, uncounted."""
    down = [True]

    def put(*given: Any, **named: Any) -> str:
        if down[0]:
            raise Unavailable("The store does not answer.", part=Part.STORE)
        return stored(*given, **named)

    stored = idle_cluster.blobs.put
    monkeypatch.setattr(idle_cluster.blobs, "put", put)
    ran = trainings("succeeds")
    until(lambda: ran.training.progress.phase is TrainingPhase.STORING)
    down[0] = False
    assert ran.until(JobState.SUCCEEDED).attempt == 1


def test_files_of_ended_trainings_are_removed(trainings: Open, idle_cluster: Any) -> None:
    """Such as of one that was cancelled while this worker was down."""
    leftover = idle_cluster.settings.trainings / "unknown"
    leftover.mkdir(parents=True)
    ran = trainings("succeeds")
    ran.until(JobState.SUCCEEDED)
    assert not leftover.exists()


SAVES_OFTEN = """
import sys
from cli import training_process
training_process.TRAINING_COMMAND = (
    sys.executable, "-P", "-c",
    "from models.training import fine_tune; fine_tune._SAVE_S = 0.1;"
    "from cli.training_process import main; main()",
)
"""
"""A worker whose trainings write checkpoints often."""


@pytest.mark.slow
@pytest.mark.process
def test_a_killed_worker_continues_from_the_checkpoint(
    lasting_cluster: Any, tmp_path: Path
) -> None:
    """A real training, beside which a job runs; SIGKILL of the worker ends both processes."""
    cluster, rows = lasting_cluster, lasting_cluster.repository
    card = trained_model(tmp_path, cluster.settings.added_models)
    for number in range(4):
        add_judged(rows, cluster.blobs, card, tmp_path, number)
    worker = cluster.worker(SAVES_OFTEN)
    until(lambda: worker.ready)
    options = TrainingOptions(steps=1_000_000)
    rows.trainings.add(
        Training("training", "ada", "blob", "1", card.sha256, time.time(), options=options)
    )

    def training() -> Training:
        return rows.trainings.get("ada", "training")

    def process() -> psutil.Process:
        (child,) = psutil.Process(worker.child).children()
        return child

    state = cluster.settings.trainings / "training" / "run" / "last.pt"
    until(lambda: training().progress.step > 5 and state.exists())
    first = process()
    assert first.nice() == 19
    cluster.ask("job")
    until(lambda: cluster.over("job"))
    assert first.is_running(), "a job did not end it"

    killed = worker.child
    os.kill(killed, signal.SIGKILL)
    until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE)
    until(lambda: (training().progress.continued_from or 0) > 0)
    again = training()
    assert (again.fence, again.attempt) == (2, 1), "somebody killed it: that was no attempt"
    assert worker.child != killed
    second = process()
    rows.trainings.cancel("ada", "training")
    until(lambda: not second.is_running())
    until(lambda: not state.parent.parent.exists())
